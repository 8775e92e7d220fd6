//! `abtest import`: an exported experiment into a store.

use std::path::{Path, PathBuf};

use abtest_model::{Counting, Experiment, Namespace};
use abtest_store::contents::put_baselines;
use abtest_store::transfer::{Export, import_uuids};
use anyhow::{Context, Result, bail};

use super::export::Place;
use crate::terminal::printable;
use crate::{ExitStatus, stores};

/// Bring an experiment that was exported into a store, where it goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest import button.json --redis redis://here/
  abtest import --experiment 'button color' --counts-of redis://gimel/ --redis redis://here/

Counts of Gimel and Lamed come without uuids. They stand beside the experiment as what they are, an
estimate or a number, and are never added to what is counted here.")]
pub(crate) struct Arguments {
    /// What `abtest export` wrote.
    #[arg(required_unless_present = "counts_of")]
    file: Option<PathBuf>,
    /// Bring over what Gimel or Lamed counted in this Redis, as starting values.
    #[arg(long, value_name = "URL", requires = "experiment", conflicts_with_all = ["file", "data"])]
    counts_of: Option<String>,
    /// The experiment whose counts they are.
    #[arg(long, value_name = "NAME", requires = "counts_of")]
    experiment: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    match (&arguments.file, &arguments.counts_of, &arguments.experiment) {
        (None, Some(url), Some(experiment)) => counts(&arguments.place, url, experiment),
        (Some(file), ..) => experiment(&arguments.place, file),
        _ => bail!("name a file, or --counts-of and --experiment"),
    }
}

/// Starting values from another program's Redis.
fn counts(place: &Place, url: &str, experiment: &str) -> Result<ExitStatus> {
    let namespace = Namespace::new(&*place.namespace)?;
    let experiment = Experiment::new(experiment)?;
    let runtime = stores::runtime()?;
    let from = stores::redis(&runtime, url, None)?;
    let to = place.redis.as_deref().unwrap_or_default();
    let to = stores::redis(&runtime, to, place.config.as_deref())?;
    let values = runtime.block_on(async {
        let values = from.counted_by_others(&namespace, &experiment).await?;
        put_baselines(&to, &namespace, &experiment, &values).await?;
        anyhow::Ok(values)
    })?;
    let name = printable(experiment.as_str());
    if values.is_empty() {
        bail!(
            "neither Gimel nor Lamed counted `{name}` there, in the namespace {}",
            printable(namespace.as_str())
        );
    }
    for value in &values {
        let how = match value.counting {
            Counting::Hll => "about (±0.81%)",
            Counting::Exact => "exactly",
        };
        let (goal, label) = (printable(&value.goal), printable(&value.label));
        println!("{goal}, {label}: {how} {}", value.count);
    }
    println!("kept beside `{name}`; what is counted from now on is not added to them");
    Ok(ExitStatus::Done)
}

/// An exported experiment.
fn experiment(place: &Place, path: &Path) -> Result<ExitStatus> {
    let Place { namespace, redis, config, data } = place;
    let namespace = Namespace::new(&**namespace)?;
    let file = || path.display().to_string();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", file()))?;
    let export: Export = serde_json::from_str(&text)
        .with_context(|| format!("{} is no export of abtest, or it is damaged", file()))?;
    let runtime = stores::runtime()?;
    match data {
        Some(folder) => {
            let store = stores::folder(folder)?;
            runtime.block_on(import_uuids(&store, &namespace, &export))?;
        }
        None => {
            let url = redis.as_deref().unwrap_or_default();
            let store = stores::redis(&runtime, url, config.as_deref())?;
            runtime.block_on(store.import(&namespace, &export))?;
        }
    }
    let name = printable(&export.experiment);
    println!("imported {name} into the namespace {}", printable(namespace.as_str()));
    if export.holds_uuids() {
        println!("its time line begins today: a folder's export has no days");
    }
    Ok(ExitStatus::Done)
}

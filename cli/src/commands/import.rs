//! `abtest import`: reads an exported experiment into a store.

use std::path::{Path, PathBuf};

use abtest_api::{ImportOptions, import_definition};
use abtest_model::{Counting, Experiment, Namespace};
use abtest_store::contents::put_baselines;
use abtest_store::transfer::{Export, Import, OnStep};
use abtest_store::{Counters, Include, Kind, Store};
use anyhow::{Context, Result, bail};

use super::export::Place;
use crate::progress::Progress;
use crate::stores::NewFolders;
use crate::terminal::printable;
use crate::usage::WrongUsage;
use crate::{ExitStatus, stores};

/// Read an exported experiment into a store, where it continues to count.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest import button.json --redis redis://here/
  abtest import --experiment 'button color' --counts-of redis://gimel/ --redis redis://here/

An experiment appears only after all of it is imported. If an import is cut off, run it again.

Gimel and Lamed keep no uuids. So their counts are shown beside the experiment, and are never added
to what abtest counts.")]
pub(crate) struct Arguments {
    /// A file that `abtest export` wrote.
    #[arg(required_unless_present = "counts_of")]
    file: Option<PathBuf>,
    /// Import what Gimel or Lamed counted in this Redis, as starting values.
    #[arg(long, value_name = "URL", requires = "experiment", conflicts_with_all = ["file", "data"])]
    counts_of: Option<String>,
    /// The experiment to import the counts of.
    #[arg(long, value_name = "NAME", requires = "counts_of")]
    experiment: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Give the definition a new id and salt, if another experiment has them.
    #[arg(long, requires = "file")]
    new_id: bool,
    /// Print what was imported as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    match (&arguments.file, &arguments.counts_of, &arguments.experiment) {
        (None, Some(url), Some(experiment)) => counts(arguments, url, experiment),
        (Some(_), None, Some(_)) => Err(WrongUsage::new(
            "--experiment goes with --counts-of; an export is imported under its own name",
        )
        .into()),
        (Some(file), ..) => experiment(arguments, file),
        _ => bail!("name a file, or --counts-of and --experiment"),
    }
}

/// Starting values from another program's Redis.
fn counts(arguments: &Arguments, url: &str, experiment: &str) -> Result<ExitStatus> {
    let place = &arguments.place;
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
            "neither Gimel nor Lamed counted `{name}` in that Redis, in the namespace {}",
            printable(namespace.as_str())
        );
    }
    if arguments.json {
        let imported = serde_json::json!({"experiment": experiment.as_str(), "counts": values});
        println!("{imported}");
        return Ok(ExitStatus::Done);
    }
    for value in &values {
        let how = match value.counting {
            Counting::Hll => "about (±0.81%)",
            Counting::Exact => "exactly",
        };
        let (goal, label) = (printable(&value.goal), printable(&value.label));
        println!("{goal}, {label}: {how} {}", value.count);
    }
    println!("saved beside `{name}`; new counts are not added to them");
    Ok(ExitStatus::Done)
}

/// An exported experiment.
fn experiment(arguments: &Arguments, path: &Path) -> Result<ExitStatus> {
    let Place { namespace, redis, config, data } = &arguments.place;
    let namespace = Namespace::new(&**namespace)?;
    let file = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", file()))?;
    let export: Export = serde_json::from_str(&text)
        .with_context(|| format!("{} is not an export of abtest, or it is damaged", file()))?;
    // A document that abtest could not read later must not get into a store.
    for document in &export.documents {
        abtest_api::check_content(document.kind, &document.content.to_string()).with_context(|| {
            format!(
                "nothing was imported: {} holds a document ({}) that this version of abtest cannot read; \
                 use the version that wrote it",
                file(),
                document.kind
            )
        })?;
    }
    let name = printable(&export.experiment);
    let runtime = stores::runtime()?;
    let progress = Progress::start(&format!("importing {name}"));
    let on_step: OnStep<'_> = &|step| progress.step(step);
    let new_id = arguments.new_id;
    match data {
        Some(folder) => {
            let created = NewFolders::of(folder);
            let store = stores::folder_or_new(folder)?;
            let imported = runtime.block_on(import(&store, &namespace, &export, new_id, on_step));
            if let Err(error) = imported {
                let counts = runtime.block_on(store.read(&namespace, None, Include::COUNTS));
                drop(store);
                if counts.is_ok_and(|experiments| experiments.is_empty()) {
                    // The import failed already; an empty folder that stays does no harm.
                    let _ = created.remove();
                }
                return Err(error);
            }
        }
        None => {
            let url = redis.as_deref().unwrap_or_default();
            let store = stores::redis(&runtime, url, config.as_deref())?;
            runtime.block_on(import(&store, &namespace, &export, new_id, on_step))?;
        }
    }
    drop(progress);
    if arguments.json {
        let imported = serde_json::json!({
            "experiment": export.experiment,
            "namespace": namespace.as_str(),
            "counters": export.counters.len(),
        });
        println!("{imported}");
        return Ok(ExitStatus::Done);
    }
    println!("imported {name} into the namespace {}", printable(namespace.as_str()));
    if export.holds_uuids() {
        println!("its time line starts today, because the export of a folder has no dates");
    }
    Ok(ExitStatus::Done)
}

/// Imports counts, documents and definition. What an earlier run that was cut off has imported stays.
async fn import(
    store: &(impl Import + Store),
    namespace: &Namespace,
    export: &Export,
    new_id: bool,
    on_step: OnStep<'_>,
) -> Result<()> {
    let experiment = export.name()?;
    let definition = Kind::Definition.of(&experiment);
    let is_defined = store.is_published(namespace, export).await?
        && store.get(namespace, &definition).await?.is_some();
    let define = async |dry_run| {
        if is_defined {
            return Ok(());
        }
        let options = ImportOptions { new_id, dry_run };
        import_definition(store, namespace, export, options).await.map(drop)
    };
    define(true).await.context("nothing was imported")?;
    store.import(namespace, export, on_step).await?;
    define(false).await.context(
        "the counts were imported, and the definition was not; correct the cause and run the same \
         command again",
    )?;
    Ok(store.finish_import(namespace, &experiment).await?)
}

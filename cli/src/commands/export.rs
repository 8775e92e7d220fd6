//! `abtest export`: an experiment with all that its counters know, as a file.

use std::io::Write;
use std::path::PathBuf;

use abtest_model::{Experiment, Namespace};
use abtest_store::embedded;
use anyhow::{Context, Result};

use crate::terminal::printable;
use crate::{ExitStatus, private_file, stores};

/// Write an experiment into a file, with all that keeps its counters from counting a uuid twice.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest export 'button color' --redis redis://here/ --output button.json
  abtest import button.json --redis redis://there/

A folder's experiments go anywhere; exact ones in Redis to another Redis, and HyperLogLogs as
well. Where the other store would count someone twice, the import is refused and says why.
A folder's export holds the uuids of your visitors: the file is for your eyes only.")]
pub(crate) struct Arguments {
    /// Name of the experiment.
    experiment: String,
    #[command(flatten)]
    place: Place,
    /// The file; standard output without it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The store, which this command opens itself.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("store").required(true)))]
pub(super) struct Place {
    /// Namespace of the experiment.
    #[arg(long, default_value = Namespace::DEFAULT)]
    pub(super) namespace: String,
    /// A Redis: its address, or none for that of the config.
    #[arg(
        long, value_name = "URL", num_args = 0..=1, default_missing_value = "", group = "store"
    )]
    pub(super) redis: Option<String>,
    /// The config file, for Redis.
    #[arg(long, value_name = "FILE", requires = "redis")]
    pub(super) config: Option<PathBuf>,
    /// The data folder of an `abtest serve` that does not run.
    #[arg(long, value_name = "FOLDER", group = "store")]
    pub(super) data: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let Place { namespace, redis, config, data } = &arguments.place;
    let namespace = Namespace::new(&**namespace)?;
    let experiment = Experiment::new(&*arguments.experiment)?;
    let export = match data {
        Some(folder) => embedded::export(&stores::counters(folder)?, &namespace, &experiment)?,
        None => {
            let runtime = stores::runtime()?;
            let url = redis.as_deref().unwrap_or_default();
            let store = stores::redis(&runtime, url, config.as_deref())?;
            runtime.block_on(store.export(&namespace, &experiment))?
        }
    };
    let export = export.with_context(|| {
        format!(
            "there is no experiment `{}` in the namespace {}; `abtest results` shows them",
            printable(experiment.as_str()),
            printable(namespace.as_str())
        )
    })?;
    let text = serde_json::to_string(&export)? + "\n";
    match &arguments.output {
        Some(file) => private_file::write(file, &text)?,
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    Ok(ExitStatus::Done)
}

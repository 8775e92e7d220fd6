//! `abtest export`: writes an experiment with its counters and documents to a file.

use std::path::PathBuf;

use abtest_model::{Experiment, Namespace};
use abtest_store::embedded;
use anyhow::{Context, Result};

use crate::client::namespace;
use crate::output_file::OutputFile;
use crate::progress::Progress;
use crate::terminal::{is_quiet, printable};
use crate::{ExitStatus, stores};

/// Write an experiment to a file, to move it to another store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest export 'button color' --redis redis://here/ --output button.json
  abtest import button.json --redis redis://there/

An experiment of a data folder can move to any store. One of a Redis can move to another Redis. The
import is refused if the new store would count a visitor twice.

Of the events that come in while a Redis is read, each may be missing in the file: to move an
experiment, stop counting into the old store first.

The export of a data folder holds the uuids of your visitors, so the file is readable by you only.
A data folder is for one process: stop `abtest serve` before you export from its folder.")]
pub(crate) struct Arguments {
    /// Name of the experiment.
    experiment: String,
    #[command(flatten)]
    place: Place,
    /// The file to write [default: standard output].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that exists, without asking.
    #[arg(long, requires = "output")]
    yes: bool,
}

/// A store that the command opens without a running abtest.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("store").required(true)))]
pub(super) struct Place {
    /// Namespace of the experiment.
    #[arg(long, default_value = Namespace::DEFAULT, value_parser = namespace)]
    pub(super) namespace: String,
    /// A Redis. Without URL: the Redis of the config.
    #[arg(
        long, value_name = "URL", num_args = 0..=1, default_missing_value = "", group = "store"
    )]
    pub(super) redis: Option<String>,
    /// The config file, for Redis.
    #[arg(long, value_name = "FILE", requires = "redis")]
    pub(super) config: Option<PathBuf>,
    /// The data folder of an `abtest serve` that is stopped.
    #[arg(long, value_name = "FOLDER", group = "store")]
    pub(super) data: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let Place { namespace, redis, config, data } = &arguments.place;
    let namespace = Namespace::new(&**namespace)?;
    let experiment = Experiment::new(&*arguments.experiment)?;
    let output = arguments.output.as_deref().map(OutputFile::at).transpose()?;
    if let Some(output) = &output
        && !output.may_be_written(arguments.yes)?
    {
        return Ok(ExitStatus::Unconfirmed);
    }
    let progress = Progress::start(&format!("reading {}", printable(experiment.as_str())));
    let export = match data {
        Some(folder) => {
            embedded::export(&stores::counters(folder)?, &namespace, &experiment, &|step| {
                progress.step(step)
            })?
        }
        None => {
            let runtime = stores::runtime()?;
            let url = redis.as_deref().unwrap_or_default();
            let store = stores::redis(&runtime, url, config.as_deref())?;
            runtime.block_on(store.export(&namespace, &experiment, &|step| progress.step(step)))?
        }
    };
    drop(progress);
    let export = export.with_context(|| {
        format!(
            "there is no experiment `{}` in the namespace {}; `abtest results` lists them",
            printable(experiment.as_str()),
            printable(namespace.as_str())
        )
    })?;
    let text = serde_json::to_string(&export)? + "\n";
    match output.zip(arguments.output.as_deref()) {
        Some((output, file)) => {
            output.write(&text)?;
            if !is_quiet() {
                // Not on standard output, which may be the file.
                eprintln!("wrote `{}` to {}", printable(experiment.as_str()), file.display());
            }
        }
        None => print!("{text}"),
    }
    Ok(ExitStatus::Done)
}

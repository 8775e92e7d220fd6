//! `abtest results`: what the counts mean.
//!
//! | module | holds |
//! |---|---|
//! | `source` | where the counts are: a running abtest, a Redis, or a folder |
//! | `report` | the API's JSON, as far as it is shown |
//! | `table` | an experiment for people, with its intervals as bars |
//! | `matrix` | every variant against every other |
//! | `grid` | columns that stand under their heads |
//! | `figures` | numbers and bars |
//! | `sheet` | CSV and Markdown, for other programs and for documents |
//! | `watch` | the same again and again, in place |

mod figures;
mod grid;
mod matrix;
mod question;
mod report;
mod sheet;
mod source;
mod table;
mod view;
mod watch;

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use crate::ExitStatus;
use crate::client::ClientArguments;
use crate::terminal::{self, printable};
use question::{Question, name_flags};
use report::Experiment;
use source::Source;
pub(crate) use table::analysis as show_analysis;
pub(crate) use view::View;

/// Show what the counts mean: which variant is better, by how much, how sure that is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest results                         every experiment of a running `abtest serve`
  abtest results 'button color' --watch  one, again and again
  abtest results --redis redis://host/   straight from the Redis of the Lambda functions
  abtest results --csv > results.csv     a row for each variant on each goal
  abtest results 'button color' --look --planned 80000
                                         take a planned look, and remember it")]
pub(crate) struct Arguments {
    /// Name of an experiment; every one without it.
    experiment: Option<String>,
    #[command(flatten)]
    client: ClientArguments,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    question: Question,
    /// Hold every variant against every other, too.
    #[arg(long, conflicts_with_all = ["json", "csv", "markdown"])]
    matrix: bool,
    /// Show it again and again, in place.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    format: Format,
}

/// A store to read without a running abtest.
#[derive(Debug, clap::Args)]
struct StoreArguments {
    /// Read a Redis instead: its address, or none for that of the config.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    redis: Option<String>,
    /// The config file, for Redis.
    #[arg(long, value_name = "FILE", requires = "redis")]
    config: Option<PathBuf>,
    /// Read the data folder of an `abtest serve` that does not run.
    #[arg(long, value_name = "FOLDER", conflicts_with = "redis")]
    data: Option<PathBuf>,
}

/// How it is written.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(multiple = false)]
struct Format {
    /// Print the API's answer as it is.
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Print a row for each variant on each goal, as CSV.
    #[arg(long, conflicts_with = "watch")]
    csv: bool,
    /// Print tables to paste into a document, as Markdown.
    #[arg(long, conflicts_with = "watch")]
    markdown: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let source = Source::open(&arguments.client, &arguments.store)?;
    if arguments.watch {
        watch::watch(|width, height| page(arguments, &source, width, height))?;
        return Ok(ExitStatus::Done);
    }
    let text = read(arguments, &source)?;
    let Format { json, csv, markdown } = arguments.format;
    let output = if json {
        text + "\n"
    } else {
        let experiments = experiments(arguments, &text)?;
        if csv {
            sheet::csv(&experiments)?
        } else if markdown {
            sheet::markdown(&experiments)
        } else {
            table(arguments, &experiments, terminal::size().0)
        }
    };
    match std::io::stdout().write_all(output.as_bytes()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitStatus::Done),
        written => Ok(written.map(|()| ExitStatus::Done)?),
    }
}

/// What one look shows.
fn page(
    arguments: &Arguments,
    source: &Source,
    width: usize,
    height: Option<usize>,
) -> Result<String> {
    let experiments = experiments(arguments, &read(arguments, source)?)?;
    Ok(watch::fit(&table(arguments, &experiments, width), height))
}

fn table(arguments: &Arguments, experiments: &[Experiment], width: usize) -> String {
    let view = View { width, matrix: arguments.matrix };
    table::experiments(experiments, &arguments.client.namespace, view)
}

/// The API's answer.
fn read(arguments: &Arguments, source: &Source) -> Result<String> {
    let name = arguments.experiment.as_deref();
    let mut parameters = arguments.question.parameters();
    if name.is_some() {
        parameters.push(("memory", "true".to_owned()));
    }
    let answer = match name.filter(|_| arguments.question.look) {
        Some(name) => source.take_look(name, &parameters),
        None => source.read(name, &parameters),
    };
    let answer = answer.map_err(|error| anyhow!("{}", name_flags(&format!("{error:#}"))))?;
    answer.with_context(|| {
        format!(
            "there is no experiment `{}` in the namespace {}; `abtest experiments list` shows them",
            printable(name.unwrap_or_default()),
            printable(&arguments.client.namespace)
        )
    })
}

/// The experiments of an answer, with the goal alone that was asked for.
fn experiments(arguments: &Arguments, text: &str) -> Result<Vec<Experiment>> {
    let mut experiments = report::parse(text, arguments.experiment.is_some())?;
    if let Some(goal) = &arguments.question.goal {
        experiments.retain_mut(|experiment| experiment.keep_goal(goal));
        if experiments.is_empty() {
            bail!("no experiment has the goal `{}`", printable(goal));
        }
    }
    Ok(experiments)
}

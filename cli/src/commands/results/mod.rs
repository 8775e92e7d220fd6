//! `abtest results`: which variant is better, and by how much.
//!
//! | module | holds |
//! |---|---|
//! | `source` | where the counts are: a running abtest, a Redis, or a folder |
//! | `question` | the flags that say how to analyse the counts |
//! | `look` | taking the first look, and discarding all looks |
//! | `table` | experiments for people, with intervals as bars |
//! | `report` | what is written around the tables, each sentence once |
//! | `matrix` | every variant compared with every other one |
//! | `figures` | numbers and bars |
//! | `sheet` | CSV and Markdown |
//! | `view` | how much is shown, and on how wide a screen |
//! | `watch` | the report again and again, in place |

mod figures;
mod look;
mod matrix;
mod question;
mod report;
mod sheet;
mod source;
mod table;
mod view;
mod watch;

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use abtest_api::document::AnalysedResults;
use abtest_stats::analysis::RemarkCode;
use abtest_stats::words::listed;
use anyhow::{Context, Result, anyhow, bail};

use crate::ExitStatus;
use crate::client::ClientArguments;
use crate::terminal::{self, printable};
use question::{Question, flag, name_flags};
use source::{Detail, Source};
pub(crate) use table::analysis as show_analysis;
pub(crate) use view::View;

/// Show the results: which variant is better, and by how much.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest results                         all experiments of a running `abtest serve`
  abtest results 'button color' --watch  one experiment, updated every 2 seconds
  abtest results --redis redis://host/   read the Redis of the Lambda functions directly
  abtest results --csv > results.csv     one row per goal and variant
  abtest results 'button color' --look --planned 80000
                                         take a planned look and store it
  abtest results 'button color' --reset-looks
                                         discard all looks and start again")]
pub(crate) struct Arguments {
    /// Name of an experiment [default: all experiments].
    experiment: Option<String>,
    #[command(flatten)]
    client: ClientArguments,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    question: Question,
    /// Discard all looks of the experiment, after you type its name. Every later report says so.
    #[arg(long, requires = "experiment",
          conflicts_with_all = ["look", "watch", "json", "csv", "markdown"])]
    reset_looks: bool,
    /// Take the first look, or discard the looks, without asking.
    #[arg(long)]
    yes: bool,
    /// Compare every variant with every other one, too.
    #[arg(long, conflicts_with_all = ["json", "csv", "markdown"])]
    matrix: bool,
    /// Update the report every 2 seconds, in place.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    format: Format,
}

/// A store to read without a running abtest.
#[derive(Debug, clap::Args)]
struct StoreArguments {
    /// Read a Redis directly. Without an address, the one of the config file.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    redis: Option<String>,
    /// The config file with the Redis.
    #[arg(long, value_name = "FILE", requires = "redis")]
    config: Option<PathBuf>,
    /// Read the data folder of an `abtest serve` that is not running.
    #[arg(long, value_name = "FOLDER", conflicts_with = "redis")]
    data: Option<PathBuf>,
}

/// The output format.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(multiple = false)]
struct Format {
    /// Print the API's answer.
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Print one row per goal and variant, as CSV.
    #[arg(long, conflicts_with = "watch")]
    csv: bool,
    /// Print tables as Markdown.
    #[arg(long, conflicts_with = "watch")]
    markdown: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let source = Source::open(&arguments.client, &arguments.store)?;
    if arguments.watch {
        watch::watch(|width, height| Ok(watch::fit(&report(arguments, &source, width)?, height)))?;
        return Ok(ExitStatus::Done);
    }
    if let Some(name) = arguments.experiment.as_deref().filter(|_| arguments.reset_looks) {
        return look::reset(&source, name, arguments);
    }
    if let Some(name) = arguments.experiment.as_deref().filter(|_| arguments.question.look)
        && !look::may_be_taken(&source, name, arguments)?
    {
        return Ok(ExitStatus::Unconfirmed);
    }
    let Format { json, csv, markdown } = arguments.format;
    let output = if json {
        read_text(arguments, &source)? + "\n"
    } else if csv {
        sheet::csv(&read(arguments, &source)?)?
    } else if markdown {
        sheet::markdown(&read(arguments, &source)?)
    } else {
        report(arguments, &source, terminal::size().0)?
    };
    print(&output)?;
    Ok(ExitStatus::Done)
}

fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // The reader closed the pipe (for example `head`).
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// The report for people. A long list of experiments has their verdicts only.
fn report(arguments: &Arguments, source: &Source, width: usize) -> Result<String> {
    let is_terminal = std::io::stdout().is_terminal();
    let view = View { width, is_terminal, matrix: arguments.matrix, whole: "--csv" };
    if arguments.experiment.is_none() && arguments.question.goal.is_none() {
        let parameters = arguments.question.parameters();
        let verdicts = source.list(Detail::Summary, &parameters).map_err(in_flags)?;
        if verdicts.len() > table::IN_FULL {
            return Ok(table::verdicts(&parse(&verdicts)?, view));
        }
    }
    let experiments = read(arguments, source)?;
    let taken = if arguments.question.look { look::taken(&experiments) } else { None };
    let table = table::experiments(&experiments, &arguments.client.namespace, view);
    Ok(taken.unwrap_or_default() + &table)
}

/// The experiments with their analysis. With `--goal`, they have this goal only.
fn read(arguments: &Arguments, source: &Source) -> Result<Vec<AnalysedResults>> {
    let mut experiments = match &arguments.experiment {
        Some(_) => parse(&[read_text(arguments, source)?])?,
        None => {
            parse(&source.list(Detail::Full, &arguments.question.parameters()).map_err(in_flags)?)?
        }
    };
    if let Some(name) = &arguments.question.goal {
        experiments.retain_mut(|experiment| {
            let Some(analysis) = &mut experiment.analysis else { return false };
            analysis.goals.retain(|goal| goal.goal == *name);
            !analysis.goals.is_empty()
        });
        if experiments.is_empty() {
            bail!("no experiment has the goal `{}`", printable(name));
        }
    }
    Ok(experiments)
}

/// The API's answer about one experiment, or about all in one array.
fn read_text(arguments: &Arguments, source: &Source) -> Result<String> {
    let mut parameters = arguments.question.parameters();
    let Some(name) = &arguments.experiment else {
        return source.list_text(&parameters).map_err(in_flags);
    };
    let answer = if arguments.question.look {
        source.take_look(name, &parameters)
    } else {
        parameters.push(("memory", "true".to_owned()));
        source.read(name, &parameters)
    };
    answer.map_err(in_flags)?.with_context(|| unknown(arguments, name))
}

fn unknown(arguments: &Arguments, name: &str) -> String {
    format!(
        "there is no experiment `{}` in the namespace {}; `abtest experiments list` shows them",
        printable(name),
        printable(&arguments.client.namespace)
    )
}

/// The API names parameters; people at a command line use flags.
fn in_flags(error: anyhow::Error) -> anyhow::Error {
    anyhow!("{}", name_flags(&format!("{error:#}")))
}

fn parse(experiments: &[String]) -> Result<Vec<AnalysedResults>> {
    let parse = |text: &String| {
        let experiment = serde_json::from_str(text)
            .context("cannot read the answer; does that abtest have another version?")?;
        Ok(naming_flags(experiment))
    };
    experiments.iter().map(parse).collect()
}

/// The report with flags where it names parameters that replace the definition's plan.
fn naming_flags(mut experiment: AnalysedResults) -> AnalysedResults {
    let flags: Vec<String> = experiment.what_if.iter().map(|parameter| flag(parameter)).collect();
    let warnings = experiment.analysis.iter_mut().flat_map(|analysis| &mut analysis.warnings);
    for warning in warnings.filter(|warning| warning.code == RemarkCode::WhatIf) {
        warning.message = format!(
            "You asked with {}, so this is not the experiment's own result.",
            listed(&flags)
        );
    }
    experiment
}

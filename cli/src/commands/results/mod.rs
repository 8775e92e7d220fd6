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
mod report;
mod sheet;
mod source;
mod table;
mod watch;

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::Ending;
use crate::client::ClientArguments;
use crate::numbers::share;
use crate::terminal::{self, printable};
use report::Experiment;
use source::Source;
pub(crate) use table::{View, analysis as show_analysis};

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

/// What is asked of the counts; the API has the defaults and the rules.
#[derive(Debug, clap::Args)]
struct Question {
    /// The goal that decides; the only one that is shown.
    #[arg(long)]
    goal: Option<String>,
    /// The variant that the others are held against [default: one called control, original,
    /// baseline, default or off, else the first by name].
    #[arg(long, value_name = "VARIANT")]
    control: Option<String>,
    /// The level of intervals and tests [default: 95%].
    #[arg(long, value_parser = share)]
    level: Option<f64>,
    /// What the verdict follows: always_valid stays true however often one looks, sequential at the
    /// looks taken (see --look), fixed holds for one look [default: always_valid].
    #[arg(long)]
    method: Option<String>,
    /// Take a look that the sequential method may end the experiment by, and remember it. Without,
    /// nothing that is shown is a look.
    #[arg(long, requires = "experiment", conflicts_with_all = ["watch", "looks"])]
    look: bool,
    /// For the first look: participants of all variants at which the experiment ends.
    #[arg(long, value_name = "PARTICIPANTS")]
    planned: Option<u64>,
    /// With --planned and --method sequential, participants of all variants at each earlier look:
    /// for looks that you remember, and abtest does not.
    #[arg(long, value_name = "PARTICIPANTS,…", requires = "planned")]
    looks: Option<String>,
    /// How p-values are adjusted for their number: holm, bh, none [default: holm].
    #[arg(long)]
    correction: Option<String>,
    /// The smallest relative lift worth having [default: 5%].
    #[arg(long, value_name = "LIFT", value_parser = share)]
    minimum_lift: Option<f64>,
    /// The probability to find it [default: 80%].
    #[arg(long, value_parser = share)]
    power: Option<f64>,
}

impl Question {
    /// As parameters of the API.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let number = |value: Option<f64>| value.map(|value| value.to_string());
        let named = [
            ("goal", self.goal.clone()),
            ("control", self.control.clone()),
            ("level", number(self.level)),
            ("method", self.method.clone()),
            ("planned", self.planned.map(|planned| planned.to_string())),
            ("looks", self.looks.clone()),
            ("correction", self.correction.clone()),
            ("minimum_lift", number(self.minimum_lift)),
            ("power", number(self.power)),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
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

pub(crate) fn run(arguments: &Arguments) -> Result<Ending> {
    let source = Source::open(&arguments.client, &arguments.store)?;
    if arguments.watch {
        watch::watch(|width, height| page(arguments, &source, width, height))?;
        return Ok(Ending::Done);
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
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Ending::Done),
        written => Ok(written.map(|()| Ending::Done)?),
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
        Some(name) => source.take_look(name, &parameters)?,
        None => source.read(name, &parameters)?,
    };
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

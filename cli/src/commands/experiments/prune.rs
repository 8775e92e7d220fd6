//! `abtest experiments prune`: removes a variant or a goal from an experiment.

use abtest_stats::words::thousands;
use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::ExitStatus;
use crate::client::{Client, ClientArguments, path_of};
use crate::terminal::{ask, is_interactive, printable};

/// Remove a variant or a goal with all its counts, such as a name that was misspelled or made up.
/// Everything else in the experiment stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest experiments prune 'button color' --variant zzz
  abtest experiments prune 'button color' --goal 'sing up'

Invisible characters can be written as this program shows them, such as --variant 'red\\u{200b}'.
Events that arrive later with the name are counted anew. On a terminal it asks for the experiment's
name. Elsewhere it removes nothing without --yes, and exits with 2.")]
pub(super) struct PruneArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// Name of the experiment.
    #[arg(value_name = "NAME")]
    experiment: String,
    #[command(flatten)]
    part: PartArguments,
    /// Remove it without asking.
    #[arg(long)]
    yes: bool,
    /// Print what was removed as JSON.
    #[arg(long, requires = "yes")]
    json: bool,
}

/// What to remove.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct PartArguments {
    /// The variant to remove.
    #[arg(long)]
    variant: Option<String>,
    /// The goal to remove; `participate` stands for the participants of all variants.
    #[arg(long)]
    goal: Option<String>,
}

/// The kind of part, as the API's paths and this program's messages have it.
struct Kind {
    path: &'static str,
    word: &'static str,
}

pub(super) fn run(arguments: &PruneArguments) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let shown = printable(&arguments.experiment);
    let text = client.get(&path_of(&arguments.experiment), &[("analysis", "none".to_owned())])?;
    let text = text.with_context(|| {
        format!("there is no experiment `{shown}`; `abtest experiments list` shows them")
    })?;
    let experiment: Value = serde_json::from_str(&text)?;
    let (kind, asked, counted) = match (&arguments.part.variant, &arguments.part.goal) {
        (Some(variant), _) => {
            (Kind { path: "variants", word: "variant" }, variant, variants(&experiment))
        }
        (_, goal) => {
            let goal = goal.as_deref().unwrap_or_default();
            (Kind { path: "goals", word: "goal" }, &goal.to_owned(), goals(&experiment))
        }
    };
    let chosen = counted.iter().find(|(name, _)| name == asked);
    let chosen = chosen.or_else(|| counted.iter().find(|(name, _)| printable(name) == *asked));
    let Some((name, count)) = chosen else {
        let names: Vec<String> = counted.iter().map(|(name, _)| printable(name)).collect();
        bail!("{shown} has no {} `{}`; it has {}", kind.word, printable(asked), names.join(", "));
    };
    let part = format!("the {} {}", kind.word, printable(name));
    if !arguments.yes {
        if !is_interactive() {
            println!("nothing was removed; add --yes to remove {part} from {shown}");
            return Ok(ExitStatus::Unconfirmed);
        }
        println!("This removes {part} from {shown}, with {} counted.", thousands(*count));
        if ask(&format!("Type the experiment's name ({shown}) to remove it: "))? != shown.trim() {
            println!("the name does not match; nothing was removed");
            return Ok(ExitStatus::Unconfirmed);
        }
    }
    if !client.prune(&arguments.experiment, kind.path, name)? {
        bail!("{part} is gone already; somebody else removed it");
    }
    if arguments.json {
        let removed = serde_json::json!({
            "experiment": arguments.experiment, kind.word: name, "pruned": true
        });
        println!("{removed}");
    } else {
        println!("removed {part} from {shown}");
    }
    Ok(ExitStatus::Done)
}

/// The variants with their participants.
fn variants(experiment: &Value) -> Vec<(String, u64)> {
    named(&experiment["variants"], "label", |variant| variant["trials"].as_u64().unwrap_or(0))
}

/// The goals with their successes, and the participants.
fn goals(experiment: &Value) -> Vec<(String, u64)> {
    let sum = |list: &Value, member: &str| {
        list.as_array().into_iter().flatten().filter_map(|one| one[member].as_u64()).sum()
    };
    let mut goals = named(&experiment["goals"], "goal", |goal| sum(&goal["results"], "successes"));
    goals.push(("participate".to_owned(), sum(&experiment["variants"], "trials")));
    goals
}

fn named(list: &Value, member: &str, count: impl Fn(&Value) -> u64) -> Vec<(String, u64)> {
    let name = |one: &Value| Some((one[member].as_str()?.to_owned(), count(one)));
    list.as_array().into_iter().flatten().filter_map(name).collect()
}

//! Changes of definitions: what a change does is shown before it is made.

use abtest_api::edited::Edited;
use abtest_model::definition::NewName;
use abtest_stats::words;
use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::values;
use crate::ExitStatus;
use crate::client::{Client, ClientArguments, Listed, Refused, path_of};
use crate::shell;
use crate::terminal::{confirm, printable, yellow};

/// How a change is confirmed, explained and shown.
#[derive(Debug, clap::Args)]
pub(super) struct ChangeArguments {
    #[command(flatten)]
    pub(super) client: ClientArguments,
    /// The reason, for the history.
    #[arg(long)]
    pub(super) why: Option<String>,
    /// Make the change without asking, also if it affects visitors who were already counted.
    #[arg(long)]
    pub(super) yes: bool,
    /// Print what the change does as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A change of one definition.
pub(super) struct Change<'a> {
    pub(super) method: &'static str,
    pub(super) experiment: &'a str,
    pub(super) body: Value,
    /// The header that names the version which may be changed.
    pub(super) condition: (&'static str, String),
    /// What the change does besides the disturbances, if it needs a confirmation.
    pub(super) announced: Option<String>,
}

/// What to change in a definition.
pub(super) struct Step {
    /// The members with their new values.
    pub(super) body: Value,
    /// What the change does besides the disturbances, if it needs a confirmation.
    pub(super) announced: Option<String>,
}

impl From<Value> for Step {
    fn from(body: Value) -> Self {
        Self { body, announced: None }
    }
}

/// A definition that exists, as the API gives it.
pub(super) fn definition(client: &Client, experiment: &str) -> Result<Value> {
    let text = client.get(&path(experiment), &[])?.ok_or_else(|| undefined(experiment))?;
    serde_json::from_str(&text).context("the definition is not JSON")
}

/// The path of a definition in the API.
pub(super) fn path(experiment: &str) -> String {
    path_of(experiment) + "/definition"
}

/// The value of `If-Match` for a definition.
pub(super) fn version(definition: &Value) -> String {
    format!("\"{}\"", definition["version"])
}

fn undefined(experiment: &str) -> anyhow::Error {
    anyhow!(
        "the experiment `{}` has no definition; create one with \
         `abtest experiments create {} --variants control,green`",
        printable(experiment),
        shell::word(experiment)
    )
}

/// Changes members of an existing definition. `step` says what to change, or why nothing can.
pub(super) fn patch(
    arguments: &ChangeArguments,
    experiment: &str,
    step: impl FnOnce(&Value) -> Result<Step>,
) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let before = definition(&client, experiment)?;
    let Step { body, announced } = step(&before)?;
    let condition = ("if-match", version(&before));
    make(&client, arguments, Change { method: "PATCH", experiment, body, condition, announced })
}

/// Asks the server what a change would do, shows it, asks if it affects visitors who were already
/// counted, and makes it.
pub(super) fn make(
    client: &Client,
    arguments: &ChangeArguments,
    mut change: Change<'_>,
) -> Result<ExitStatus> {
    if let Some(why) = &arguments.why {
        change.body["why"] = why.as_str().into();
    }
    let planned = send(client, &change, true)?;
    let moves_units = !planned.disturbances.is_empty() || planned.units.changing > 0.0;
    let counted = if moves_units { participants(client, change.experiment)? } else { 0 };
    if (counted > 0 || change.announced.is_some()) && !arguments.yes {
        if arguments.json {
            println!("{}", serde_json::to_string_pretty(&planned)?);
            return Ok(ExitStatus::Unconfirmed);
        }
        print!("{}", description(&planned));
        if let Some(announced) = &change.announced {
            println!("{}", yellow(announced));
        }
        let so_far = match counted {
            0 => String::new(),
            count => format!(" It has {} so far.", words::counted(count, "participant")),
        };
        let question = format!("Change {}?{so_far}", printable(change.experiment));
        if !confirm(&question, "nothing was changed; add --yes to change it")? {
            return Ok(ExitStatus::Unconfirmed);
        }
    }
    let made = send(client, &change, false)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&made)?);
        return Ok(ExitStatus::Done);
    }
    let shown = printable(change.experiment);
    let version = &made.definition["version"];
    if made.created {
        let status = made.definition["status"].as_str().unwrap_or_default();
        println!("created {shown} (version {version}, {})", printable(status));
        print!("{}", warnings(&made));
    } else if made.stored {
        println!("changed {shown} (version {version})");
        print!("{}", description(&made));
    } else {
        println!("{shown} has these values already; nothing was changed");
    }
    Ok(ExitStatus::Done)
}

/// How many visitors were already counted.
fn participants(client: &Client, experiment: &str) -> Result<u64> {
    let counts = client.get(&path_of(experiment), &[("analysis", "none".to_owned())])?;
    let Some(counts) = counts else { return Ok(0) };
    let counts: Listed = serde_json::from_str(&counts).context("the counts are not as expected")?;
    Ok(counts.participants())
}

/// Sends a change; with `dry_run` nothing is stored.
pub(super) fn send(client: &Client, change: &Change<'_>, dry_run: bool) -> Result<Edited> {
    let parameters = [("dry_run", dry_run.to_string())];
    let (name, value) = &change.condition;
    let path = path(change.experiment);
    let text = client.change(change.method, &path, &parameters, Some((name, value)), &change.body);
    let text = text.map_err(|error| with_next_step(error, client, change))?;
    let text = text.ok_or_else(|| undefined(change.experiment))?;
    serde_json::from_str(&text).context("the answer to the change is not as expected")
}

/// A refusal with the command that helps.
fn with_next_step(error: anyhow::Error, client: &Client, change: &Change<'_>) -> anyhow::Error {
    let Some(refused) = error.downcast_ref::<Refused>() else { return error };
    let namespace = client.namespace_flag();
    if refused.status == 412 && change.condition.0 == "if-none-match" {
        let word = shell::word(change.experiment);
        return anyhow!(
            "{} exists already; change it with `abtest experiments edit {word}{namespace}`",
            printable(change.experiment)
        );
    }
    match refused.violation("layer").as_ref().and_then(Value::as_str) {
        Some(layer) if layer.parse::<NewName>().is_ok() => {
            let word = shell::word(layer);
            anyhow!("{error:#}; `abtest layers create {word}{namespace}` creates it")
        }
        _ => error,
    }
}

/// The changed members, and what the change does to visitors.
pub(super) fn description(edited: &Edited) -> String {
    let mut text = values::changed(&edited.changed, edited.created);
    for disturbance in &edited.disturbances {
        text += &format!("{}\n", yellow(&printable(&disturbance.sentence)));
    }
    if edited.units.changing > 0.0 {
        let percent = edited.units.changing;
        text += &format!("{percent:.1}% of the participating units see another variant\n");
    }
    text + &warnings(edited)
}

fn warnings(edited: &Edited) -> String {
    let line = |warning: &abtest_model::definition::Warning| {
        let text = format!("warning: {}: {}", warning.member, warning.message);
        yellow(&printable(&text)) + "\n"
    };
    edited.warnings.iter().map(line).collect()
}

//! Changes of definitions: what a change does is shown before it is made.

use abtest_api::edited::Edited;
use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::ExitStatus;
use crate::client::{Client, ClientArguments, path_of};
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
        "the experiment `{0}` has no definition; create one with \
         `abtest experiments create '{0}' --variants control,green`",
        printable(experiment)
    )
}

/// Changes members of an existing definition.
pub(super) fn patch(
    arguments: &ChangeArguments,
    experiment: &str,
    body: impl FnOnce(&Value) -> Value,
    announced: impl FnOnce(&Value) -> Option<String>,
) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let before = definition(&client, experiment)?;
    let change = Change {
        method: "PATCH",
        experiment,
        body: body(&before),
        condition: ("if-match", version(&before)),
        announced: announced(&before),
    };
    make(&client, arguments, change)
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
    let needs_yes = !planned.disturbances.is_empty() || change.announced.is_some();
    if needs_yes && !arguments.yes {
        if arguments.json {
            println!("{}", serde_json::to_string_pretty(&planned)?);
            return Ok(ExitStatus::Unconfirmed);
        }
        print!("{}", description(&planned));
        if let Some(announced) = &change.announced {
            println!("{}", yellow(announced));
        }
        let question = format!("Change {}?", printable(change.experiment));
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

/// Sends a change; with `dry_run` nothing is stored.
pub(super) fn send(client: &Client, change: &Change<'_>, dry_run: bool) -> Result<Edited> {
    let parameters = [("dry_run", dry_run.to_string())];
    let (name, value) = &change.condition;
    let path = path(change.experiment);
    let text =
        client.change(change.method, &path, &parameters, Some((name, value)), &change.body)?;
    let text = text.ok_or_else(|| undefined(change.experiment))?;
    serde_json::from_str(&text).context("the answer to the change is not as expected")
}

/// The changed members, and what the change does to visitors.
pub(super) fn description(edited: &Edited) -> String {
    let mut text = changed_members(&edited.changed);
    for disturbance in &edited.disturbances {
        text += &format!("{}\n", yellow(&printable(&disturbance.sentence)));
    }
    if edited.units.changing > 0.0 {
        let percent = edited.units.changing;
        text += &format!("{percent:.1}% of the participating units see another variant\n");
    }
    text + &warnings(edited)
}

/// A line per member with its value before and after.
pub(super) fn changed_members<'a>(
    changed: impl IntoIterator<Item = (&'a String, &'a [Value; 2])>,
) -> String {
    let shown = |value: &Value| match value {
        Value::Null => "(unset)".to_owned(),
        value => printable(&value.to_string()),
    };
    let line = |(member, [before, after]): (&String, &[Value; 2])| {
        format!("  {}: {} → {}\n", printable(member), shown(before), shown(after))
    };
    changed.into_iter().map(line).collect()
}

fn warnings(edited: &Edited) -> String {
    let line = |warning: &abtest_model::definition::Warning| {
        let text = format!("warning: {}: {}", warning.member, warning.message);
        yellow(&printable(&text)) + "\n"
    };
    edited.warnings.iter().map(line).collect()
}

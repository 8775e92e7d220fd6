//! `abtest experiments history`: the changes of a definition.

use abtest_api::edited::HistoryChange;
use anyhow::{Context, Result};

use super::change::changed_members;
use crate::ExitStatus;
use crate::client::{Client, ClientArguments, path_of};
use crate::terminal::printable;

/// Show the changes of a definition: when, who, why, and each value before and after.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArguments {
    /// Name of the experiment.
    name: String,
    #[command(flatten)]
    client: ClientArguments,
    /// Print the changes as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &HistoryArguments) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let changes = changes(&client, &arguments.name)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&changes)?);
        return Ok(ExitStatus::Done);
    }
    for change in &changes {
        print!("{}", description(change));
    }
    Ok(ExitStatus::Done)
}

/// The changes of a definition, oldest first.
pub(super) fn changes(client: &Client, experiment: &str) -> Result<Vec<HistoryChange>> {
    let text = client.get(&(path_of(experiment) + "/history"), &[])?;
    let text = text.with_context(|| {
        format!("the experiment `{}` never had a definition", printable(experiment))
    })?;
    serde_json::from_str(&text).context("the history is not as expected")
}

/// A change in lines: when, who, why, and each value before and after.
pub(super) fn description(change: &HistoryChange) -> String {
    let who = change.actor.as_deref().unwrap_or(&change.by);
    let why = change.why.as_deref().map(|why| format!(": {}", printable(why)));
    let why = why.unwrap_or_default();
    let mut text = format!("version {}  {}  {}{why}\n", change.version, change.at, printable(who));
    if change.deleted.is_some() {
        text += "  deleted\n";
    }
    text + &changed_members(&change.changed)
}

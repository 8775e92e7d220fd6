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
    let text = client.get(&(path_of(&arguments.name) + "/history"), &[])?;
    let text = text.with_context(|| {
        format!("the experiment `{}` never had a definition", printable(&arguments.name))
    })?;
    let changes: Vec<HistoryChange> = serde_json::from_str(&text)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&changes)?);
        return Ok(ExitStatus::Done);
    }
    for change in &changes {
        let who = change.actor.as_deref().unwrap_or(&change.by);
        let why = change.why.as_deref().map(|why| format!(": {}", printable(why)));
        let why = why.unwrap_or_default();
        println!("version {}  {}  {}{why}", change.version, change.at, printable(who));
        if change.deleted.is_some() {
            println!("  deleted");
        }
        print!("{}", changed_members(&change.changed));
    }
    Ok(ExitStatus::Done)
}

//! `abtest experiments history`: the changes of a definition.

use abtest_api::edited::HistoryChange;
use abtest_model::definition::Time;
use anyhow::{Context, Result};

use super::values;
use crate::ExitStatus;
use crate::client::{Client, ClientArguments, experiment_name, path_of};
use crate::terminal::printable;

/// Show the changes of a definition: when, who, why, and each value before and after.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArguments {
    /// Name of the experiment.
    #[arg(value_parser = experiment_name)]
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
    let at = change.at.parse::<Time>().map_or_else(|_| change.at.clone(), Time::in_words);
    let who = match &change.actor {
        Some(actor) => format!("{actor} (key: {})", change.by),
        None => change.by.clone(),
    };
    let why = change.why.as_deref().map(|why| format!(": {}", printable(why)));
    let why = why.unwrap_or_default();
    let mut text = format!("version {}, {at}, by {}{why}\n", change.version, printable(&who));
    if change.deleted.is_some() {
        text += "  deleted\n";
    }
    // Only a definition that did not exist had no variants.
    let is_new = change.changed.get("variants").is_some_and(|[before, _]| before.is_null());
    text + &values::changed(&change.changed, is_new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_says_when_who_and_why() {
        let change = json!({"version": 2, "at": "2027-01-05T09:00:00Z", "by": "edit",
            "actor": "zoe", "why": "go", "changed": {"status": ["draft", "running"]}});
        let mut change: HistoryChange = serde_json::from_value(change).unwrap();
        let head = "version 2, 5 January 2027, 09:00 UTC, by zoe (key: edit): go\n";
        assert_eq!(description(&change), head.to_owned() + "  status: draft → running\n");
        (change.actor, change.why) = (None, None);
        change.by = "schedule".to_owned();
        let head = "version 2, 5 January 2027, 09:00 UTC, by schedule\n";
        assert_eq!(description(&change), head.to_owned() + "  status: draft → running\n");
    }
}

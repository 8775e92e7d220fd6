//! `abtest experiments show`: the definition of an experiment.

use anyhow::Result;
use serde_json::Value;

use super::change::definition;
use crate::ExitStatus;
use crate::client::{Client, ClientArguments};
use crate::terminal::printable;

/// Show the definition of an experiment.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArguments {
    /// Name of the experiment.
    name: String,
    #[command(flatten)]
    client: ClientArguments,
    /// Print the document as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ShowArguments) -> Result<ExitStatus> {
    let definition = definition(&Client::new(&arguments.client)?, &arguments.name)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&definition)?);
        return Ok(ExitStatus::Done);
    }
    for (member, value) in definition.as_object().into_iter().flatten() {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Array(items) if items.is_empty() => continue,
            Value::Object(members) if members.is_empty() => continue,
            other => other.to_string(),
        };
        println!("{:14} {}", printable(member), printable(&text));
    }
    Ok(ExitStatus::Done)
}

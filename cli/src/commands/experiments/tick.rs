//! `abtest experiments tick`: carries out the steps of schedules that are due.

use abtest_api::edited::Tick;
use anyhow::{Context, Result};
use serde_json::json;

use crate::ExitStatus;
use crate::client::{Client, ClientArguments};
use crate::terminal::printable;

/// Carry out the steps of schedules that are due. `abtest serve` does so by itself.
#[derive(Debug, clap::Args)]
pub(super) struct TickArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// Print what was carried out as JSON.
    #[arg(long)]
    json: bool,
}

/// Exits with 1 if a step cannot be carried out.
pub(super) fn run(arguments: &TickArguments) -> Result<ExitStatus> {
    let client = Client::new(&arguments.client)?;
    let text = client.change("POST", "/tick", &[], None, &json!({}))?;
    let tick: Tick = serde_json::from_str(&text.context("the server has no /tick")?)?;
    let ended = if tick.failed.is_empty() { ExitStatus::Done } else { ExitStatus::ChecksFailed };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&tick)?);
        return Ok(ended);
    }
    if tick.done.is_empty() && tick.failed.is_empty() {
        println!("no step is due");
    }
    for step in &tick.done {
        println!("{}: {} is done", printable(&step.experiment), step.step);
    }
    for step in &tick.failed {
        let (name, reason) = (printable(&step.experiment), printable(&step.reason));
        println!("{name}: {} cannot be done: {reason}", step.step);
    }
    Ok(ended)
}

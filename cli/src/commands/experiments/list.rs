//! `abtest experiments list`: the experiments with their status and their participants.

use anyhow::Result;
use jiff::Timestamp;

use crate::ExitStatus;
use crate::client::{Client, ClientArguments, Listed};
use crate::terminal::printable;

/// List the experiments with status, traffic, age, participants and verdict.
#[derive(Debug, clap::Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// Also list archived experiments.
    #[arg(long)]
    archived: bool,
    /// Print a JSON array with what the API says about each experiment.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &ListArguments) -> Result<ExitStatus> {
    let every = "draft,running,paused,completed,archived,undefined".to_owned();
    let parameters = [("status", every)];
    let parameters: &[_] = if arguments.archived { &parameters } else { &[] };
    let experiments = Client::new(&arguments.client)?.list(parameters)?;
    let mut text = String::new();
    if arguments.json {
        text = serde_json::to_string_pretty(&experiments)? + "\n";
    } else if experiments.is_empty() {
        let namespace = printable(&arguments.client.namespace);
        text = format!("no experiments in the namespace {namespace}\n");
    } else {
        text += "status     traffic    age  participants  verdict        experiment\n";
        for listed in &experiments {
            text += &line(listed, Timestamp::now());
        }
    }
    print!("{text}");
    Ok(ExitStatus::Done)
}

/// An experiment's line. Without a definition it has neither traffic nor age.
fn line(listed: &Listed, now: Timestamp) -> String {
    let traffic = listed.defined("traffic").as_f64();
    let created = listed.defined("created").as_str().and_then(|at| at.parse().ok());
    format!(
        "{:9}  {:>7}  {:>5}  {:>12}  {:13}  {}\n",
        printable(listed.defined("status").as_str().unwrap_or("undefined")),
        traffic.map_or("-".to_owned(), |traffic| format!("{traffic}%")),
        created.map_or("-".to_owned(), |created| age(created, now)),
        listed.participants(),
        printable(&listed.outcome().unwrap_or("-").replace('_', " ")),
        printable(listed.name())
    )
}

/// A time span in its largest unit, such as 3d.
fn age(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match seconds {
        ..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_plan_and_the_verdict() {
        let listed = serde_json::json!({
            "experiment": "button", "variants": [{"label": "a", "trials": 7}],
            "definition": {"status": "running", "traffic": 12.5, "created": "2026-01-01T00:00:00Z"},
            "summary": {"outcome": "too_early"}
        });
        let now = "2026-01-04T01:00:00Z".parse().unwrap();
        let listed = serde_json::from_value(listed).unwrap();
        let words: Vec<String> = line(&listed, now).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["running", "12.5%", "3d", "7", "too", "early", "button"]);
    }
}

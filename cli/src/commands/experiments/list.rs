//! `abtest experiments list`: the experiments with their status and their participants.

use std::io::IsTerminal;

use anyhow::Result;
use jiff::Timestamp;

use crate::ExitStatus;
use crate::client::{Client, ClientArguments, Listed};
use crate::grid::{self, Column};
use crate::terminal::{cut, printable, size};

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
    let text = if arguments.json {
        serde_json::to_string_pretty(&experiments)? + "\n"
    } else if experiments.is_empty() {
        format!("no experiments in the namespace {}\n", printable(&arguments.client.namespace))
    } else {
        // Other programs get whole names.
        let width = std::io::stdout().is_terminal().then(|| size().0);
        table(&experiments, Timestamp::now(), width)
    };
    print!("{text}");
    Ok(ExitStatus::Done)
}

/// The experiments in lines that fit a screen. Without a definition an experiment has neither traffic
/// nor age.
fn table(experiments: &[Listed], now: Timestamp, width: Option<usize>) -> String {
    let column = |head: &str, right, cell: &dyn Fn(&Listed) -> String| Column {
        head: head.to_owned(),
        cells: experiments.iter().map(cell).collect(),
        right,
    };
    let mut columns = vec![
        column("status", false, &|one| {
            printable(one.defined("status").as_str().unwrap_or("undefined"))
        }),
        column("traffic", true, &|one| {
            let traffic = one.defined("traffic").as_f64();
            traffic.map_or("-".to_owned(), |traffic| format!("{traffic}%"))
        }),
        column("age", true, &|one| {
            let created = one.defined("created").as_str().and_then(|at| at.parse().ok());
            created.map_or("-".to_owned(), |created| age(created, now))
        }),
        column("participants", true, &|one| one.participants().to_string()),
        column("verdict", false, &|one| printable(&one.outcome().unwrap_or("-").replace('_', " "))),
    ];
    const NARROWEST_NAME: usize = 12;
    let taken: usize = columns.iter().map(Column::width).sum();
    let room = width.map(|width| width.saturating_sub(taken + grid::GAP).max(NARROWEST_NAME));
    columns.push(column("experiment", false, &|one| {
        let name = printable(one.name());
        room.map_or(name.clone(), |room| cut(&name, room))
    }));
    grid::lines(&columns.iter().collect::<Vec<_>>())
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
    use crate::terminal::columns;

    fn listed(name: &str) -> Listed {
        let listed = serde_json::json!({
            "experiment": name, "variants": [{"label": "a", "trials": 7}],
            "definition": {"status": "running", "traffic": 12.5, "created": "2026-01-01T00:00:00Z"},
            "summary": {"outcome": "nothing_to_compare"}
        });
        serde_json::from_value(listed).unwrap()
    }

    #[test]
    fn a_line_has_the_plan_and_the_verdict_and_fits_the_screen() {
        let now = "2026-01-04T01:00:00Z".parse().unwrap();
        let name = "does a green button sell more?";
        let whole = "  status   traffic  age  participants  verdict             experiment\n  \
             running    12.5%   3d             7  nothing to compare  does a green button sell more?\n";
        assert_eq!(table(&[listed(name)], now, None), whole);
        let narrow = table(&[listed(name)], now, Some(80));
        assert!(narrow.ends_with("  does a green button …\n"), "{narrow}");
        assert!(narrow.lines().all(|line| columns(line) <= 80), "{narrow}");
    }
}

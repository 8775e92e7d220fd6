//! The steps of an experiment's life: `start`, `pause`, `resume`, `ramp`, `weights`, `stop` and
//! `archive`.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::change::{ChangeArguments, patch};
use crate::ExitStatus;
use crate::numbers::weight;
use crate::terminal::printable;

/// A step that only changes the status.
#[derive(Debug, clap::Args)]
pub(super) struct StepArguments {
    /// Name of the experiment.
    name: String,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Change the share of all visitors who take part.
#[derive(Debug, clap::Args)]
pub(super) struct RampArguments {
    /// Name of the experiment.
    name: String,
    /// Share of all visitors, such as 25%.
    #[arg(value_parser = percent)]
    traffic: f64,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Change the weights of variants. Variants that are not named keep theirs.
#[derive(Debug, clap::Args)]
pub(super) struct WeightsArguments {
    /// Name of the experiment.
    name: String,
    /// The weights, such as control=20,green=80.
    #[arg(value_name = "VARIANT=WEIGHT,…", value_parser = pairs)]
    weights: Value,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Complete an experiment: from now on visitors get the winner. The results of this moment are kept.
#[derive(Debug, clap::Args)]
pub(super) struct StopArguments {
    /// Name of the experiment.
    name: String,
    /// The variant that visitors get from now on; it may be the control.
    #[arg(long, value_name = "VARIANT")]
    winner: String,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn start(arguments: &StepArguments) -> Result<ExitStatus> {
    status(arguments, "running")
}

pub(super) fn pause(arguments: &StepArguments) -> Result<ExitStatus> {
    status(arguments, "paused")
}

pub(super) fn resume(arguments: &StepArguments) -> Result<ExitStatus> {
    status(arguments, "running")
}

fn status(arguments: &StepArguments, status: &str) -> Result<ExitStatus> {
    patch(&arguments.change, &arguments.name, |_| json!({ "status": status }), |_| None)
}

pub(super) fn ramp(arguments: &RampArguments) -> Result<ExitStatus> {
    let body = json!({ "traffic": arguments.traffic });
    patch(&arguments.change, &arguments.name, |_| body, |_| None)
}

pub(super) fn weights(arguments: &WeightsArguments) -> Result<ExitStatus> {
    let body = json!({ "weights": arguments.weights });
    patch(&arguments.change, &arguments.name, |_| body, |_| None)
}

pub(super) fn stop(arguments: &StopArguments) -> Result<ExitStatus> {
    let body = json!({"status": "completed", "winner": arguments.winner});
    let winner = printable(&arguments.winner);
    let announced = format!("All visitors who match the targeting get {winner} from now on.");
    patch(&arguments.change, &arguments.name, |_| body, |_| Some(announced))
}

pub(super) fn archive(arguments: &StepArguments) -> Result<ExitStatus> {
    let is_completed = |before: &Value| before["status"] == "completed";
    let body = |before: &Value| match is_completed(before) {
        true => json!({"status": "archived", "confirm": true}),
        false => json!({"status": "archived"}),
    };
    let announced = |before: &Value| {
        let winner = printable(before["winner"].as_str().unwrap_or_default());
        is_completed(before).then(|| {
            format!("This withdraws the winner {winner}: visitors get your page's own default.")
        })
    };
    patch(&arguments.change, &arguments.name, body, announced)
}

/// A share in percent: 25% or 25, from 0 to 100.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end().parse().ok();
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| {
        format!("`{}` is not a share from 0% to 100%; write it as 25%", text.escape_debug())
    })
}

/// Weights of variants as JSON. The last `=` separates, because names may contain one.
pub(super) fn pairs(text: &str) -> Result<Value, String> {
    let mut weights = Map::new();
    for pair in text.split(',') {
        let (variant, number) = pair.rsplit_once('=').ok_or_else(|| {
            format!("`{}` is not VARIANT=WEIGHT; write it as green=80", pair.escape_debug())
        })?;
        if weights.insert(variant.to_owned(), weight(number)?.into()).is_some() {
            return Err(format!("`{}` has two weights", variant.escape_debug()));
        }
    }
    Ok(weights.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_a_share_in_percent() {
        assert_eq!((percent("25%"), percent("0.5")), (Ok(25.0), Ok(0.5)));
        for wrong in ["101%", "-1", "NaN", "x", ""] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn weights_name_each_variant_once() {
        assert_eq!(pairs("control=20,a=b=80"), Ok(json!({"control": 20.0, "a=b": 80.0})));
        for wrong in ["control", "a=1,a=2", "a=-1", ""] {
            assert!(pairs(wrong).is_err(), "{wrong}");
        }
    }
}

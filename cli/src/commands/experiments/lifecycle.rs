//! The steps of an experiment's life: `start`, `pause`, `resume`, `ramp`, `weights`, `stop` and
//! `archive`.

use abtest_model::{Percentage, percentage::PercentageError};
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
    /// Share of all visitors: 25%, or 0.25. A plain 25 is refused.
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

/// A share of all visitors in percent: `25%` and `0.25` are both 25.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let wrong = || {
        format!("`{}` is not a share from 0% to 100%; write it as 25% or 0.25", text.escape_debug())
    };
    let share = match text.parse::<Percentage>() {
        Ok(share) => share.get(),
        Err(PercentageError::Ambiguous { number, .. }) => {
            return Err(format!("`{number}` could mean two things; write it as {number}%"));
        }
        Err(PercentageError::NotANumber) => return Err(wrong()),
    };
    if !(0.0..=1.0).contains(&share) {
        return Err(wrong());
    }
    // Without the error of the multiplication: 7% is 7, not 7.000000000000001.
    Ok((share * 1e8).round() / 1e6)
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
    fn traffic_is_a_share_with_a_percent_sign_or_below_1() {
        for (text, share) in
            [("25%", 25.0), ("0.25", 25.0), ("7%", 7.0), ("0.05%", 0.05), ("0", 0.0)]
        {
            assert_eq!(percent(text), Ok(share));
        }
        for wrong in ["10", "1", "101%", "-1%", "NaN", "x", ""] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
        assert!(percent("10").unwrap_err().contains("write it as 10%"));
    }

    #[test]
    fn weights_name_each_variant_once() {
        assert_eq!(pairs("control=20,a=b=80"), Ok(json!({"control": 20.0, "a=b": 80.0})));
        for wrong in ["control", "a=1,a=2", "a=-1", ""] {
            assert!(pairs(wrong).is_err(), "{wrong}");
        }
    }
}

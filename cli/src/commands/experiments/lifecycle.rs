//! The steps of an experiment's life: `start`, `pause`, `resume`, `ramp`, `weights`, `stop`, `archive`
//! and `restore`.

use abtest_model::{Percentage, percentage::PercentageError};
use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use super::change::{ChangeArguments, Step, patch};
use crate::ExitStatus;
use crate::client::experiment_name;
use crate::numbers::weight;
use crate::shell;
use crate::terminal::printable;

/// A step that only changes the status.
#[derive(Debug, clap::Args)]
pub(super) struct StepArguments {
    /// Name of the experiment.
    #[arg(value_parser = experiment_name)]
    name: String,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Change the share of all visitors who take part.
#[derive(Debug, clap::Args)]
pub(super) struct RampArguments {
    /// Name of the experiment.
    #[arg(value_parser = experiment_name)]
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
    #[arg(value_parser = experiment_name)]
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
    #[arg(value_parser = experiment_name)]
    name: String,
    /// The variant that visitors get from now on; it may be the control.
    #[arg(long, value_name = "VARIANT")]
    winner: String,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn start(arguments: &StepArguments) -> Result<ExitStatus> {
    patch(&arguments.change, &arguments.name, |before| {
        check_runnable(&arguments.name, before)?;
        Ok(json!({"status": "running"}).into())
    })
}

pub(super) fn pause(arguments: &StepArguments) -> Result<ExitStatus> {
    patch(&arguments.change, &arguments.name, |_| Ok(json!({"status": "paused"}).into()))
}

pub(super) fn resume(arguments: &StepArguments) -> Result<ExitStatus> {
    let name = &arguments.name;
    patch(&arguments.change, name, |before| {
        check_runnable(name, before)?;
        if before["status"] == "draft" {
            let (shown, word) = (printable(name), shell::word(name));
            bail!("{shown} never ran; start it with `abtest experiments start {word}`");
        }
        Ok(json!({"status": "running"}).into())
    })
}

/// Completed and archived experiments cannot run.
fn check_runnable(name: &str, before: &Value) -> Result<()> {
    let (shown, word) = (printable(name), shell::word(name));
    match before["status"].as_str() {
        Some("completed") => bail!(
            "{shown} is completed and cannot run again; to test again, create a new experiment with \
             `abtest experiments create NEW-NAME --from {word}`"
        ),
        Some("archived") => bail!(
            "{shown} is archived; take it out of the archive with `abtest experiments restore {word}`"
        ),
        _ => Ok(()),
    }
}

pub(super) fn ramp(arguments: &RampArguments) -> Result<ExitStatus> {
    let body = json!({ "traffic": arguments.traffic });
    patch(&arguments.change, &arguments.name, |_| Ok(body.into()))
}

pub(super) fn weights(arguments: &WeightsArguments) -> Result<ExitStatus> {
    let body = json!({ "weights": arguments.weights });
    patch(&arguments.change, &arguments.name, |_| Ok(body.into()))
}

pub(super) fn stop(arguments: &StopArguments) -> Result<ExitStatus> {
    let body = json!({"status": "completed", "winner": arguments.winner});
    let winner = printable(&arguments.winner);
    let announced = format!("All visitors who match the targeting get {winner} from now on.");
    patch(&arguments.change, &arguments.name, |_| Ok(Step { body, announced: Some(announced) }))
}

pub(super) fn archive(arguments: &StepArguments) -> Result<ExitStatus> {
    patch(&arguments.change, &arguments.name, |before| {
        if before["status"] != "completed" {
            return Ok(json!({"status": "archived"}).into());
        }
        let announced = format!(
            "This withdraws the winner {}: visitors get your page's own default.",
            winner(before)
        );
        let body = json!({"status": "archived", "confirm": true});
        Ok(Step { body, announced: Some(announced) })
    })
}

pub(super) fn restore(arguments: &StepArguments) -> Result<ExitStatus> {
    let name = &arguments.name;
    patch(&arguments.change, name, |before| {
        let status = before["status"].as_str().unwrap_or_default();
        if status != "archived" {
            bail!(
                "the status of {} is {}, not archived; there is nothing to restore",
                printable(name),
                printable(status)
            );
        }
        // Only an experiment that was started has an allocation.
        if before["allocation"].is_null() {
            return Ok(json!({"status": "draft"}).into());
        }
        let announced =
            format!("All visitors who match the targeting get {} again.", winner(before));
        Ok(Step { body: json!({"status": "completed"}), announced: Some(announced) })
    })
}

fn winner(definition: &Value) -> String {
    printable(definition["winner"].as_str().unwrap_or_default())
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

/// The name of a variant between two commas. Spaces around it belong to the list.
pub(super) fn variant(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a variant between two commas has no name; write control,green".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// Weights of variants as JSON. The last `=` separates, because names may contain one.
pub(super) fn pairs(text: &str) -> Result<Value, String> {
    let mut weights = Map::new();
    for pair in text.split(',').map(str::trim) {
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
        assert_eq!(pairs("control=20, a=b=80"), Ok(json!({"control": 20.0, "a=b": 80.0})));
        for wrong in ["control", "a=1,a=2", "a=-1", ""] {
            assert!(pairs(wrong).is_err(), "{wrong}");
        }
    }
}

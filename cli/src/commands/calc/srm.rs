//! Whether the variants got the planned shares of the participants.

use abtest_stats::sample_ratio::{ALARM_BELOW, sample_ratio};
use abtest_stats::words::{percent, thousands};
use anyhow::Result;
use serde::Serialize;

use crate::numbers::count;
use crate::terminal::{bold, dim, yellow};
use crate::usage::WrongUsage;

/// Does the split of the participants match the plan?
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Participants per variant.
    #[arg(required = true, num_args = 2.., value_parser = count)]
    participants: Vec<u64>,
    /// The planned split, such as 50,50 [default: equal shares].
    #[arg(long, value_delimiter = ',')]
    weights: Vec<f64>,
    /// Write the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// The answer, with the API's names.
#[derive(Debug, Serialize)]
struct Check {
    statistic: Option<f64>,
    p_value: f64,
    alarm: bool,
    expected: Vec<f64>,
}

pub(super) fn answer(arguments: &Arguments) -> Result<String> {
    let seen = &arguments.participants;
    let weights = match arguments.weights.as_slice() {
        [] => vec![1.0; seen.len()],
        weights if weights.len() == seen.len() => weights.to_vec(),
        weights => {
            let (given, needed) = (weights.len(), seen.len());
            let what = format!("--weights has {given} for {needed} variants; give one per variant");
            return Err(WrongUsage::new(what).into());
        }
    };
    let trials: Vec<f64> = seen.iter().map(|&count| count as f64).collect();
    let found = sample_ratio(&trials, &weights, &vec![0.0; trials.len()])?;
    let check = Check {
        statistic: found.statistic,
        p_value: found.p_value,
        alarm: found.alarm(),
        expected: found.expected,
    };
    if arguments.json {
        return Ok(serde_json::to_string_pretty(&check)? + "\n");
    }
    let p_value = match check.p_value {
        0.0 => "0".to_owned(),
        p if p < 1e-4 => format!("{p:.1e}"),
        p => format!("{p:.4}"),
    };
    let verdict = if check.alarm {
        yellow(&format!(
            "! The split is wrong (p = {p_value}): something other than chance moves participants. \
             Don't trust the results before you know what."
        ))
    } else {
        bold(&format!("The split is as chance makes it (p = {p_value})."))
    };
    let mut text = verdict + "\n";
    text += &dim(&format!("{:>16}  {:>16}  {:>8}", "seen", "expected", "off by"));
    text += "\n";
    for (&count, &expected) in seen.iter().zip(&check.expected) {
        let off = if expected > 0.0 {
            signed((count as f64 - expected) / expected)
        } else {
            "–".into()
        };
        let expected = thousands(expected.round() as u64);
        text += &format!("{:>16}  {expected:>16}  {off:>8}\n", thousands(count));
    }
    text += &dim(&format!("An alarm is a p-value below {ALARM_BELOW}."));
    Ok(text + "\n")
}

fn signed(share: f64) -> String {
    let sign = if share < 0.0 { "−" } else { "+" };
    format!("{sign}{}", percent(share.abs()))
}

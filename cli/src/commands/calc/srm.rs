//! Whether the variants got the planned shares of the participants.

use abtest_stats::sample_ratio::{ALARM_AT, Split, sample_ratio, split_evidence};
use abtest_stats::words::{percent, thousands};
use anyhow::Result;
use serde::Serialize;

use crate::numbers::{count, weight};
use crate::terminal::{self, bold, dim, wrap, yellow};
use crate::usage::WrongUsage;

/// Does the split of the participants match the plan?
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Participants per variant.
    #[arg(required = true, num_args = 2.., value_parser = count)]
    participants: Vec<u64>,
    /// The planned split, such as 50,50 [default: equal shares].
    #[arg(long, value_delimiter = ',', value_parser = weight)]
    weights: Vec<f64>,
    /// Write the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// The answer, with the API's names.
#[derive(Debug, Serialize)]
struct Check {
    alarm: bool,
    /// Holds however often you look.
    e_value: f64,
    statistic: Option<f64>,
    /// For one look.
    p_value: f64,
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
    if seen.iter().all(|&count| count == 0) {
        let what = "all counts are 0; give the participants of each variant, such as 5000 5200";
        return Err(WrongUsage::new(what).into());
    }
    let trials: Vec<f64> = seen.iter().map(|&count| count as f64).collect();
    let found = sample_ratio(&trials, &weights, &vec![0.0; trials.len()])?;
    let counter_errors = vec![0.0; trials.len()];
    let split = Split { participants: trials, weights, counter_errors };
    let evidence = split_evidence(&[split], 0)?;
    let check = Check {
        alarm: evidence.alarm(),
        e_value: evidence.e_value,
        statistic: found.statistic,
        p_value: found.p_value,
        expected: found.expected,
    };
    if arguments.json {
        return Ok(serde_json::to_string_pretty(&check)? + "\n");
    }
    let p_value = match check.p_value {
        0.0 => "p < 1e-300".to_owned(),
        p if p < 1e-4 => format!("p = {p:.1e}"),
        p => format!("p = {p:.4}"),
    };
    let e_value = match check.e_value {
        e if e >= 1e6 => format!("{e:.0e}"),
        e if e >= 10.0 => format!("{e:.0}"),
        e => format!("{e:.2}"),
    };
    let verdict = if check.alarm {
        yellow(&wrapped(&format!(
            "! The split is wrong (e-value {e_value}): something other than chance moves participants. \
             Find the cause before you use the results."
        )))
    } else {
        bold(&format!("No sample ratio mismatch (e-value {e_value})."))
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
    text += &dim(&wrapped(&format!(
        "An e-value of at least {} is an alarm, however often you look. For one look: {p_value}.",
        thousands(ALARM_AT as u64)
    )));
    Ok(text + "\n")
}

/// The text in lines that fit the terminal.
fn wrapped(text: &str) -> String {
    wrap(text, terminal::size().0).join("\n")
}

fn signed(share: f64) -> String {
    let sign = if share < 0.0 { "−" } else { "+" };
    format!("{sign}{}", percent(share.abs()))
}

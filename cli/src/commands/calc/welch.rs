//! Whether a mean such as revenue differs between two variants, for one look.

use std::str::FromStr;

use abtest_model::Percentage;
use abtest_stats::bayes::means::chance_to_beat;
use abtest_stats::fieller::NOT_ABOVE_ZERO;
use abtest_stats::welch::{Sample, contrast, welch};
use abtest_stats::words::{amount, percent, thousands};
use abtest_stats::{Interval, Level};
use anyhow::Result;
use serde::Serialize;

use crate::numbers::{self, count, level, number};
use crate::terminal::{self, bold, dim, printable, wrap};
use crate::usage::WrongUsage;

/// Compare two means, such as revenue per participant (Welch's test).
///
/// Give participants/mean/standard deviation of the control, then of the variant. Participants without a value count with 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  abtest calc welch 9000/2.31/18.4 9100/2.62/19.9 --unit EUR")]
pub(super) struct Arguments {
    /// The control's participants/mean/standard deviation, such as 9000/2.31/18.4.
    control: Triple,
    /// The variant's.
    variant: Triple,
    /// The unit of the mean, such as EUR.
    #[arg(long)]
    unit: Option<String>,
    /// The level of intervals and tests.
    #[arg(long, value_parser = level, default_value = "95%")]
    level: Percentage,
    /// Write the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// The figures of one variant.
#[derive(Debug, Clone, Copy)]
struct Triple {
    participants: u64,
    mean: f64,
    sd: f64,
}

impl FromStr for Triple {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let [participants, mean, sd] = parts.as_slice() else {
            return Err(
                "write participants/mean/standard deviation, such as 9000/2.31/18.4".to_owned()
            );
        };
        Ok(Self {
            participants: count(participants)?,
            mean: number(mean)?,
            sd: numbers::at_least_zero(sd)?,
        })
    }
}

/// The answer, with the API's names.
#[derive(Debug, Serialize)]
struct Answer {
    /// The control, then the variant.
    variants: [Variant; 2],
    difference: f64,
    difference_low: f64,
    difference_high: f64,
    lift: Option<f64>,
    lift_low: Option<f64>,
    lift_high: Option<f64>,
    t: f64,
    df: f64,
    p_value: f64,
    chance_to_beat: Option<f64>,
    expected_loss: Option<f64>,
    /// Why something is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Variant {
    participants: u64,
    mean: f64,
    sd: f64,
    /// The mean's own interval.
    low: Option<f64>,
    high: Option<f64>,
}

pub(super) fn answer(arguments: &Arguments) -> Result<String> {
    let answer = compare(arguments)?;
    if arguments.json {
        Ok(serde_json::to_string_pretty(&answer)? + "\n")
    } else {
        Ok(text(arguments, &answer))
    }
}

fn compare(arguments: &Arguments) -> Result<Answer> {
    let level = Level::new(arguments.level.get())?;
    let sample = |one: Triple| Sample::new(one.participants as f64, one.mean, one.sd * one.sd);
    let (first, second) = (arguments.control, arguments.variant);
    let (control, variant) = (sample(first)?, sample(second)?);
    let tested = welch(control, variant, level).zip(contrast(control, variant, [0.0; 2]));
    let Some((test, contrast)) = tested else {
        let what = if first.participants.min(second.participants) < 2 {
            "a test needs at least 2 participants in each variant"
        } else {
            "a test needs a standard deviation above 0 in one variant; give the standard deviation of one participant's value"
        };
        return Err(WrongUsage::new(what).into());
    };
    let means = control.mean_with_variance(0.0).zip(variant.mean_with_variance(0.0));
    let chances = means.and_then(|(control, variant)| chance_to_beat(control, variant));
    let lift = contrast.lift_interval(level);
    let describe = |given: Triple, sample: Sample| {
        let interval = sample.interval(level, 0.0);
        Variant {
            participants: given.participants,
            mean: given.mean,
            sd: given.sd,
            low: interval.map(|i| i.low),
            high: interval.map(|i| i.high),
        }
    };
    Ok(Answer {
        variants: [describe(first, control), describe(second, variant)],
        difference: test.difference,
        difference_low: test.interval.low,
        difference_high: test.interval.high,
        lift: contrast.lift(),
        lift_low: lift.map(|i| i.low),
        lift_high: lift.map(|i| i.high),
        t: test.t,
        df: test.df,
        p_value: test.p_value,
        chance_to_beat: chances.map(|chances| chances.chance),
        expected_loss: chances.map(|chances| chances.expected_loss),
        reason: lift.is_none().then_some(NOT_ABOVE_ZERO),
    })
}

fn text(arguments: &Arguments, answer: &Answer) -> String {
    let unit =
        arguments.unit.as_deref().map(|unit| format!(" {}", printable(unit))).unwrap_or_default();
    let level = percent(arguments.level.get());
    let interval = Interval { low: answer.difference_low, high: answer.difference_high };
    let p_value = match answer.p_value {
        p if p < 1e-300 => "p < 1e-300".to_owned(),
        p if p < 1e-4 => format!("p = {p:.1e}"),
        p => format!("p = {p:.4}"),
    };
    let higher = if answer.difference > 0.0 { "B is higher" } else { "B is lower" };
    let decided = interval.low > 0.0 || interval.high < 0.0;
    let verdict = if decided {
        format!("{higher} than A ({p_value}).")
    } else {
        format!("No difference found ({p_value}).")
    };
    let row = |name: &str, participants: &str, value: &str, between: &str| {
        format!("  {name:<10}  {participants:>12}  {value:>14}  {between}").trim_end().to_owned()
            + "\n"
    };
    let ends = |low: Option<f64>, high: Option<f64>, write: fn(f64) -> String| match low.zip(high) {
        Some((low, high)) => format!("{} to {}", write(low), write(high)),
        None => "–".to_owned(),
    };
    let mut text = bold(&verdict) + "\n";
    text += &dim(&row("", "participants", &format!("mean{unit}"), &format!("{level} interval")));
    for (name, one) in ["A", "B"].into_iter().zip(&answer.variants) {
        let between = ends(one.low, one.high, minus);
        text += &row(name, &thousands(one.participants), &minus(one.mean), &between);
    }
    let between = ends(Some(interval.low), Some(interval.high), signed);
    text += &row("difference", "", &signed(answer.difference), &between);
    let lift = answer.lift.map_or_else(|| "–".to_owned(), signed_percent);
    text += &row("lift", "", &lift, &ends(answer.lift_low, answer.lift_high, signed_percent));
    let mut notes = Vec::new();
    if let Some(reason) = answer.reason {
        notes.push(format!("The lift has no interval, because {reason}. The difference decides."));
    }
    if let Some((chance, loss)) = answer.chance_to_beat.zip(answer.expected_loss) {
        notes.push(format!(
            "The chance that B is higher is {}. If you choose B and it is lower, you give up {}{unit} per participant on average.",
            chance_in_words(chance),
            amount(loss)
        ));
    }
    notes.push(format!(
        "t = {} with {} degrees of freedom. The test holds for one look at a number of participants fixed in advance. Looking \
         more often and stopping early causes more false alarms than the level allows.",
        format!("{:.3}", answer.t).replace('-', "−"),
        thousands(answer.df.round() as u64)
    ));
    for note in notes {
        text += &dim(&wrap(&note, terminal::size().0).join("\n"));
        text.push('\n');
    }
    text
}

/// A probability, never as 0% or 100%.
fn chance_in_words(chance: f64) -> String {
    match chance {
        chance if chance > 0.999 => "above 99.9%".to_owned(),
        chance if chance < 0.001 => "below 0.1%".to_owned(),
        chance => percent(chance),
    }
}

fn minus(value: f64) -> String {
    if value < 0.0 { format!("−{}", amount(-value)) } else { amount(value) }
}

fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", amount(value)) } else { minus(value) }
}

fn signed_percent(value: f64) -> String {
    match value {
        value if value < 0.0 => format!("−{}", percent(-value)),
        value if value > 0.0 => format!("+{}", percent(value)),
        _ => "0%".to_owned(),
    }
}

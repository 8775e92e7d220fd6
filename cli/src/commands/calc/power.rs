//! How many participants a test needs to find a lift, and how long it runs.

use abtest_model::Percentage;
use abtest_stats::Level;
use abtest_stats::confidence_sequence::{self, DEFAULT_TUNING};
use abtest_stats::sample_size::{Effect, duration_in_days, sample_size};
use abtest_stats::words::{amount, percent, thousands};
use anyhow::Result;
use serde::Serialize;

use crate::numbers;
use crate::terminal::bold;
use crate::usage::WrongUsage;

/// How many participants a test needs, and how long it runs.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The control's rate, such as 5%.
    #[arg(long, value_parser = numbers::rate, required_unless_present = "mean", conflicts_with = "mean")]
    baseline: Option<Percentage>,
    /// For revenue and other numbers: the control's mean per participant.
    #[arg(long, value_parser = numbers::above_zero, requires = "sd")]
    mean: Option<f64>,
    /// The standard deviation of one participant's value. Participants without a value count with 0.
    #[arg(long, value_parser = numbers::above_zero, requires = "mean")]
    sd: Option<f64>,
    /// The relative lift to find, such as 10%.
    #[arg(long, value_parser = numbers::lift, allow_hyphen_values = true)]
    lift: Percentage,
    /// The probability to find it.
    #[arg(long, value_parser = numbers::power, default_value = "80%")]
    power: Percentage,
    /// The level of the test.
    #[arg(long, value_parser = numbers::level, default_value = "95%")]
    level: Percentage,
    /// Number of variants, including the control.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    variants: u32,
    /// Visitors per day in all variants together. Shows how many days the test runs.
    #[arg(long, value_name = "VISITORS", value_parser = visitors)]
    visitors_a_day: Option<f64>,
    /// Write the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Plan {
    /// The control's rate or mean.
    baseline: f64,
    lifted: f64,
    /// The standard deviation of one participant's value, for a mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    sd: Option<f64>,
    /// How many comparisons with the control share the level (Bonferroni).
    comparisons: u32,
    /// For one test at the end.
    fixed: Sample,
    /// For looks at any time.
    always_valid: Sample,
}

#[derive(Debug, Serialize)]
struct Sample {
    per_variant: u64,
    all_variants: u64,
    /// Null without `--visitors-a-day`.
    days: Option<f64>,
}

pub(super) fn answer(arguments: &Arguments) -> Result<String> {
    let effect = effect(arguments)?;
    // Each variant is compared with the control, and the comparisons share the error rate.
    let comparisons = arguments.variants - 1;
    let whole = Level::new(arguments.level.get())?;
    let level = Level::from_alpha(whole.alpha() / f64::from(comparisons))?;
    let power = arguments.power.get();
    let fixed = sample_size(effect, level, power)?;
    let always_valid = confidence_sequence::sample_size(effect, level, power, DEFAULT_TUNING)?;
    let plan = Plan {
        baseline: effect.baseline(),
        lifted: effect.lifted(),
        sd: effect.deviation(),
        comparisons,
        fixed: sample(arguments, fixed)?,
        always_valid: sample(arguments, always_valid)?,
    };
    if arguments.json {
        return Ok(serde_json::to_string_pretty(&plan)? + "\n");
    }
    let question = format!(
        "To detect a change from {} to {} with {} power at a {} level{}, you need:",
        level_of(&plan, plan.baseline),
        level_of(&plan, plan.lifted),
        percent(power),
        percent(arguments.level.get()),
        if comparisons == 1 { String::new() } else { format!(" for {comparisons} comparisons") },
    );
    Ok([
        question,
        line("If you look as often as you like (always_valid):", &plan.always_valid),
        line("If you look once, at the end (fixed):", &plan.fixed),
    ]
    .join("\n")
        + "\n")
}

/// A rate or a mean in words.
fn level_of(plan: &Plan, value: f64) -> String {
    if plan.sd.is_some() { amount(value) } else { percent(value) }
}

/// The change from the baseline. A rate must stay below 100%.
fn effect(arguments: &Arguments) -> Result<Effect> {
    let lift = arguments.lift.get();
    if let Some((mean, sd)) = arguments.mean.zip(arguments.sd) {
        return Ok(Effect::of_mean(mean, sd, lift)?);
    }
    let Some(baseline) = arguments.baseline.map(Percentage::get) else {
        return Err(WrongUsage::new("give --baseline, or --mean and --sd").into());
    };
    Ok(Effect::new(baseline, lift).map_err(|_| {
        WrongUsage::new(format!(
            "--baseline {} with --lift {} makes a rate of {}; it must lie between 0% and 100%",
            percent(baseline),
            percent(lift),
            percent(baseline * (1.0 + lift))
        ))
    })?)
}

fn visitors(text: &str) -> Result<f64, String> {
    let found = numbers::count(text)?;
    if found == 0 { Err("must be at least 1".to_owned()) } else { Ok(found as f64) }
}

fn sample(arguments: &Arguments, per_variant: u64) -> Result<Sample> {
    let days = arguments
        .visitors_a_day
        .map(|visitors| duration_in_days(per_variant, arguments.variants as usize, visitors))
        .transpose()?;
    let all_variants = per_variant.saturating_mul(u64::from(arguments.variants));
    Ok(Sample { per_variant, all_variants, days })
}

fn line(when: &str, sample: &Sample) -> String {
    let count = bold(&format!("{} participants per variant", thousands(sample.per_variant)));
    let days = match sample.days.map(f64::ceil) {
        None => String::new(),
        Some(days) if days <= 1.0 => ", 1 day".to_owned(),
        Some(days) => format!(", {} days", thousands(days as u64)),
    };
    format!("  {when}\n    {count}, {} in all{days}", thousands(sample.all_variants))
}

//! How many participants it takes to find a lift, and how long.

use abtest_stats::Level;
use abtest_stats::confidence_sequence::{self, DEFAULT_TUNING};
use abtest_stats::sample_size::{Effect, duration_in_days, sample_size};
use abtest_stats::words::{percent, thousands};
use anyhow::Result;
use serde::Serialize;

use crate::numbers::share;
use crate::terminal::bold;

/// How many participants a test needs, and how long it takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The control's rate, such as 5%.
    #[arg(long, value_parser = share)]
    baseline: f64,
    /// The relative lift to be found, such as 10%.
    #[arg(long, value_parser = share, allow_hyphen_values = true)]
    lift: f64,
    /// The probability to find it.
    #[arg(long, value_parser = share, default_value = "80%")]
    power: f64,
    /// The level of the test.
    #[arg(long, value_parser = share, default_value = "95%")]
    level: f64,
    /// Variants, the control included.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    variants: u32,
    /// Visitors a day, all variants together, to tell how long it takes.
    #[arg(long, value_name = "VISITORS")]
    visitors_a_day: Option<f64>,
    /// Write the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Plan {
    baseline: f64,
    lifted: f64,
    /// For one test at the end.
    fixed: Sample,
    /// When one looks at any time.
    always_valid: Sample,
}

#[derive(Debug, Serialize)]
struct Sample {
    per_variant: u64,
    all_variants: u64,
    /// None if nobody said how many visitors there are.
    days: Option<f64>,
}

pub(super) fn answer(arguments: &Arguments) -> Result<String> {
    let effect = Effect::new(arguments.baseline, arguments.lift)?;
    let level = Level::new(arguments.level)?;
    let fixed = sample_size(effect, level, arguments.power)?;
    let always_valid =
        confidence_sequence::sample_size(effect, level, arguments.power, DEFAULT_TUNING)?;
    let plan = Plan {
        baseline: effect.baseline(),
        lifted: effect.lifted(),
        fixed: sample(arguments, fixed)?,
        always_valid: sample(arguments, always_valid)?,
    };
    if arguments.json {
        return Ok(serde_json::to_string_pretty(&plan)? + "\n");
    }
    let Arguments { power, level, .. } = arguments;
    Ok(format!(
        "To find a change from {} to {} with a power of {}, at a level of {}:\n  {}\n  {}\n",
        percent(plan.baseline),
        percent(plan.lifted),
        percent(*power),
        percent(*level),
        line(&plan.always_valid, "if you look whenever you like (always_valid)"),
        line(&plan.fixed, "if you look once, at the end (fixed)"),
    ))
}

fn sample(arguments: &Arguments, per_variant: u64) -> Result<Sample> {
    let days = arguments
        .visitors_a_day
        .map(|visitors| duration_in_days(per_variant, arguments.variants as usize, visitors))
        .transpose()?;
    let all_variants = per_variant.saturating_mul(u64::from(arguments.variants));
    Ok(Sample { per_variant, all_variants, days })
}

fn line(sample: &Sample, when: &str) -> String {
    let count = bold(&format!("{} participants a variant", thousands(sample.per_variant)));
    let days = match sample.days.map(f64::ceil) {
        None => String::new(),
        Some(days) if days <= 1.0 => ", within a day".to_owned(),
        Some(days) => format!(", {} days", thousands(days as u64)),
    };
    format!("{count}, {} in all{days}, {when}", thousands(sample.all_variants))
}

//! Power, and the sample that finds the minimum lift on one goal.

use super::arm::Arm;
use super::input::Settings;
use super::report::{GoalKind, SampleNeeded};
use crate::confidence_sequence::{Rho, UNREACHABLE, participants_needed};
use crate::counter_error::Counter;
use crate::level::Level;
use crate::sample_size::{self, Effect};

/// What it takes to find the minimum lift, starting from the control's rate.
pub(super) struct Plan {
    effect: Option<Effect>,
    level: Level,
    pub(super) needed: SampleNeeded,
}

/// The effect to find, and how its standard error falls with n participants per variant: sqrt(variance / n + floor).
#[derive(Clone, Copy)]
struct Target {
    /// For a fixed test.
    effect: Effect,
    /// For a confidence sequence: ln(1 + lift) of a rate, or the difference of means.
    distance: f64,
    /// The variance of the log ratio, or of the difference, at one participant each.
    variance: f64,
    /// What the counters add to this variance with any number of participants.
    floor: f64,
    /// A fixed test finds with n participants what it finds with n / (1 + n * shrink) exactly counted ones.
    shrink: f64,
}

impl Plan {
    /// A plan for a comparison at `level`, its share of the family's error rate.
    pub(super) fn new(
        control: Arm,
        kind: GoalKind,
        trials: &[f64],
        settings: &Settings,
        (level, rho): (Level, Rho),
    ) -> Self {
        let Some(target) = target(control, settings) else {
            let reason = match kind {
                GoalKind::Rate => "counts alone do not show how much visitors repeat the goal",
                GoalKind::Proportion => {
                    "the control's rate is not known yet, or is too high for the minimum lift"
                }
                GoalKind::Mean => {
                    "the control's mean is not above 0 yet, or its totals do not vary"
                }
            };
            let needed = SampleNeeded { reason: Some(reason.to_owned()), ..Default::default() };
            return Self { effect: None, level, needed };
        };
        let per_variant = fixed(target, level, settings.power);
        let seen_at = |n: f64| (target.variance / n + target.floor).sqrt();
        let per_variant_always_valid =
            participants_needed(target.distance, seen_at, level, settings.power, rho);
        let more = |n: f64| trials.iter().map(|&m| (n - m).max(0.0)).sum::<f64>().ceil() as u64;
        let unknown = per_variant.is_none() || per_variant_always_valid.is_none();
        let reason = unknown.then(|| match settings.counter {
            Counter::Hll => {
                "the counter's error hides a lift this small; use counting = \"exact\"".to_owned()
            }
            Counter::Exact => "the lift needs more participants than an experiment has".to_owned(),
        });
        let needed = SampleNeeded {
            per_variant: per_variant.map(|n| n as u64),
            more: per_variant.map(more),
            per_variant_always_valid: per_variant_always_valid.map(|n| n as u64),
            more_always_valid: per_variant_always_valid.map(more),
            reason,
        };
        Self { effect: Some(target.effect), level, needed }
    }

    /// The power of a fixed test with this many effective participants per variant.
    pub(super) fn power(&self, effective_trials: f64) -> Option<f64> {
        Some(sample_size::power(self.effect?, self.level, effective_trials))
    }
}

fn target(control: Arm, settings: &Settings) -> Option<Target> {
    let error = settings.counter.relative_error(f64::INFINITY);
    let lift = settings.minimum_lift;
    if let Some(sample) = control.totals().map(|totals| totals.sample()) {
        let mean = sample.mean()?;
        let effect = Effect::of_mean(mean, sample.variance().sqrt(), lift).ok()?;
        let variance = 2.0 * sample.variance();
        let lifted = effect.lifted();
        let floor = error * error * (mean * mean + lifted * lifted);
        let (distance, shrink) = (lifted - mean, floor / variance);
        return Some(Target { effect, distance, variance, floor, shrink });
    }
    // Counts that repeat do not show how much they vary.
    control.effective_proportion()?;
    let rate = control.observed_rate().filter(|&rate| rate > 0.0)?;
    let effect = Effect::new(rate, lift).ok()?;
    let odds = |p: f64| (1.0 - p).max(0.0) / p;
    // Each of the two rates has two counters.
    let floor = 4.0 * error * error;
    Some(Target {
        effect,
        distance: lift.ln_1p(),
        variance: odds(rate) + odds(rate * (1.0 + lift)),
        floor,
        shrink: floor / 2.0 / odds(rate),
    })
}

/// Participants per variant for one test at the end.
fn fixed(target: Target, level: Level, power: f64) -> Option<f64> {
    let exact = sample_size::sample_size(target.effect, level, power).ok()? as f64;
    let left = 1.0 - exact * target.shrink;
    let n = exact / left;
    (left > 0.0 && n < UNREACHABLE).then(|| n.ceil())
}

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

/// The parts of the log ratio's variance.
#[derive(Clone, Copy)]
struct Odds {
    /// ln(1 + lift).
    ln_lift: f64,
    /// q0/p0 + q1/p1: the variance of the log ratio at one participant each.
    variance: f64,
    /// p0/q0: 2 e^2 times this is what the counter takes from each participant in n_eff.
    control: f64,
    /// What the counters add to the variance with any number of participants: 2 e^2 for each of two rates.
    floor: f64,
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
        let Some((effect, odds)) = target(control, kind, settings) else {
            let reason = match kind {
                GoalKind::Rate => "counts alone do not show how much visitors repeat the goal",
                GoalKind::Proportion => {
                    "the control's rate is not known yet, or is too high for the minimum lift"
                }
            };
            let needed = SampleNeeded { reason: Some(reason.to_owned()), ..Default::default() };
            return Self { effect: None, level, needed };
        };
        let per_variant = fixed(effect, odds, level, settings.power);
        let seen_at = |n: f64| (odds.variance / n + odds.floor).sqrt();
        let per_variant_always_valid =
            participants_needed(odds.ln_lift, seen_at, level, settings.power, rho);
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
        Self { effect: Some(effect), level, needed }
    }

    /// The power of a fixed test with this many effective participants per variant.
    pub(super) fn power(&self, effective_trials: f64) -> Option<f64> {
        Some(sample_size::power(self.effect?, self.level, effective_trials))
    }
}

fn target(control: Arm, kind: GoalKind, settings: &Settings) -> Option<(Effect, Odds)> {
    if kind == GoalKind::Rate {
        return None;
    }
    let rate = control.observed_rate().filter(|&rate| rate > 0.0)?;
    let effect = Effect::new(rate, settings.minimum_lift).ok()?;
    let error = settings.counter.relative_error(f64::INFINITY);
    let odds = |p: f64| (1.0 - p).max(0.0) / p;
    let odds = Odds {
        ln_lift: settings.minimum_lift.ln_1p(),
        variance: odds(rate) + odds(rate * (1.0 + settings.minimum_lift)),
        control: 1.0 / odds(rate),
        floor: 4.0 * error * error,
    };
    Some((effect, odds))
}

/// Participants per variant for one test at the end.
fn fixed(effect: Effect, odds: Odds, level: Level, power: f64) -> Option<f64> {
    let exact = sample_size::sample_size(effect, level, power).ok()? as f64;
    // n_eff = n / (1 + n * shrink), solved for n.
    let shrink = odds.floor / 2.0 * odds.control;
    let left = 1.0 - exact * shrink;
    let n = exact / left;
    (left > 0.0 && n < UNREACHABLE).then(|| n.ceil())
}

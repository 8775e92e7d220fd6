//! Power, and the sample still needed to find the minimum lift.

use super::arm::Arm;
use super::input::Settings;
use super::report::{GoalKind, SampleNeeded};
use crate::confidence_sequence::{UNREACHABLE, participants_needed};
use crate::counter_error::Counter;
use crate::level::Level;
use crate::normal;
use crate::sample_size::{self, Effect};

/// What it takes to find the minimum lift on one goal, starting from the control's rate.
pub(super) struct Plan {
    target: Option<Target>,
    level: Level,
    pub(super) needed: SampleNeeded,
}

/// What is to be found.
#[derive(Clone, Copy)]
enum Target {
    Proportion(Effect, Odds),
    Rate(Odds),
}

/// The pieces of the log ratio's variance.
#[derive(Clone, Copy)]
struct Odds {
    /// ln(1 + lift).
    ln_lift: f64,
    /// q0/p0 + q1/p1 (for rates 1/r0 + 1/r1): the variance of the log ratio at one participant each.
    variance: f64,
    /// q0/p0: by what 2 e^2 has to be multiplied in n_eff; 0 for rates, which see no such factor here.
    control: f64,
    /// What the counters add to the variance, however many participants: 2 e^2 for each of two rates.
    floor: f64,
}

impl Plan {
    pub(super) fn new(control: Arm, kind: GoalKind, trials: &[f64], settings: &Settings) -> Self {
        let Some(target) = target(control, kind, settings) else {
            let reason =
                "the control's rate leaves no room for the minimum lift, or is not known yet";
            let needed = SampleNeeded { reason: Some(reason.to_owned()), ..Default::default() };
            return Self { target: None, level: settings.level, needed };
        };
        let per_variant = target.fixed(settings);
        let per_variant_always_valid = target.always_valid(settings);
        let more = |n: f64| trials.iter().map(|&m| (n - m).max(0.0)).sum::<f64>().ceil() as u64;
        let reason = (per_variant.is_none() || per_variant_always_valid.is_none()).then(|| match settings.counter {
            Counter::Hll => "the counter's own error hides a lift this small: counting = \"exact\" would not".to_owned(),
            Counter::Exact => "more participants than any experiment has".to_owned(),
        });
        let needed = SampleNeeded {
            per_variant: per_variant.map(|n| n as u64),
            more: per_variant.map(more),
            per_variant_always_valid: per_variant_always_valid.map(|n| n as u64),
            more_always_valid: per_variant_always_valid.map(more),
            reason,
        };
        Self { target: Some(target), level: settings.level, needed }
    }

    /// The power of a fixed test with this many effective trials each.
    pub(super) fn power(&self, effective_trials: f64) -> Option<f64> {
        match self.target? {
            Target::Proportion(effect, _) => {
                Some(sample_size::power(effect, self.level, effective_trials))
            }
            Target::Rate(odds) => {
                let errors = odds.ln_lift * (effective_trials / odds.variance).sqrt();
                Some(normal::upper_tail(self.level.critical_value() - errors))
            }
        }
    }
}

fn target(control: Arm, kind: GoalKind, settings: &Settings) -> Option<Target> {
    let rate = control.observed_rate().filter(|&rate| rate > 0.0)?;
    let ln_lift = settings.minimum_lift.ln_1p();
    let error = settings.counter.relative_error(f64::INFINITY);
    let floor = 4.0 * error * error;
    let lifted = rate * (1.0 + settings.minimum_lift);
    match kind {
        GoalKind::Proportion => {
            let effect = Effect::new(rate, settings.minimum_lift).ok()?;
            let odds = |p: f64| (1.0 - p).max(0.0) / p;
            let variance = odds(rate) + odds(lifted);
            let control = 1.0 / odds(rate);
            Some(Target::Proportion(effect, Odds { ln_lift, variance, control, floor }))
        }
        GoalKind::Rate => {
            let variance = 1.0 / rate + 1.0 / lifted;
            variance.is_finite().then_some(Target::Rate(Odds {
                ln_lift,
                variance,
                control: 0.0,
                floor,
            }))
        }
    }
}

impl Target {
    fn odds(self) -> Odds {
        match self {
            Self::Proportion(_, odds) | Self::Rate(odds) => odds,
        }
    }

    /// Participants a variant for one test at the end.
    fn fixed(self, settings: &Settings) -> Option<f64> {
        let odds = self.odds();
        let n = match self {
            Self::Proportion(effect, _) => {
                let exact =
                    sample_size::sample_size(effect, settings.level, settings.power).ok()? as f64;
                // n_eff = n / (1 + n * shrink), solved for n.
                let shrink = odds.floor / 2.0 * odds.control;
                let left = 1.0 - exact * shrink;
                if left <= 0.0 {
                    return None;
                }
                exact / left
            }
            Self::Rate(_) => {
                let errors =
                    settings.level.critical_value() - normal::upper_quantile(settings.power);
                let variance = (odds.ln_lift / errors).powi(2) - odds.floor;
                if variance <= 0.0 {
                    return None;
                }
                odds.variance / variance
            }
        };
        (n < UNREACHABLE).then(|| n.ceil())
    }

    /// Participants a variant until the always-valid interval leaves 0 out with the power asked for.
    fn always_valid(self, settings: &Settings) -> Option<f64> {
        let Odds { ln_lift, variance, floor, .. } = self.odds();
        let seen_at = |n: f64| (variance / n + floor).sqrt();
        participants_needed(ln_lift, seen_at, settings.level, settings.power, settings.tuning)
    }
}

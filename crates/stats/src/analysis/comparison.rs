//! A variant held against the control.

use super::arm::{Arm, counter_share};
use super::input::Settings;
use super::plan::Plan;
use super::report::{AlwaysValidReport, Comparison};
use crate::confidence_sequence::{AlwaysValid, Look, confidence_sequence};

/// Below these an asymptotic interval promises more than it keeps.
const LEAST_TRIALS: f64 = 100.0;
const LEAST_SUCCESSES: f64 = 5.0;

/// Compares without the posteriors' members, which the goal's matrix brings.
pub(super) fn compare(
    name: &str,
    control: Arm,
    variant: Arm,
    plan: &Plan,
    settings: &Settings,
) -> Comparison {
    let difference = Arm::difference(control, variant, settings.level);
    let interval = difference.map(|(estimate, _)| estimate.interval);
    let lift = Arm::lift(control, variant);
    let lift_interval = Arm::lift_interval(control, variant, settings.level);
    let test = Arm::test(control, variant);
    let power = plan.power(control.effective_trials().min(variant.effective_trials()));
    let unplanned = || plan.needed.reason.clone().filter(|_| power.is_none());
    Comparison {
        variant: name.to_owned(),
        difference: difference.map(|(estimate, _)| estimate.value),
        difference_low: interval.map(|i| i.low),
        difference_high: interval.map(|i| i.high),
        lift,
        lift_low: lift_interval.map(|i| i.low),
        lift_high: lift_interval.map(|i| i.high),
        z: test.map(|t| t.z),
        p_value: test.map(|t| t.p_value),
        adjusted_p_value: None,
        chance_to_beat: None,
        expected_loss: None,
        always_valid: always_valid(control, variant, settings),
        sequential: None,
        counter_share: difference
            .map(|(estimate, width)| counter_share(estimate.interval.width(), width)),
        power,
        sample_needed: plan.needed.clone(),
        reason: reason(control, variant, test.is_some(), lift.is_some(), lift_interval.is_some())
            .or_else(unplanned),
    }
}

fn reason(control: Arm, variant: Arm, test: bool, lift: bool, interval: bool) -> Option<String> {
    let reason = if control.trials() == 0.0 || variant.trials() == 0.0 {
        "no trials yet in both variants"
    } else if !test {
        "nothing varies: all trials or none reached the goal"
    } else if !lift {
        "the control has no successes to measure a lift from"
    } else if !interval {
        "the variant has no successes: its lift is known, its interval is not"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

fn always_valid(control: Arm, variant: Arm, settings: &Settings) -> AlwaysValidReport {
    let silent = |reason: String| AlwaysValidReport { reason: Some(reason), ..Default::default() };
    if let Some(reason) = too_early(control, variant) {
        return silent(reason);
    }
    let n = control.trials() + variant.trials();
    let sequence = |estimate: Option<f64>, variance: Option<f64>| -> Option<AlwaysValid> {
        let look = Look::new(estimate?, variance?, n).ok()?;
        confidence_sequence(look, settings.level, settings.tuning).ok()
    };
    let difference =
        control.observed_rate().zip(variant.observed_rate()).map(|(from, to)| to - from);
    let difference = sequence(difference, Arm::difference_variance(control, variant));
    let ln_ratio =
        sequence(Arm::ln_ratio(control, variant), Arm::ln_ratio_variance(control, variant));
    let Some(ln_ratio) = ln_ratio else { return silent("nothing varies".to_owned()) };
    AlwaysValidReport {
        difference_low: difference.map(|d| d.interval.low),
        difference_high: difference.map(|d| d.interval.high),
        lift_low: finite(ln_ratio.interval.low.exp_m1()),
        lift_high: finite(ln_ratio.interval.high.exp_m1()),
        p_value: Some(ln_ratio.p_value),
        adjusted_p_value: None,
        reason: None,
    }
}

/// Why the asymptotics cannot be trusted yet, if so. Failures count as successes do: near a rate of 1 they are what varies.
pub(super) fn too_early(control: Arm, variant: Arm) -> Option<String> {
    let trials = control.trials().min(variant.trials());
    if trials < LEAST_TRIALS {
        return Some(format!("too early: {trials} trials in a variant, {LEAST_TRIALS} are needed"));
    }
    let successes = control.successes().min(variant.successes());
    if successes < LEAST_SUCCESSES {
        return Some(format!(
            "too early: {successes} successes in a variant, {LEAST_SUCCESSES} are needed"
        ));
    }
    let failures = control.failures()?.min(variant.failures()?);
    (failures < LEAST_SUCCESSES).then(|| {
        format!("too early: {failures} trials in a variant missed the goal, {LEAST_SUCCESSES} are needed")
    })
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

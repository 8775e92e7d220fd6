//! A variant compared with the control.

use super::arm::Arm;
use super::evidence::{Evidence, Silence};
use super::family::Family;
use super::goal::Goal;
use super::input::{Better, Settings};
use super::plan::Plan;
use super::report::{Comparison, Decided};
use crate::fieller::NOT_ABOVE_ZERO;
use crate::level::{Interval, Level};

/// A comparison with everything that decides it.
pub(super) struct Row {
    /// The variant's index.
    pub(super) variant: usize,
    pub(super) family: Family,
    pub(super) evidence: Evidence,
    /// After the correction; `None` without evidence.
    pub(super) corrected: Option<AfterCorrection>,
}

/// What the correction of the family made of a p-value.
#[derive(Clone, Copy)]
pub(super) struct AfterCorrection {
    pub(super) adjusted_p_value: f64,
    pub(super) interval_level: Level,
    /// The adjusted p-value is below the family's alpha.
    pub(super) significant: bool,
}

impl Row {
    pub(super) fn silence(&self) -> Option<&Silence> {
        match &self.evidence {
            Evidence::Silent(silence) => Some(silence),
            _ => None,
        }
    }
}

/// The names and arms of a comparison.
pub(super) struct Sides<'a> {
    pub(super) goal: &'a Goal<'a>,
    pub(super) variant: &'a str,
    pub(super) control_index: usize,
    pub(super) control: Arm,
    pub(super) arm: Arm,
}

pub(super) fn comparison(
    row: &Row,
    sides: &Sides<'_>,
    plan: &Plan,
    settings: &Settings,
) -> Comparison {
    let (control, variant) = (sides.control, sides.arm);
    let chances = sides.goal.chances.as_ref();
    let chance = |table: &[Vec<Option<f64>>]| table[row.variant][sides.control_index];
    let decisive = Decisive::of(row);
    let (lift, difference) = match row.evidence.estimates() {
        Some(seen) => seen,
        // Rates of several periods together can mislead.
        None if sides.goal.periods.is_some() => (None, None),
        None => (Arm::lift(control, variant), Arm::difference(control, variant)),
    };
    let interval = decisive.interval;
    let power = plan.power(control.effective_trials().min(variant.effective_trials()));
    Comparison {
        variant: sides.variant.to_owned(),
        family: row.family,
        method: settings.method,
        decision: decisive
            .deciding
            .and_then(|i| decided(i, settings.better(&sides.goal.counts.name))),
        lift,
        lift_low: interval.map(|i| i.low),
        lift_high: interval.map(|i| i.high),
        interval_level: decisive.interval_level,
        z: decisive.z,
        p_value: decisive.p_value,
        adjusted_p_value: decisive.adjusted_p_value,
        difference,
        difference_low: decisive.difference.map(|i| i.low),
        difference_high: decisive.difference.map(|i| i.high),
        chance_to_beat: chances.and_then(|chances| chance(&chances.beats)),
        expected_loss: chances.and_then(|chances| chance(&chances.losses)),
        look: match &row.evidence {
            Evidence::Look(look) => Some(look.look),
            _ => None,
        },
        strata: row.evidence.strata(),
        counter_share: Arm::counter_share(control, variant),
        power,
        sample_needed: plan.needed.clone(),
        reason: reason(row, lift, sides.goal, plan, power, &decisive),
    }
}

/// The members of a comparison that must agree with each other.
#[derive(Default)]
struct Decisive {
    /// The lift's interval, or the difference's for means.
    deciding: Option<Interval>,
    /// The lift's interval.
    interval: Option<Interval>,
    difference: Option<Interval>,
    interval_level: Option<f64>,
    z: Option<f64>,
    p_value: Option<f64>,
    adjusted_p_value: Option<f64>,
}

impl Decisive {
    fn of(row: &Row) -> Self {
        if let Evidence::Look(look) = &row.evidence {
            return Self {
                deciding: Some(look.lift_interval),
                interval: Some(look.lift_interval),
                difference: look.difference_interval,
                interval_level: Some(look.interval_level),
                z: Some(look.z),
                p_value: Some(look.p_value),
                adjusted_p_value: Some(look.adjusted_p_value),
            };
        }
        let (Some(outcome), Some(z), Some(p_value)) =
            (row.corrected, row.evidence.z(), row.evidence.p_value())
        else {
            return Self::default();
        };
        let level = outcome.interval_level;
        let Some(deciding) = row.evidence.deciding_interval(level, outcome.significant) else {
            return Self::default();
        };
        Self {
            deciding: Some(deciding),
            interval: row.evidence.lift_interval(level, outcome.significant),
            difference: row.evidence.difference_interval(level, outcome.significant),
            interval_level: Some(1.0 - level.alpha()),
            z: Some(z),
            p_value: Some(p_value),
            adjusted_p_value: Some(outcome.adjusted_p_value),
        }
    }
}

fn decided(interval: Interval, better: Better) -> Option<Decided> {
    let up = interval.low > 0.0;
    let down = interval.high < 0.0;
    match (up, down, better) {
        (true, _, Better::Higher) | (_, true, Better::Lower) => Some(Decided::Better),
        (true, _, Better::Lower) | (_, true, Better::Higher) => Some(Decided::Worse),
        (false, false, _) => None,
    }
}

fn reason(
    row: &Row,
    lift: Option<f64>,
    goal: &Goal<'_>,
    plan: &Plan,
    power: Option<f64>,
    decisive: &Decisive,
) -> Option<String> {
    if let Some(silence) = row.silence() {
        return Some(silence.reason().to_owned());
    }
    let is_mean = matches!(row.evidence, Evidence::Means { .. });
    if is_mean && decisive.interval.is_none() {
        return Some(format!("there is no lift, because {NOT_ABOVE_ZERO}; the difference decides"));
    }
    if lift.is_none() {
        return Some("the control has no successes, so there is no lift".to_owned());
    }
    if decisive.difference.is_none() {
        return Some("the look did not store the difference".to_owned());
    }
    if let Some(reason) = goal.no_chances() {
        return Some(reason.to_owned());
    }
    plan.needed.reason.clone().filter(|_| power.is_none())
}

//! A goal over several periods of constant weights.

use super::comparison::Row;
use super::evidence::{Evidence, Silence};
use super::input::{Counts, DeclaredKind, GoalCounts, Settings};
use super::remarks::Remarks;
use super::report::{RemarkCode, StrataReport};
use crate::confidence_sequence::Rho;
use crate::stratified::{Period, Stratified, Totals};
use crate::words::{counted, percent};

/// Participants that a variant needs in a stratum.
const LEAST_PARTICIPANTS: f64 = 100.0;

/// Successes that a variant needs: expected ones in a stratum, and counted ones in all strata together.
const LEAST_SUCCESSES: f64 = 25.0;

/// A period's share c of a HyperLogLog with n uuids errs by √(c·n/11,800), because it is the growth of an estimate: this many
/// times √(n/c) of the whole counter's relative error.
const PART_OF_COUNTER: f64 = 1.14;

/// A goal's counts by period.
pub(super) struct OverPeriods {
    /// The weights of each variant as shares, for each period.
    weights: Vec<Vec<f64>>,
    /// The counts of each variant, for each period.
    totals: Vec<Vec<Totals>>,
    /// Participants that a variant needs in a stratum.
    least: f64,
}

impl OverPeriods {
    /// `None` with one period, if the goal's successes are not known by period, or if participants can repeat the goal.
    pub(super) fn new(counts: &Counts, goal: &GoalCounts, settings: &Settings) -> Option<Self> {
        let declared = settings.declared.as_ref().and_then(|declared| declared.goal(&goal.name));
        let repeats = declared.is_some_and(|goal| goal.kind != DeclaredKind::Conversion);
        if counts.periods.len() < 2 || repeats {
            return None;
        }
        let mut totals = Vec::new();
        for period in &counts.periods {
            let successes = period.successes(&goal.name)?;
            let arms = counts.variants.iter().zip(&period.participants).zip(successes);
            let arm = |((variant, &n), &s): ((&super::input::VariantCounts, &u64), &u64)| {
                let whole = settings.counter.relative_error(variant.trials as f64);
                let parts = variant.trials as f64 / (n as f64).max(1.0);
                let error = PART_OF_COUNTER * whole * parts.max(1.0).sqrt();
                Totals::of_conversions(n as f64, s as f64, error)
            };
            totals.push(arms.map(arm).collect());
        }
        let weights = counts.periods.iter().map(|period| {
            let all: f64 = period.weights.iter().sum();
            period.weights.iter().map(|weight| weight / all).collect()
        });
        // The rate of all variants together favours none of them.
        let participants = counts.variants.iter().fold(0.0, |sum, v| sum + v.trials as f64);
        let successes: f64 = goal.successes.iter().map(|&count| count as f64).sum();
        let rate = (successes / participants).clamp(0.0, 1.0);
        let least = (LEAST_SUCCESSES / rate).clamp(LEAST_PARTICIPANTS, 1e15);
        Some(Self { weights: weights.collect(), totals, least })
    }

    /// The evidence of a variant against the control: a confidence sequence, or without `rho` for one look.
    pub(super) fn evidence(&self, control: usize, variant: usize, rho: Option<Rho>) -> Evidence {
        let pair = |list: &Vec<f64>| [list[control], list[variant]];
        let period = |(weights, totals): (&Vec<f64>, &Vec<Totals>)| Period {
            weights: pair(weights),
            arms: [totals[control], totals[variant]],
        };
        let periods: Vec<Period> = self.weights.iter().zip(&self.totals).map(period).collect();
        let Some(found) = Stratified::new(&periods, self.least) else {
            let reason = format!(
                "the weights changed, and no period has {} in both variants",
                counted(self.least.ceil() as u64, "participant")
            );
            return Evidence::Silent(Silence::TooEarly(reason));
        };
        let reached = found.reached[0].min(found.reached[1]);
        if reached < LEAST_SUCCESSES {
            let seen = counted(reached as u64, "success");
            let reason = format!(
                "one variant has {seen}; after a change of weights at least {LEAST_SUCCESSES} are needed"
            );
            return Evidence::Silent(Silence::TooEarly(reason));
        }
        match found.ln_ratio() {
            Some(ln_ratio) => {
                let strata = StrataReport {
                    strata: found.strata as u64,
                    left_out: found.left_out,
                    batched_p_value: found.batched_p_value(),
                };
                Evidence::Stratified { ln_ratio, difference: found.difference(), rho, strata }
            }
            None => Evidence::Silent(Silence::TooEarly(super::evidence::NO_VARIATION.to_owned())),
        }
    }
}

/// Says that the periods are compared separately, if a row was.
pub(super) fn remark(counts: &Counts, rows: &[Vec<Row>], remarks: &mut Remarks) {
    let left_out = rows.iter().flatten().filter_map(|row| match &row.evidence {
        Evidence::Stratified { strata, .. } => Some(strata.left_out),
        _ => None,
    });
    let Some(largest_left_out) = left_out.reduce(f64::max) else { return };
    let mut message = format!(
        "The weights changed, so the lifts compare the variants within {} of constant weights and average the results. The rates \
         are those of all periods together, and comparing them can mislead.",
        counted(counts.periods.len() as u64, "period")
    );
    if largest_left_out > 0.0 {
        message.push_str(&format!(
            " Periods with {} of the participants are left out, because they are too small and their neighbours have other \
             weights.",
            percent(largest_left_out)
        ));
    }
    remarks.note(RemarkCode::PeriodsSeparated, message);
}

//! A goal over several periods of constant weights.

use super::comparison::Row;
use super::evidence::{Evidence, Silence};
use super::input::{Counts, DeclaredKind, GoalCounts, Settings};
use super::remarks::Remarks;
use super::report::{RemarkCode, StrataReport};
use crate::confidence_sequence::Rho;
use crate::stratified::{Period, Stratified, Totals};
use crate::words::{counted, percent, thousands};

/// Participants that a variant needs in a stratum.
const LEAST_PARTICIPANTS: f64 = 100.0;

/// Successes that a variant needs: expected ones in a stratum, and counted ones in all strata together.
const LEAST_SUCCESSES: f64 = 25.0;

/// The share of a variant's participants, and of its successes of a goal, whose period must be known to compare the variants
/// within the periods.
pub const LEAST_KNOWN_SHARE: f64 = 0.95;

/// A goal's counts by period.
pub(super) struct OverPeriods {
    /// The weights of each variant as shares, for each period.
    weights: Vec<Vec<f64>>,
    /// The counts of each variant, for each period.
    totals: Vec<Vec<Totals>>,
    /// Participants that a variant needs in a stratum.
    least: f64,
    /// Why nothing can be compared, if the period of too many successes is unknown.
    unknown: Option<String>,
}

impl OverPeriods {
    /// `None` with one period, if the goal's successes are not known by period, or if participants can repeat the goal.
    pub(super) fn new(counts: &Counts, goal: &GoalCounts, settings: &Settings) -> Option<Self> {
        let declared = settings.declared.as_ref().and_then(|declared| declared.goal(&goal.name));
        let repeats = declared.is_some_and(|goal| goal.kind != DeclaredKind::Conversion);
        if counts.periods.len() < 2 || repeats {
            return None;
        }
        let by_period: Option<Vec<&[u64]>> =
            counts.periods.iter().map(|period| period.successes(&goal.name)).collect();
        let by_period = by_period?;
        let known = Known::new(counts, goal, &by_period);
        let mut totals = Vec::new();
        for (period, successes) in counts.periods.iter().zip(&by_period) {
            let arm = |index: usize| {
                let (n, whole) = (period.participants[index] as f64, counts.variants[index].trials);
                let successes = (successes[index] as f64 * known.correction[index]).min(n);
                let error = settings.counter.relative_error_of_part(n, whole as f64);
                Totals::of_conversions(n, successes, error)
            };
            totals.push((0..counts.variants.len()).map(arm).collect());
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
        Some(Self { weights: weights.collect(), totals, least, unknown: known.too_little })
    }

    /// The evidence of a variant against the control: a confidence sequence, or without `rho` for one look.
    pub(super) fn evidence(&self, control: usize, variant: usize, rho: Option<Rho>) -> Evidence {
        if let Some(reason) = &self.unknown {
            return Evidence::Silent(Silence::NoVerdict(reason.clone()));
        }
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
            let seen = thousands(reached as u64);
            let reason = format!(
                "after a change of weights each variant needs at least {LEAST_SUCCESSES} successes, and one has {seen}"
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

/// How much of a goal is known by period.
struct Known {
    /// What each variant's successes of a period are multiplied by, so that all periods together have the variant's rate. Without
    /// it, a variant whose events leave out their period more often than another's would look worse.
    correction: Vec<f64>,
    /// Why too little is known, if so.
    too_little: Option<String>,
}

impl Known {
    fn new(counts: &Counts, goal: &GoalCounts, by_period: &[&[u64]]) -> Self {
        let mut known = Self { correction: Vec::new(), too_little: None };
        for (index, variant) in counts.variants.iter().enumerate() {
            let share = |part: u64, whole: u64| {
                if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
            };
            let successes = by_period.iter().map(|period| period[index]).sum();
            let participants = counts.periods.iter().map(|period| period.participants[index]).sum();
            let of_successes = share(successes, goal.successes[index]);
            let of_participants = share(participants, variant.trials);
            if of_successes < LEAST_KNOWN_SHARE {
                known.too_little = Some(format!(
                    "the weights changed, and {} of the {} events of {} state an allocation; {} are needed to compare within \
                     the periods",
                    percent(of_successes),
                    goal.name,
                    variant.name,
                    percent(LEAST_KNOWN_SHARE),
                ));
            }
            let has_both = of_successes > 0.0 && of_participants > 0.0;
            known.correction.push(if has_both { of_participants / of_successes } else { 1.0 });
        }
        known
    }
}

/// Says that the periods are compared separately, if a row was.
pub(super) fn remark(counts: &Counts, rows: &[Vec<Row>], remarks: &mut Remarks) {
    let compared: Vec<&StrataReport> = rows
        .iter()
        .flatten()
        .filter_map(|row| match &row.evidence {
            Evidence::Stratified { strata, .. } => Some(strata),
            _ => None,
        })
        .collect();
    let Some(most) = compared.iter().map(|strata| strata.strata).max() else { return };
    let largest_left_out = compared.iter().map(|strata| strata.left_out).fold(0.0, f64::max);
    let how = if most == 1 {
        "within one period of similar weights".to_owned()
    } else {
        format!("within up to {most} periods of similar weights and average the results")
    };
    let mut message = format!(
        "The weights changed, so the lifts compare the variants {how}. The rates are those of all {} together, and comparing \
         them can mislead.",
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

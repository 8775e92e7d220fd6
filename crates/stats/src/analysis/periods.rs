//! A goal over several periods of constant weights.

use super::comparison::Row;
use super::evidence::{Evidence, NO_VARIATION, Silence};
use super::input::{Counts, GoalCounts, Settings};
use super::remarks::Remarks;
use super::report::{GoalKind, RemarkCode, StrataReport};
use crate::confidence_sequence::Rho;
use crate::stratified::{Cell, Period, Stratified};
use crate::totals::{Sums, Totals};
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
    /// Each variant, for each period.
    cells: Vec<Vec<Cell>>,
    /// Participants that a variant needs in a stratum.
    least: f64,
    /// Why nothing can be compared, if the period of too many successes is unknown.
    unknown: Option<String>,
    kind: GoalKind,
}

impl OverPeriods {
    /// `None` with one period, if the goal is not known by period, or if participants can repeat it and have no totals.
    pub(super) fn new(
        counts: &Counts,
        goal: &GoalCounts,
        kind: GoalKind,
        settings: &Settings,
    ) -> Option<Self> {
        if counts.periods.len() < 2 || kind == GoalKind::Rate {
            return None;
        }
        let of_periods: Option<Vec<&GoalCounts>> =
            counts.periods.iter().map(|period| period.goal(&goal.name)).collect();
        let of_periods = of_periods?;
        let reached = reached(goal, kind)?;
        let by_period: Option<Vec<Vec<u64>>> =
            of_periods.iter().map(|goal| self::reached(goal, kind)).collect();
        let known = Known::new(counts, goal, &reached, &by_period?);
        let mut cells = Vec::new();
        for (period, goal) in counts.periods.iter().zip(of_periods) {
            let cell = |index: usize| {
                let (n, whole) = (period.participants[index], counts.variants[index].trials);
                let error = settings.counter.relative_error_of_part(n as f64, whole as f64);
                let correction = known.correction[index];
                if kind == GoalKind::Mean {
                    let sums = Sums { participants: n, ..*goal.totals.get(index)? };
                    let totals = Totals::new(sums).ok()?;
                    return Some(Cell::of_totals(&totals, error).scaled(correction));
                }
                let successes = (goal.successes[index] as f64 * correction).min(n as f64);
                Some(Cell::of_conversions(n as f64, successes, error))
            };
            let of_period: Option<Vec<Cell>> = (0..counts.variants.len()).map(cell).collect();
            cells.push(of_period?);
        }
        let weights = counts.periods.iter().map(|period| {
            let all: f64 = period.weights.iter().sum();
            period.weights.iter().map(|weight| weight / all).collect()
        });
        // The rate of all variants together favours none of them.
        let participants = counts.variants.iter().fold(0.0, |sum, v| sum + v.trials as f64);
        let reached: f64 = reached.iter().map(|&count| count as f64).sum();
        let rate = (reached / participants).clamp(0.0, 1.0);
        let least = (LEAST_SUCCESSES / rate).clamp(LEAST_PARTICIPANTS, 1e15);
        Some(Self { weights: weights.collect(), cells, least, unknown: known.too_little, kind })
    }

    /// The evidence of a variant against the control: a confidence sequence, or without `rho` for one look.
    pub(super) fn evidence(&self, control: usize, variant: usize, rho: Option<Rho>) -> Evidence {
        if let Some(reason) = &self.unknown {
            return Evidence::Silent(Silence::NoVerdict(reason.clone()));
        }
        let pair = |list: &Vec<f64>| [list[control], list[variant]];
        let period = |(weights, cells): (&Vec<f64>, &Vec<Cell>)| Period {
            weights: pair(weights),
            arms: [cells[control], cells[variant]],
        };
        let periods: Vec<Period> = self.weights.iter().zip(&self.cells).map(period).collect();
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
            let what = match self.kind {
                GoalKind::Mean => "participants with a value",
                GoalKind::Proportion | GoalKind::Rate => "successes",
            };
            let reason = format!(
                "after a change of weights each variant needs at least {LEAST_SUCCESSES} {what}, and one has {seen}"
            );
            return Evidence::Silent(Silence::TooEarly(reason));
        }
        let strata = StrataReport {
            strata: found.strata as u64,
            left_out: found.left_out,
            batched_p_value: found.batched_p_value(),
        };
        let evidence = match self.kind {
            GoalKind::Mean => found
                .contrast(rho)
                .map(|contrast| Evidence::Means { contrast, strata: Some(strata) }),
            GoalKind::Proportion | GoalKind::Rate => found.ln_ratio().map(|ln_ratio| {
                Evidence::Stratified { ln_ratio, difference: found.difference(), rho, strata }
            }),
        };
        evidence.unwrap_or_else(|| Evidence::Silent(Silence::TooEarly(NO_VARIATION.to_owned())))
    }
}

/// How many participants of each variant reached the goal, or have a value. `None` if the totals are not known.
fn reached(goal: &GoalCounts, kind: GoalKind) -> Option<Vec<u64>> {
    match kind {
        GoalKind::Mean if goal.totals.len() != goal.successes.len() => None,
        GoalKind::Mean => Some(goal.totals.iter().map(|totals| totals.with_value).collect()),
        GoalKind::Proportion | GoalKind::Rate => Some(goal.successes.clone()),
    }
}

/// How much of a goal is known by period.
struct Known {
    /// What each variant's successes or totals of a period are multiplied by, so that all periods together have the variant's rate. Without
    /// it, a variant whose events leave out their period more often than another's would look worse.
    correction: Vec<f64>,
    /// Why too little is known, if so.
    too_little: Option<String>,
}

impl Known {
    fn new(counts: &Counts, goal: &GoalCounts, reached: &[u64], by_period: &[Vec<u64>]) -> Self {
        let mut known = Self { correction: Vec::new(), too_little: None };
        for (index, variant) in counts.variants.iter().enumerate() {
            let share = |part: u64, whole: u64| {
                if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
            };
            let successes = by_period.iter().map(|period| period[index]).sum();
            let participants = counts.periods.iter().map(|period| period.participants[index]).sum();
            let of_successes = share(successes, reached[index]);
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
    let compared: Vec<StrataReport> =
        rows.iter().flatten().filter_map(|row| row.evidence.strata()).collect();
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

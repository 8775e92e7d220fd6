//! One goal: its kind, its arms, each variant's rate, and the matrix.

use super::arm::{Arm, counter_share};
use super::evidence::{Silence, too_early};
use super::input::{Better, Counts, DeclaredKind, GoalCounts, Settings};
use super::periods::OverPeriods;
use super::remarks::Remarks;
use super::report::{GoalKind, Matrix, RemarkCode, VariantEstimate};
use crate::bayes::{WinProbabilities, win_probabilities};
use crate::counter_error::Counter;
use crate::proportion::Proportion;
use crate::words::counted;

/// Successes may exceed participants by this many standard errors of the counters. Beyond, visitors repeat the goal.
const STANDARD_ERRORS: f64 = 3.0;

/// A goal, ready to be compared.
pub(super) struct Goal<'a> {
    pub(super) counts: &'a GoalCounts,
    pub(super) kind: GoalKind,
    /// `None` for a variant without participants.
    pub(super) arms: Vec<Option<Arm>>,
    pub(super) chances: Option<WinProbabilities>,
    /// The goal by periods, if the weights changed and its successes are known by period.
    pub(super) periods: Option<OverPeriods>,
    /// Why the goal can decide nothing, if so.
    pub(super) silence: Option<Silence>,
}

impl<'a> Goal<'a> {
    pub(super) fn new(
        counts: &Counts,
        goal: &'a GoalCounts,
        settings: &Settings,
        remarks: &mut Remarks,
    ) -> Self {
        let declared = settings.declared.as_ref().and_then(|declared| declared.goal(&goal.name));
        let repeats = declared.is_some_and(|goal| goal.kind != DeclaredKind::Conversion);
        let kind = if repeats || exceeds(counts, goal, settings.counter) {
            GoalKind::Rate
        } else {
            GoalKind::Proportion
        };
        remark(counts, goal, kind, repeats, remarks);
        let arm = |(variant, &successes): (&super::input::VariantCounts, &u64)| match kind {
            GoalKind::Proportion => Arm::proportion(successes, variant.trials, settings.counter),
            GoalKind::Rate => Arm::rate(successes, variant.trials, settings.counter),
        };
        let arms: Vec<Option<Arm>> = counts.variants.iter().zip(&goal.successes).map(arm).collect();
        let silence = match (settings.suspended.as_deref(), kind, repeats) {
            (Some(reason), _, _) => Some(reason),
            (None, GoalKind::Proportion, _) => None,
            (None, GoalKind::Rate, true) => Some(NO_TOTALS),
            (None, GoalKind::Rate, false) => Some(NOT_DECLARED_AS_COUNT),
        };
        let periods = OverPeriods::new(counts, goal, settings);
        let has_chances = !settings.only_verdict && periods.is_none();
        let better = settings.better(&goal.name);
        let chances = if has_chances { chances(&arms, better) } else { None };
        Self {
            counts: goal,
            kind,
            chances: chances.map(|chances| with_enough_data(chances, &arms)),
            arms,
            periods,
            silence: silence.map(|reason| Silence::NoVerdict(reason.to_owned())),
        }
    }

    pub(super) fn estimates(&self, counts: &Counts, settings: &Settings) -> Vec<VariantEstimate> {
        let best = self.best();
        let estimate = |index: usize| {
            let (arm, variant) = (self.arms[index], &counts.variants[index]);
            let interval = arm.and_then(|arm| arm.intervals(settings.level));
            let (chance_best, reason) = match (interval, &best) {
                (None, _) => (None, Some("no participants yet".to_owned())),
                (_, Ok(best)) => (Some(best[index]), None),
                (_, Err(reason)) => (None, Some(reason.clone())),
            };
            VariantEstimate {
                variant: variant.name.clone(),
                trials: variant.trials,
                successes: self.counts.successes[index],
                effective_trials: arm.map_or(0.0, Arm::effective_trials),
                rate: arm.and_then(Arm::observed_rate),
                low: interval.map(|(i, _)| i.low),
                high: interval.map(|(i, _)| i.high),
                counter_share: interval
                    .map(|(with, without)| counter_share(with.width(), without.width())),
                chance_best,
                reason,
            }
        };
        (0..counts.variants.len()).map(estimate).collect()
    }

    /// Each variant's chance to be the best, or why there is none. It depends on every variant, so one
    /// that has too little data leaves all of them without.
    fn best(&self) -> Result<&[f64], String> {
        if let Some(reason) = self.no_chances() {
            return Err(reason.to_owned());
        }
        let Some(chances) = &self.chances else {
            return Err("one variant has no participants yet".to_owned());
        };
        let arms = || self.arms.iter().flatten().enumerate();
        let pairs = arms().flat_map(|(index, one)| arms().skip(index + 1).map(move |o| (one, o.1)));
        match pairs.into_iter().find_map(|(one, other)| too_early(*one, *other)) {
            Some(reason) => Err(reason),
            None => Ok(&chances.best),
        }
    }

    /// Why the goal cannot have chances, with any counts.
    pub(super) fn no_chances(&self) -> Option<&'static str> {
        match (self.kind, &self.periods) {
            (GoalKind::Rate, _) => Some(NO_CHANCES),
            (GoalKind::Proportion, Some(_)) => Some(POOLED_CHANCES),
            (GoalKind::Proportion, None) => None,
        }
    }

    pub(super) fn matrix(self) -> Matrix {
        let arms = &self.arms;
        let table = |entry: &dyn Fn(Arm, Arm) -> Option<f64>| -> Vec<Vec<Option<f64>>> {
            let cell = |row: usize, column: usize| {
                if row == column { None } else { entry(arms[row]?, arms[column]?) }
            };
            let row = |row: usize| (0..arms.len()).map(|column| cell(row, column)).collect();
            (0..arms.len()).map(row).collect()
        };
        // Lifts and tests of all periods together would mislead, as the chances would.
        let pooled = self.periods.is_none();
        let lift = table(&|row, column| Arm::lift(column, row).filter(|_| pooled));
        let p_value = table(&|row, column| {
            Arm::test(column, row).map(|test| test.p_value).filter(|_| pooled)
        });
        let reason = self.no_chances().map(str::to_owned);
        let (chance_to_beat, expected_loss) =
            self.chances.map(|chances| (chances.beats, chances.losses)).unzip();
        Matrix { chance_to_beat, expected_loss, lift, p_value, reason }
    }
}

const NO_CHANCES: &str = "chances and tests need a goal that a participant reaches at most once";

const POOLED_CHANCES: &str =
    "the weights changed, and chances from all periods together would mislead";

const NOT_DECLARED_AS_COUNT: &str = "visitors reach this goal repeatedly, and counts alone do not show how often each one does; declare the goal with kind count";

const NO_TOTALS: &str = "the totals per participant are not known";

/// Whether a goal is reached more often than the counters' error explains.
fn exceeds(counts: &Counts, goal: &GoalCounts, counter: Counter) -> bool {
    let trials = counts.variants.iter().map(|variant| variant.trials as f64);
    goal.successes.iter().map(|&successes| successes as f64).zip(trials).any(
        |(successes, trials)| {
            let error = 2f64.sqrt() * counter.error_of_rate(successes, trials);
            successes - trials > STANDARD_ERRORS * error * trials
        },
    )
}

fn remark(
    counts: &Counts,
    goal: &GoalCounts,
    kind: GoalKind,
    repeats: bool,
    remarks: &mut Remarks,
) {
    let name = &goal.name;
    if kind == GoalKind::Rate {
        if !repeats {
            let message = format!(
                "{name} is reached more often than there are participants, so it is shown per participant and decides \
                 nothing. Declare the goal with kind count."
            );
            remarks.note(RemarkCode::CountedAsRate, message);
        }
        return;
    }
    for (variant, &successes) in counts.variants.iter().zip(&goal.successes) {
        if successes > variant.trials {
            let message = format!(
                "{name}: {} counted {} but {}. The difference is within the counter's error, so \
                 the rate is shown as 100%.",
                variant.name,
                counted(successes, "success"),
                counted(variant.trials, "participant")
            );
            remarks.note(RemarkCode::SuccessesCut, message);
        }
    }
}

/// The chances of pairs that have the data that an interval needs. With less, the prior would decide.
fn with_enough_data(mut chances: WinProbabilities, arms: &[Option<Arm>]) -> WinProbabilities {
    let is_too_early = |row: usize, column: usize| {
        arms[row].zip(arms[column]).is_none_or(|(row, column)| too_early(row, column).is_some())
    };
    for table in [&mut chances.beats, &mut chances.losses] {
        for (row, cells) in table.iter_mut().enumerate() {
            for (column, cell) in cells.iter_mut().enumerate() {
                *cell = cell.filter(|_| !is_too_early(row, column));
            }
        }
    }
    chances
}

/// The posterior chances, for goals that a participant reaches at most once. Where less is better, the winner is the variant
/// whose participants most often do not reach the goal.
fn chances(arms: &[Option<Arm>], better: Better) -> Option<WinProbabilities> {
    let proportion = |arm: &Option<Arm>| {
        let reached = arm.as_ref()?.effective_proportion()?;
        match better {
            Better::Higher => Some(reached),
            Better::Lower => Proportion::new(reached.failures(), reached.trials()).ok(),
        }
    };
    let effective: Option<Vec<Proportion>> = arms.iter().map(proportion).collect();
    effective.filter(|variants| !variants.is_empty()).map(|variants| win_probabilities(&variants))
}

//! One goal: every estimate, comparison and matrix.

use super::Remarks;
use super::arm::{Arm, counter_share};
use super::comparison::compare;
use super::input::{Counts, GoalCounts, Settings};
use super::looks::{Bounds, Compared};
use super::plan::Plan;
use super::report::{Comparison, GoalAnalysis, GoalKind, Matrix, RemarkCode, VariantEstimate};
use super::verdict;
use crate::bayes::{WinProbabilities, win_probabilities};
use crate::counter_error::Counter;
use crate::proportion::Proportion;

/// Successes may exceed trials by this many standard errors of the counters before the goal is taken for one that repeats.
const STANDARD_ERRORS: f64 = 3.0;

pub(super) fn analyse(
    counts: &Counts,
    goal: &GoalCounts,
    control: Option<usize>,
    settings: &Settings,
    bounds: Option<&Bounds<'_>>,
    remarks: &mut Remarks,
) -> GoalAnalysis {
    let primary = settings.primary_goal.as_deref() == Some(&goal.name);
    let kind = kind(counts, goal, settings.counter);
    remark(counts, goal, kind, remarks);
    let arms: Vec<Option<Arm>> = counts
        .variants
        .iter()
        .zip(&goal.successes)
        .map(|(variant, &successes)| match kind {
            GoalKind::Proportion => Arm::proportion(successes, variant.trials, settings.counter),
            GoalKind::Rate => Arm::rate(successes, variant.trials, settings.counter),
        })
        .collect();
    let chances = chances(&arms);
    let trials: Vec<f64> = counts.variants.iter().map(|v| v.trials as f64).collect();
    let mut against_control = Vec::new();
    if let Some((control, arm)) = control.and_then(|index| Some((index, arms[index]?))) {
        let plan = Plan::new(arm, kind, &trials, settings);
        for (index, variant) in counts.variants.iter().enumerate() {
            let Some(other) = arms[index].filter(|_| index != control) else { continue };
            let mut comparison = compare(&variant.name, arm, other, &plan, settings);
            let compared = Compared {
                goal: &goal.name,
                primary,
                control: (&counts.variants[control].name, arm),
                variant: (&variant.name, other),
            };
            comparison.sequential = bounds.map(|bounds| bounds.compare(compared));
            add_chances(&mut comparison, chances.as_ref(), index, control);
            against_control.push(comparison);
        }
    }
    let variants = counts
        .variants
        .iter()
        .enumerate()
        .map(|(index, variant)| {
            let best = chances.as_ref().map(|c| c.best[index]);
            estimate(
                &variant.name,
                variant.trials,
                goal.successes[index],
                arms[index],
                best,
                settings,
            )
        })
        .collect();
    GoalAnalysis {
        goal: goal.name.clone(),
        primary,
        kind,
        verdict: verdict::pending(&goal.name),
        variants,
        against_control,
        matrix: matrix(&arms, chances, kind),
    }
}

/// A goal is a rate if declared so, or if it is reached more often than a counter's error explains.
fn kind(counts: &Counts, goal: &GoalCounts, counter: Counter) -> GoalKind {
    let beyond = |(successes, trials): (f64, f64)| {
        let error = 2f64.sqrt() * counter.error_of_rate(successes, trials);
        successes - trials > STANDARD_ERRORS * error * trials
    };
    let trials = counts.variants.iter().map(|v| v.trials as f64);
    let mut pairs = goal.successes.iter().map(|&s| s as f64).zip(trials);
    if goal.unique && !pairs.any(beyond) { GoalKind::Proportion } else { GoalKind::Rate }
}

fn remark(counts: &Counts, goal: &GoalCounts, kind: GoalKind, remarks: &mut Remarks) {
    let name = &goal.name;
    if kind == GoalKind::Rate {
        let why = if goal.unique {
            "is reached more often than there are trials: it is taken as a goal that a visitor can reach many times"
        } else {
            "can be reached many times by a visitor"
        };
        let message = format!(
            "{name} {why}. Its rates are Poisson rates, with repeats assumed independent; if few visitors make most of them, \
             the intervals are too narrow."
        );
        remarks.note(RemarkCode::CountedAsRate, message);
        return;
    }
    for (variant, &successes) in counts.variants.iter().zip(&goal.successes) {
        if successes > variant.trials {
            let message = format!(
                "{name}, {}: {successes} successes in {} trials are within the counter's error of all of them and are taken \
                 as all.",
                variant.name, variant.trials
            );
            remarks.note(RemarkCode::SuccessesCut, message);
        }
    }
}

/// The posterior chances, for goals that a trial reaches at most once.
fn chances(arms: &[Option<Arm>]) -> Option<WinProbabilities> {
    let effective: Option<Vec<Proportion>> = arms
        .iter()
        .map(|arm| match arm {
            Some(Arm::Proportion { effective, .. }) => Some(*effective),
            _ => None,
        })
        .collect();
    effective.filter(|variants| !variants.is_empty()).map(|variants| win_probabilities(&variants))
}

fn add_chances(
    comparison: &mut Comparison,
    chances: Option<&WinProbabilities>,
    variant: usize,
    control: usize,
) {
    match chances {
        Some(chances) => {
            comparison.chance_to_beat = chances.beats[variant][control];
            comparison.expected_loss = chances.losses[variant][control];
        }
        None if comparison.reason.is_none() => {
            comparison.reason = Some(NO_CHANCES.to_owned());
        }
        None => {}
    }
}

const NO_CHANCES: &str =
    "chances are worked out only for goals that a visitor reaches at most once";

fn estimate(
    name: &str,
    trials: u64,
    successes: u64,
    arm: Option<Arm>,
    chance_best: Option<f64>,
    settings: &Settings,
) -> VariantEstimate {
    let interval = arm.and_then(|arm| arm.intervals(settings.level));
    let reason = match (interval, chance_best) {
        (None, _) => Some("without trials there is no rate".to_owned()),
        (_, None) => Some(NO_CHANCES.to_owned()),
        _ => None,
    };
    VariantEstimate {
        variant: name.to_owned(),
        trials,
        successes,
        effective_trials: arm.map_or(0.0, Arm::effective_trials),
        rate: arm.and_then(Arm::observed_rate),
        low: interval.map(|(i, _)| i.low),
        high: interval.map(|(i, _)| i.high),
        counter_share: interval.map(|(i, without)| counter_share(i.width(), without.width())),
        chance_best,
        reason,
    }
}

fn matrix(arms: &[Option<Arm>], chances: Option<WinProbabilities>, kind: GoalKind) -> Matrix {
    let table = |entry: &dyn Fn(Arm, Arm) -> Option<f64>| -> Vec<Vec<Option<f64>>> {
        let cell = |row: usize, column: usize| {
            if row == column { None } else { entry(arms[row]?, arms[column]?) }
        };
        let row = |row: usize| (0..arms.len()).map(|column| cell(row, column)).collect();
        (0..arms.len()).map(row).collect()
    };
    let (chance_to_beat, expected_loss) = chances.map(|c| (c.beats, c.losses)).unzip();
    Matrix {
        chance_to_beat,
        expected_loss,
        lift: table(&|row, column| Arm::lift(column, row)),
        p_value: table(&|row, column| Arm::test(column, row).map(|t| t.p_value)),
        reason: (kind == GoalKind::Rate).then(|| NO_CHANCES.to_owned()),
    }
}

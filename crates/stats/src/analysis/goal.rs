//! One goal: its kind, its arms, each variant's rate, and the matrix.

use super::arm::{Arm, counter_share};
use super::evidence::{Evidence, Silence, too_early};
use super::input::{
    Better, Counts, DeclaredGoal, DeclaredKind, GoalCounts, Settings, VariantCounts,
};
use super::method::Method;
use super::periods::OverPeriods;
use super::remarks::Remarks;
use super::report::{GoalKind, Matrix, RemarkCode, TotalsReport, VariantEstimate};
use crate::bayes::means::win_probabilities as means_win;
use crate::bayes::{WinProbabilities, win_probabilities};
use crate::confidence_sequence::Rho;
use crate::counter_error::Counter;
use crate::mean::Mean;
use crate::proportion::Proportion;
use crate::words::{counted, with_unit};

/// Successes may exceed participants by this many standard errors of the counters. Beyond, visitors repeat the goal.
const STANDARD_ERRORS: f64 = 3.0;

/// A goal, ready to be compared.
pub(super) struct Goal<'a> {
    pub(super) counts: &'a GoalCounts,
    pub(super) kind: GoalKind,
    /// The unit of a mean.
    pub(super) unit: Option<String>,
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
        let declared = settings.declared_goal(&goal.name);
        let repeats = declared.is_some_and(|goal| goal.kind != DeclaredKind::Conversion);
        let kind = if !goal.totals.is_empty() {
            GoalKind::Mean
        } else if repeats || exceeds(counts, goal, settings.counter) {
            GoalKind::Rate
        } else {
            GoalKind::Proportion
        };
        let arm = |(index, variant): (usize, &VariantCounts)| match kind {
            GoalKind::Proportion => {
                Arm::proportion(goal.successes[index], variant.trials, settings.counter)
            }
            GoalKind::Rate => Arm::rate(goal.successes[index], variant.trials, settings.counter),
            GoalKind::Mean => Arm::mean(*goal.totals.get(index)?, variant.trials, settings.counter),
        };
        let arms: Vec<Option<Arm>> = counts.variants.iter().enumerate().map(arm).collect();
        remark(counts, goal, kind, repeats, remarks);
        if kind == GoalKind::Mean {
            remark_totals(goal, declared, &arms, remarks);
        }
        let periods = OverPeriods::new(counts, goal, kind, settings);
        let silence = match (settings.suspended.as_deref(), kind, repeats) {
            (Some(reason), _, _) => Some(reason),
            (None, GoalKind::Proportion, _) => None,
            (None, GoalKind::Mean, _) => {
                // Totals of all periods together would mislead.
                let pooled = counts.periods.len() > 1 && periods.is_none();
                pooled.then_some(NO_TOTALS_BY_PERIOD)
            }
            (None, GoalKind::Rate, true) => Some(NO_TOTALS),
            (None, GoalKind::Rate, false) => Some(NOT_DECLARED_AS_COUNT),
        };
        let has_chances = !settings.only_verdict && periods.is_none();
        let better = settings.better(&goal.name);
        let chances = if has_chances { chances(&arms, better) } else { None };
        Self {
            counts: goal,
            kind,
            unit: declared.and_then(|goal| goal.unit.clone()),
            chances: chances.map(|chances| with_enough_data(chances, &arms)),
            arms,
            periods,
            silence: silence.map(|reason| Silence::NoVerdict(reason.to_owned())),
        }
    }

    /// The evidence of a pair (control, variant) by a method that needs no looks. `None` if an arm has no participants.
    pub(super) fn evidence(
        &self,
        (control, variant): (usize, usize),
        method: Method,
        rho: Rho,
    ) -> Option<Evidence> {
        let (from, to) = (self.arms[control]?, self.arms[variant]?);
        let always = method != Method::Fixed;
        Some(match &self.periods {
            Some(periods) => {
                let unready = (self.kind == GoalKind::Mean).then(|| too_early(from, to)).flatten();
                match unready {
                    Some(silence) => Evidence::Silent(silence),
                    None => periods.evidence(control, variant, always.then_some(rho)),
                }
            }
            None if always => Evidence::always_valid(from, to, rho),
            None => Evidence::fixed(from, to),
        })
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
                successes: match arm.and_then(Arm::totals) {
                    Some(totals) => totals.with_value(),
                    None => self.counts.successes[index],
                },
                effective_trials: arm.map_or(0.0, Arm::effective_trials),
                rate: arm.and_then(Arm::observed_rate),
                totals: arm.and_then(Arm::totals).map(|totals| TotalsReport {
                    sum: totals.sum(),
                    sd: totals.sample().variance().sqrt(),
                }),
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
            Some(silence) => Err(silence.reason().to_owned()),
            None => Ok(&chances.best),
        }
    }

    /// Why the goal cannot have chances, with any counts.
    pub(super) fn no_chances(&self) -> Option<&'static str> {
        match (self.kind, &self.periods) {
            (GoalKind::Rate, _) => Some(NO_CHANCES),
            (GoalKind::Proportion | GoalKind::Mean, Some(_)) => Some(POOLED_CHANCES),
            (GoalKind::Proportion | GoalKind::Mean, None) => None,
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
        let p_value = table(&|row, column| Arm::p_value(column, row).filter(|_| pooled));
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

const NO_TOTALS_BY_PERIOD: &str =
    "the weights changed, and the totals of the participants are not known by period";

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
    if kind == GoalKind::Mean {
        return;
    }
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

/// Says what a cap does, and which sums are damaged.
fn remark_totals(
    goal: &GoalCounts,
    declared: Option<&DeclaredGoal>,
    arms: &[Option<Arm>],
    remarks: &mut Remarks,
) {
    let name = &goal.name;
    if let Some((goal, cap)) = declared.and_then(|goal| Some((goal, goal.cap?))) {
        let cap = with_unit(cap, goal.unit.as_deref());
        let message = format!("{name}: a participant's total counts up to {cap}.");
        remarks.note(RemarkCode::TotalsCapped, message);
    }
    if arms.iter().any(Option::is_none) {
        let message = format!(
            "{name}: the sums of the totals in the store do not fit together, so this goal cannot be analysed. Run \
             `abtest data check`."
        );
        remarks.warn(RemarkCode::TotalsDamaged, message);
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

/// The posterior chances to be better. Not for goals that a participant reaches many times without a total.
fn chances(arms: &[Option<Arm>], better: Better) -> Option<WinProbabilities> {
    let arms: Vec<Arm> = arms.iter().copied().collect::<Option<_>>()?;
    if arms.is_empty() {
        return None;
    }
    let means: Option<Vec<Mean>> = arms.iter().map(|arm| arm.mean_with_variance()).collect();
    if let Some(means) = means {
        let towards = |mean: Mean| match better {
            Better::Higher => mean,
            Better::Lower => Mean { value: -mean.value, ..mean },
        };
        return means_win(&means.into_iter().map(towards).collect::<Vec<_>>());
    }
    let towards = |one: Proportion| match better {
        Better::Higher => Some(one),
        Better::Lower => Proportion::new(one.failures(), one.trials()).ok(),
    };
    let effective: Option<Vec<Proportion>> =
        arms.iter().map(|arm| towards(arm.effective_proportion()?)).collect();
    Some(win_probabilities(&effective?))
}

//! One experiment, from its counts to a verdict.
//!
//! | module | holds |
//! |---|---|
//! | `input` | [`Counts`]: what was counted; [`Settings`]: what is asked of it |
//! | `report` | [`Analysis`] and its parts, as they appear in JSON |
//! | `method` | [`Method`]: when one may look |
//! | `looks` | [`Looks`]: group-sequential looks and their bounds |
//! | `arm` | one variant on one goal: its counts with the counter's error, its rate |
//! | `comparison` | a variant against the control |
//! | `goal` | one goal: every estimate, comparison and matrix |
//! | `plan` | power, and the sample still needed |
//! | `soundness` | the sample-ratio check |
//! | `verdict` | the sentence |
//!
//! Whatever was counted is answered: what cannot be said is null, and a `reason` beside it says why. Numbers are finite.

mod arm;
mod comparison;
mod goal;
mod input;
mod looks;
mod method;
mod plan;
mod report;
mod soundness;
mod verdict;

pub use input::{CONTROL_NAMES, Counts, GoalCounts, Settings, VariantCounts};
pub use looks::{EarlierLook, Looks};
pub use method::Method;
pub use report::{
    AlwaysValidReport, Analysis, Comparison, Decision, GoalAnalysis, GoalKind, LookReport,
    LookStatistic, LooksReport, Matrix, Outcome, Remark, RemarkCode, SampleNeeded,
    SampleRatioCheck, SequentialReport, VariantEstimate, Verdict,
};

use crate::error::Error;
use crate::many_comparisons::Correction;

/// The counter is blamed in a warning if it makes more than this share of an interval.
const BLAME_THE_COUNTER_ABOVE: f64 = 0.5;

/// Everything that the counts of one experiment say.
///
/// # Errors
/// If the settings name a control or a primary goal that is not there, a goal lacks a variant's count, or a number of the
/// settings makes no sense. Counts themselves are never refused.
pub fn analyse(counts: &Counts, settings: &Settings) -> Result<Analysis, Error> {
    let control = input::check(counts, settings)?;
    let mut remarks = Remarks::default();
    input::remark(counts, settings, control, &mut remarks);
    let bounds = looks::bounds(counts, settings)?;
    let sample_ratio = soundness::check(counts, settings, &mut remarks);
    let mut goals: Vec<GoalAnalysis> = counts
        .goals
        .iter()
        .map(|goal| goal::analyse(counts, goal, control, settings, bounds.as_ref(), &mut remarks))
        .collect();
    adjust(&mut goals, settings.correction)?;
    for goal in &mut goals {
        goal.verdict = verdict::of_goal(goal, counts, control, settings, &sample_ratio);
    }
    let verdict = verdict::of_experiment(&goals, counts, settings, &sample_ratio, &mut remarks);
    warn_of_counter(&goals, &mut remarks);
    Ok(Analysis {
        control: control.map(|index| counts.variants[index].name.clone()),
        level: 1.0 - settings.level.alpha(),
        counter: settings.counter,
        minimum_lift: settings.minimum_lift,
        correction: settings.correction,
        method: settings.method,
        method_explanation: settings.method.explanation(),
        looks: bounds.and_then(|bounds| bounds.into_report(&goals)),
        sample_ratio,
        goals,
        verdict,
        warnings: remarks.warnings,
        notes: remarks.notes,
    })
}

/// What is to be said besides the numbers.
#[derive(Default)]
struct Remarks {
    warnings: Vec<Remark>,
    notes: Vec<Remark>,
}

impl Remarks {
    fn warn(&mut self, code: RemarkCode, message: String) {
        self.warnings.push(Remark { code, message });
    }

    fn note(&mut self, code: RemarkCode, message: String) {
        self.notes.push(Remark { code, message });
    }
}

/// Adjusts the p-values of all comparisons as one family; those of a primary goal, if one is named, as a family of their own.
fn adjust(goals: &mut [GoalAnalysis], correction: Correction) -> Result<(), Error> {
    for primary in [true, false] {
        let mut family: Vec<&mut Comparison> = goals
            .iter_mut()
            .filter(|goal| goal.primary == primary)
            .flat_map(|goal| &mut goal.against_control)
            .collect();
        adjust_family(&mut family, correction, |c| (c.p_value, &mut c.adjusted_p_value))?;
        adjust_family(&mut family, correction, |c| {
            (c.always_valid.p_value, &mut c.always_valid.adjusted_p_value)
        })?;
    }
    Ok(())
}

fn adjust_family(
    family: &mut [&mut Comparison],
    correction: Correction,
    select: fn(&mut Comparison) -> (Option<f64>, &mut Option<f64>),
) -> Result<(), Error> {
    let p_values: Vec<f64> = family.iter_mut().filter_map(|c| select(c).0).collect();
    let mut adjusted = correction.adjust(&p_values)?.into_iter();
    for comparison in family {
        let (p_value, slot) = select(comparison);
        *slot = p_value.and_then(|_| adjusted.next());
    }
    Ok(())
}

fn warn_of_counter(goals: &[GoalAnalysis], remarks: &mut Remarks) {
    for goal in goals {
        let shares = goal.against_control.iter().filter_map(|c| c.counter_share);
        let share = shares.fold(0.0, f64::max);
        if share > BLAME_THE_COUNTER_ABOVE {
            let message = format!(
                "{}: the counter's own error makes {:.0}% of the interval's width. More visitors will hardly narrow it; \
                 counting = \"exact\" will.",
                goal.goal,
                100.0 * share
            );
            remarks.warn(RemarkCode::CounterErrorDominates, message);
        }
    }
}

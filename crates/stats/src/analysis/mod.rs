//! One experiment, from its counts to a verdict.
//!
//! | module | holds |
//! |---|---|
//! | `input` | [`Counts`], [`Settings`] and [`Declared`]: what goes in |
//! | `report` | [`Analysis`]: what comes out, as it appears in JSON |
//! | `method` | [`Method`]: when you may look |
//! | `family` | [`Family`]: which comparisons share an error rate |
//! | `look` | [`LookRecord`]: a look as it is stored |
//! | `look_alikes` | names that a reader cannot tell apart |
//! | `negligible` | which variants are too small to be analysed |
//! | `periods` | a goal over several periods of constant weights |
//! | `families` | which comparison belongs to which family, and its share of alpha |
//! | `arm` | one variant on one goal: its counts with the counter's error |
//! | `goal` | one goal: its kind, its arms, its rates, its matrix |
//! | `evidence` | what a method knows about one comparison |
//! | `segments` | results by segment, such as country |
//! | `sequential` | bounds for a new look, and what the recorded looks say |
//! | `comparison` | a variant compared with the control |
//! | `plan` | power, and the sample still needed |
//! | `soundness` | the sample ratio check |
//! | `verdict` | the sentence |
//! | `remarks` | warnings and notes |
//!
//! Every count has a result: what cannot be computed is null, and a `reason` next to it says why. Numbers are finite.

mod arm;
mod comparison;
mod evidence;
mod families;
mod family;
mod goal;
mod input;
mod look;
mod look_alikes;
mod method;
mod negligible;
mod periods;
mod plan;
mod remarks;
mod report;
mod segments;
mod sequential;
mod soundness;
mod verdict;

pub use family::{Family, FamilyReport};
pub use input::{
    Better, CONTROL_NAMES, Counts, Declared, DeclaredGoal, DeclaredKind, DeclaredVariant,
    GoalCounts, GoalRole, Period, Settings, VariantCounts,
};
pub use look::{
    BareLook, BareStatistic, Decision, EarlierLook, LOOK_FORMAT, LookComparison, LookFamily,
    LookFinding, LookRecord, LookVariant, Looks, VarianceMethod, complete_bare_looks,
};
pub use method::Method;
pub use periods::LEAST_KNOWN_SHARE;
pub use report::{
    AlarmVariant, Analysis, Comparison, ComparisonLook, Decided, GoalAnalysis, GoalKind,
    LooksReport, Matrix, Outcome, RaisedAlarm, Remark, RemarkCode, SampleNeeded, SampleRatioCheck,
    StrataReport, TotalsReport, VariantEstimate, Verdict,
};
pub use segments::{
    GoalHeterogeneity, Segment, SegmentAnalysis, SegmentGoal, SegmentsReport, analyse_segments,
};

use comparison::{Row, Sides, comparison};
use evidence::{Evidence, Silence};
use families::Families;
use goal::Goal;
use plan::Plan;
use remarks::Remarks;
use sequential::{Pair, Sequence};

use crate::confidence_sequence::Rho;
use crate::error::Error;
use crate::many_comparisons::Correction;

/// A warning names the counter if it causes more than this share of a standard error.
const COUNTER_DOMINATES_ABOVE: f64 = 0.5;

/// Analyses the counts of one experiment. Variants that hardly anyone was counted for are left out, and a note lists them.
///
/// # Errors
/// If the settings name a control or a primary goal that does not exist, a goal lacks a variant's count, a number of the
/// settings is out of range, or a new look uses another control than the looks before. Counts are never refused.
pub fn analyse(counts: &Counts, settings: &Settings) -> Result<Analysis, Error> {
    input::check(counts, settings)?;
    let mut remarks = Remarks::default();
    let counts = &negligible::leave_out(counts, settings, &mut remarks);
    let control = input::check(counts, settings)?;
    input::remark(counts, settings, control, &mut remarks);
    look_alikes::warn(counts, &mut remarks);
    let families = Families::new(counts, settings)?;
    let sample_ratio = soundness::check(counts, settings, control, &mut remarks);
    let goals: Vec<Goal<'_>> =
        counts.goals.iter().map(|goal| Goal::new(counts, goal, settings, &mut remarks)).collect();
    let sequence =
        Sequence::new(counts, settings, control, &families, &pairs(&goals, counts, control))?;
    let mut rows: Vec<Vec<Row>> = goals
        .iter()
        .map(|goal| rows(goal, counts, control, settings, &families, sequence.as_ref()))
        .collect();
    correct(&mut rows, &families, settings.correction)?;
    periods::remark(counts, &rows, &mut remarks);
    let mut analysed: Vec<GoalAnalysis> = Vec::with_capacity(goals.len());
    for (goal, rows) in goals.into_iter().zip(&rows) {
        let compared = compare(&goal, rows, counts, control, settings, &families)?;
        let context = verdict::Context {
            goal: &goal.counts.name,
            unit: goal.unit.as_deref(),
            counts,
            control: control.map(|index| counts.variants[index].name.as_str()),
            settings,
            unsound: sample_ratio.alarm,
            sequence: sequence.as_ref(),
        };
        let silences: Vec<Option<&Silence>> = rows.iter().map(Row::silence).collect();
        let verdict = verdict::of_goal(&context, &compared, &silences);
        analysed.push(GoalAnalysis {
            goal: goal.counts.name.clone(),
            primary: settings.primary_goal() == Some(&goal.counts.name),
            better: settings.better(&goal.counts.name),
            kind: goal.kind,
            unit: goal.unit.clone(),
            verdict,
            variants: goal.estimates(counts, settings),
            against_control: compared,
            matrix: if settings.only_verdict { Matrix::default() } else { goal.matrix() },
        });
    }
    let verdict = verdict::of_experiment(
        &analysed,
        counts,
        settings,
        sample_ratio.alarm,
        sequence.as_ref(),
        &mut remarks,
    );
    warn_about_counter(&analysed, &mut remarks);
    if let Some(sequence) = &sequence {
        verdict::remark_looks(
            sequence,
            settings,
            control.map(|i| &*counts.variants[i].name),
            &mut remarks,
        );
    }
    Ok(Analysis {
        control: control.map(|index| counts.variants[index].name.clone()),
        level: 1.0 - settings.level.alpha(),
        counter: settings.counter,
        minimum_lift: settings.minimum_lift,
        correction: settings.correction,
        method: settings.method,
        method_explanation: settings.method.explanation().to_owned(),
        families: families.report(),
        looks: sequence.map(Sequence::into_report),
        sample_ratio,
        goals: analysed,
        verdict,
        warnings: remarks.warnings,
        notes: remarks.notes,
    })
}

/// Every pair with the control, for a new look.
fn pairs<'a>(goals: &'a [Goal<'a>], counts: &'a Counts, control: Option<usize>) -> Vec<Pair<'a>> {
    let Some(control) = control else { return Vec::new() };
    let of_goal = |goal: &'a Goal<'a>| {
        let others = (0..counts.variants.len()).filter(move |&index| index != control);
        others.map(move |index| Pair {
            goal: &goal.counts.name,
            variant: &counts.variants[index].name,
            // A look neither separates periods nor knows means.
            arms: goal.arms[control]
                .zip(goal.arms[index])
                .filter(|(arm, _)| arm.totals().is_none())
                .filter(|_| goal.silence.is_none() && goal.periods.is_none()),
        })
    };
    goals.iter().flat_map(of_goal).collect()
}

/// The comparisons of a goal with their evidence.
fn rows(
    goal: &Goal<'_>,
    counts: &Counts,
    control: Option<usize>,
    settings: &Settings,
    families: &Families<'_>,
    sequence: Option<&Sequence>,
) -> Vec<Row> {
    let Some(control) = control else { return Vec::new() };
    if goal.arms[control].is_none() {
        return Vec::new();
    }
    let control_name = counts.variants[control].name.as_str();
    let others = counts.variants.iter().enumerate().filter(|(index, _)| *index != control);
    let row = |(index, variant): (usize, &VariantCounts)| {
        goal.arms[index]?;
        let family = families.of(&goal.counts.name, &variant.name, control_name);
        let evidence = match (&goal.silence, settings.method, families.plan(family)) {
            (Some(silence), _, _) => Evidence::Silent(silence.clone()),
            (None, Method::Sequential, _) if goal.kind == GoalKind::Mean => {
                Evidence::Silent(Silence::NoVerdict(NO_LOOKS_AT_MEANS.to_owned()))
            }
            (None, Method::Sequential, _) => match sequence {
                Some(looks) => looks.evidence(&goal.counts.name, &variant.name, control_name),
                None => Evidence::Silent(Silence::NoLook("no look was taken".to_owned())),
            },
            (None, _, None) => Evidence::Silent(Silence::NoVerdict(NOT_DECLARED.to_owned())),
            (None, method, Some(plan)) => goal.evidence((control, index), method, plan.rho)?,
        };
        Some(Row { variant: index, family, evidence, corrected: None })
    };
    others.filter_map(row).collect()
}

const NO_LOOKS_AT_MEANS: &str =
    "recorded looks do not decide means; use the method always_valid or fixed for this experiment";

const NOT_DECLARED: &str = "it is not declared, so it is shown but decides nothing";

/// Corrects each family. The sequential method's bounds are corrected already.
fn correct(
    goals: &mut [Vec<Row>],
    families: &Families<'_>,
    correction: Correction,
) -> Result<(), Error> {
    for plan in families.plans() {
        let mut family: Vec<(&mut Row, f64)> = goals
            .iter_mut()
            .flatten()
            .filter(|row| row.family == plan.family)
            .filter_map(|row| row.evidence.p_value().map(|p| (row, p)))
            .collect();
        let p_values: Vec<f64> = family.iter().map(|(_, p)| *p).collect();
        let corrected = correction.correct(&p_values, plan.comparisons, plan.whole)?;
        for ((row, _), adjusted_p_value) in family.iter_mut().zip(corrected.p_values) {
            row.corrected = Some(comparison::AfterCorrection {
                adjusted_p_value,
                interval_level: corrected.interval_level,
                significant: adjusted_p_value < plan.whole.alpha(),
            });
        }
    }
    Ok(())
}

fn compare(
    goal: &Goal<'_>,
    rows: &[Row],
    counts: &Counts,
    control: Option<usize>,
    settings: &Settings,
    families: &Families<'_>,
) -> Result<Vec<Comparison>, Error> {
    let Some((index, control)) = control.and_then(|index| Some((index, goal.arms[index]?))) else {
        return Ok(Vec::new());
    };
    let trials: Vec<f64> = counts.variants.iter().map(|variant| variant.trials as f64).collect();
    let mut plans: Vec<(Family, Plan)> = Vec::new();
    let mut compared = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(arm) = goal.arms[row.variant] else { continue };
        if !plans.iter().any(|(family, _)| *family == row.family) {
            let share = match families.plan(row.family) {
                Some(plan) => (plan.each, plan.rho),
                None => (settings.level, Rho::tuned(settings.level, settings.tuning())?),
            };
            plans.push((row.family, Plan::new(control, goal.kind, &trials, settings, share)));
        }
        let Some((_, plan)) = plans.iter().find(|(family, _)| *family == row.family) else {
            continue;
        };
        let variant = counts.variants[row.variant].name.as_str();
        let sides = Sides { goal, variant, control_index: index, control, arm };
        compared.push(comparison(row, &sides, plan, settings));
    }
    Ok(compared)
}

fn warn_about_counter(goals: &[GoalAnalysis], remarks: &mut Remarks) {
    for goal in goals {
        let shares = goal.against_control.iter().filter_map(|c| c.counter_share);
        let share = shares.fold(0.0, f64::max);
        if share > COUNTER_DOMINATES_ABOVE {
            let message = format!(
                "{}: the counter's error causes {:.0}% of the interval's width. More visitors hardly help. Use counting = \
                 \"exact\".",
                goal.goal,
                100.0 * share
            );
            remarks.warn(RemarkCode::CounterErrorDominates, message);
        }
    }
}

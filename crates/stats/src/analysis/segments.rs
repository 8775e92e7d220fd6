//! Results by segment, such as country or platform: does an effect hold on phones?
//!
//! They are exploratory. First comes Cochran's Q: do the effects differ at all? Then each segment, with the false discovery rate
//! controlled over all segments, goals and variants (Benjamini and Hochberg 1995; intervals of Benjamini and Yekutieli 2005).

use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::comparison::{AfterCorrection, Row, Sides, comparison};
use super::evidence::Evidence;
use super::family::Family;
use super::goal::Goal;
use super::input::{self, Counts, Settings};
use super::method::Method;
use super::plan::Plan;
use super::remarks::Remarks;
use super::report::{Comparison, GoalKind, VariantEstimate};
use crate::confidence_sequence::Rho;
use crate::error::Error;
use crate::heterogeneity::{Effect, cochran_q};
use crate::level::Level;
use crate::many_comparisons::Correction;

/// Successes, or participants with a value, that each variant needs for a segment to be part of Cochran's Q.
const LEAST_SUCCESSES: f64 = 25.0;

/// The participants of one segment, counted like an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The value, such as DE. Values that are not declared are together as "other".
    pub name: String,
    /// Its counts. Every segment has the same variants and goals in the same order, and no periods.
    pub counts: Counts,
}

/// The analysis of an experiment by segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SegmentsReport {
    /// Whether the effects differ between the segments, for each goal and variant, for one look. Read this first: without a
    /// difference the segments say nothing that the whole experiment does not say.
    pub heterogeneity: Vec<GoalHeterogeneity>,
    /// The segments, in the order of the input.
    pub segments: Vec<SegmentAnalysis>,
    /// m: the segments, goals and variants that are compared. The false discovery rate is controlled over all of them.
    pub comparisons: u64,
    /// The level: with 0.95, at most 5% of the differences found are expected to be false.
    pub level: f64,
    /// When you may look. Recorded looks do not separate segments, so this is `always_valid` for the method `sequential`.
    pub method: Method,
}

/// Whether a goal's effect differs between the segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GoalHeterogeneity {
    /// The goal.
    pub goal: String,
    /// The variant that is compared with the control.
    pub variant: String,
    /// How many segments have enough data: 25 successes, or participants with a value, in each of both variants.
    pub segments: u64,
    /// Cochran's Q, for log ratios of rates or differences of means.
    pub q: Option<f64>,
    /// The p-value of the same effect in all segments, for one look. It decides nothing.
    pub p_value: Option<f64>,
    /// I²: the share of the variation between the segments that chance does not explain, from 0 to 1.
    pub i_squared: Option<f64>,
    /// Why something is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SegmentAnalysis {
    /// The value, such as DE.
    pub segment: String,
    /// Its participants in all variants together.
    pub participants: u64,
    /// The goals, in the order of the input.
    pub goals: Vec<SegmentGoal>,
}

/// One goal in one segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SegmentGoal {
    /// Its name.
    pub goal: String,
    /// How it is counted.
    pub kind: GoalKind,
    /// Each variant, in the order of the input.
    pub variants: Vec<VariantEstimate>,
    /// Each variant except the control, compared with the control.
    pub against_control: Vec<Comparison>,
}

/// Analyses an experiment by segments.
///
/// # Errors
/// As for [`analyse`](super::analyse).
pub fn analyse_segments(
    segments: &[Segment],
    settings: &Settings,
) -> Result<SegmentsReport, Error> {
    let method = match settings.method {
        Method::Fixed => Method::Fixed,
        Method::AlwaysValid | Method::Sequential => Method::AlwaysValid,
    };
    let settings = &Settings { method, looks: None, ..settings.clone() };
    let mut controls = Vec::with_capacity(segments.len());
    let mut comparisons = 0;
    for segment in segments {
        let counts = &segment.counts;
        controls.push(input::check(counts, settings)?);
        comparisons += (counts.goals.len() * counts.variants.len().saturating_sub(1)) as u64;
    }
    let each = Level::from_alpha(settings.level.alpha() / comparisons.max(1) as f64)?;
    let rho = Rho::tuned(each, settings.tuning())?;

    let mut analysed: Vec<Vec<(Goal<'_>, Vec<Row>)>> = Vec::with_capacity(segments.len());
    for (segment, control) in segments.iter().zip(&controls) {
        let goals = segment.counts.goals.iter().map(|goal| {
            let goal = Goal::new(&segment.counts, goal, settings, &mut Remarks::default());
            let rows = control.map_or_else(Vec::new, |control| rows(&goal, control, method, rho));
            (goal, rows)
        });
        analysed.push(goals.collect());
    }
    correct(&mut analysed, comparisons, settings.level)?;
    let heterogeneity = heterogeneity(segments, &analysed, &controls)?;
    let report = segments.iter().zip(&controls).zip(analysed).map(|((segment, control), goals)| {
        let counts = &segment.counts;
        SegmentAnalysis {
            segment: segment.name.clone(),
            participants: counts.variants.iter().fold(0, |n: u64, v| n.saturating_add(v.trials)),
            goals: goals
                .into_iter()
                .map(|(goal, rows)| SegmentGoal {
                    goal: goal.counts.name.clone(),
                    kind: goal.kind,
                    variants: goal.estimates(counts, settings),
                    against_control: compare(&goal, &rows, counts, *control, settings, (each, rho)),
                })
                .collect(),
        }
    });
    Ok(SegmentsReport {
        heterogeneity,
        segments: report.collect(),
        comparisons,
        level: 1.0 - settings.level.alpha(),
        method,
    })
}

/// Every variant of a goal against the control.
fn rows(goal: &Goal<'_>, control: usize, method: Method, rho: Rho) -> Vec<Row> {
    let row = |variant: usize| {
        let evidence = match &goal.silence {
            Some(silence) => Evidence::Silent(silence.clone()),
            None => goal.evidence((control, variant), method, rho)?,
        };
        Some(Row { variant, family: Family::Exploratory, evidence, corrected: None })
    };
    (0..goal.arms.len()).filter(|variant| *variant != control).filter_map(row).collect()
}

/// Controls the false discovery rate over all rows.
fn correct(
    analysed: &mut [Vec<(Goal<'_>, Vec<Row>)>],
    comparisons: u64,
    level: Level,
) -> Result<(), Error> {
    let rows = analysed.iter_mut().flatten().flat_map(|(_, rows)| rows);
    let mut tested: Vec<(&mut Row, f64)> =
        rows.filter_map(|row| row.evidence.p_value().map(|p| (row, p))).collect();
    let p_values: Vec<f64> = tested.iter().map(|(_, p)| *p).collect();
    let corrected = Correction::BenjaminiHochberg.correct(&p_values, comparisons, level)?;
    for ((row, _), adjusted_p_value) in tested.iter_mut().zip(corrected.p_values) {
        row.corrected = Some(AfterCorrection {
            adjusted_p_value,
            interval_level: corrected.interval_level,
            significant: adjusted_p_value < level.alpha(),
        });
    }
    Ok(())
}

fn compare(
    goal: &Goal<'_>,
    rows: &[Row],
    counts: &Counts,
    control: Option<usize>,
    settings: &Settings,
    share: (Level, Rho),
) -> Vec<Comparison> {
    let Some((index, control)) = control.and_then(|index| Some((index, goal.arms[index]?))) else {
        return Vec::new();
    };
    let trials: Vec<f64> = counts.variants.iter().map(|variant| variant.trials as f64).collect();
    let plan = Plan::new(control, goal.kind, &trials, settings, share);
    let compared = rows.iter().filter_map(|row| {
        let variant = counts.variants[row.variant].name.as_str();
        let arm = goal.arms[row.variant]?;
        let sides = Sides { goal, variant, control_index: index, control, arm };
        Some(comparison(row, &sides, &plan, settings))
    });
    compared.collect()
}

/// Cochran's Q for each goal and variant of the first segment.
fn heterogeneity(
    segments: &[Segment],
    analysed: &[Vec<(Goal<'_>, Vec<Row>)>],
    controls: &[Option<usize>],
) -> Result<Vec<GoalHeterogeneity>, Error> {
    let Some(first) = segments.first() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for goal in &first.counts.goals {
        for (index, variant) in first.counts.variants.iter().enumerate() {
            if controls[0] == Some(index) {
                continue;
            }
            let effects: Vec<Effect> = analysed
                .iter()
                .zip(segments)
                .zip(controls)
                .filter_map(|((goals, segment), control)| {
                    let (seen, _) = goals.iter().find(|(one, _)| one.counts.name == goal.name)?;
                    let names = &segment.counts.variants;
                    let place = names.iter().position(|one| one.name == variant.name)?;
                    effect(seen, seen.arms[(*control)?]?, seen.arms[place]?)
                })
                .collect();
            let q = cochran_q(&effects)?;
            let reason = format!(
                "{} of {} segments have {LEAST_SUCCESSES} successes, or participants with a value, in both variants; at least \
                 2 are needed",
                effects.len(),
                segments.len()
            );
            found.push(GoalHeterogeneity {
                goal: goal.name.clone(),
                variant: variant.name.clone(),
                segments: effects.len() as u64,
                q: q.map(|q| q.q),
                p_value: q.map(|q| q.p_value),
                i_squared: q.map(|q| q.i_squared),
                reason: q.is_none().then_some(reason),
            });
        }
    }
    Ok(found)
}

/// The effect of a pair, if it has enough data.
fn effect(goal: &Goal<'_>, control: Arm, variant: Arm) -> Option<Effect> {
    let enough = control.successes().min(variant.successes()) >= LEAST_SUCCESSES;
    let effect = Arm::effect(control, variant).filter(|effect| effect.variance > 0.0);
    effect.filter(|_| enough && goal.silence.is_none())
}

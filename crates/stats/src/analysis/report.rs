//! What comes out of an analysis. These names are a public contract: they appear in JSON as they are here.

use super::method::Method;
use crate::counter_error::Counter;
use crate::many_comparisons::Correction;
use serde::Serialize;

/// Everything said about one experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Analysis {
    /// What to do, in a sentence.
    pub verdict: Verdict,
    /// What a reader must know before believing the numbers.
    pub warnings: Vec<Remark>,
    /// What a reader may want to know about how the numbers came to be.
    pub notes: Vec<Remark>,
    /// The variant that the others are held against.
    pub control: Option<String>,
    /// The level of every interval.
    pub level: f64,
    /// How the counts were counted.
    pub counter: Counter,
    /// The smallest relative lift worth having.
    pub minimum_lift: f64,
    /// How p-values are adjusted for their number.
    pub correction: Correction,
    /// When one may look, and so which intervals and p-values the verdict follows: with `always_valid` those of the member of
    /// that name in each comparison, likewise with `sequential`, with `fixed` the comparison's own.
    pub method: Method,
    /// The same in plain words.
    pub method_explanation: &'static str,
    /// The looks that the sequential method's bounds hold for; absent with other methods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks: Option<LooksReport>,
    /// Whether the trials fall on the variants as they should.
    pub sample_ratio: SampleRatioCheck,
    /// The goals, in the input's order.
    pub goals: Vec<GoalAnalysis>,
}

/// A sentence, and what a program needs to act on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verdict {
    /// Which of the few things it says.
    pub outcome: Outcome,
    /// The goal that it is about.
    pub goal: Option<String>,
    /// The variant that it is about, where it is about one.
    pub variant: Option<String>,
    /// In words.
    pub sentence: String,
}

/// What a verdict can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The numbers cannot be trusted: the trials are not split as they should be.
    Unsound,
    /// One variant, no goal, or no trials.
    NothingToCompare,
    /// Fewer trials or successes than the method needs.
    TooEarly,
    /// A variant is better than the control.
    Better,
    /// Every variant is worse than the control.
    Worse,
    /// Whatever difference there is, it is too small to matter.
    NoDifference,
    /// Undecided.
    KeepRunning,
}

/// A warning or a note.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Remark {
    /// For programs.
    pub code: RemarkCode,
    /// For people.
    pub message: String,
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RemarkCode {
    /// The trials are not split as the weights say.
    SampleRatioMismatch,
    /// No control is named; one is taken.
    ControlAssumed,
    /// No weights are declared; equal ones are assumed.
    WeightsAssumedEqual,
    /// Some weights are missing or make no sense.
    WeightsIncomplete,
    /// Too few trials or successes to say anything.
    TooFewParticipants,
    /// The counter makes most of an interval.
    CounterErrorDominates,
    /// A goal is reached more often than there are trials, or declared as one that can be.
    CountedAsRate,
    /// Successes a little above the trials were cut to them.
    SuccessesCut,
    /// No primary goal is named.
    NoPrimaryGoal,
    /// There are more variants or goals than whoever asked was willing to have analysed.
    LeftOut,
}

/// The sample-ratio check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampleRatioCheck {
    /// Chi-square.
    pub statistic: Option<f64>,
    /// Its p-value.
    pub p_value: Option<f64>,
    /// Whether p < 0.001.
    pub alarm: bool,
    /// The trials that each variant should have had.
    pub expected: Option<Vec<f64>>,
    /// Why there is no statistic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a goal is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GoalKind {
    /// A trial reaches it at most once.
    Proportion,
    /// A trial can reach it many times: a Poisson rate.
    Rate,
}

/// One goal.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GoalAnalysis {
    /// Its name.
    pub goal: String,
    /// Whether it was named as the one that decides.
    pub primary: bool,
    /// How it is counted.
    pub kind: GoalKind,
    /// What the goal alone says.
    pub verdict: Verdict,
    /// Each variant's rate, in the input's order.
    pub variants: Vec<VariantEstimate>,
    /// Each variant but the control, held against it.
    pub against_control: Vec<Comparison>,
    /// Each variant against each.
    pub matrix: Matrix,
}

/// One variant's rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VariantEstimate {
    /// The variant.
    pub variant: String,
    /// As counted.
    pub trials: u64,
    /// As counted.
    pub successes: u64,
    /// The trials that, counted exactly, would leave the rate as uncertain as it is.
    pub effective_trials: f64,
    /// successes / trials.
    pub rate: Option<f64>,
    /// The lower end of its interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The share of the interval's width that the counter is to blame for.
    pub counter_share: Option<f64>,
    /// The chance that no other variant is better.
    pub chance_best: Option<f64>,
    /// Why something is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A variant against the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// The variant.
    pub variant: String,
    /// The difference of the rates.
    pub difference: Option<f64>,
    /// The lower end of its interval.
    pub difference_low: Option<f64>,
    /// The upper end.
    pub difference_high: Option<f64>,
    /// The relative difference.
    pub lift: Option<f64>,
    /// The lower end of its interval.
    pub lift_low: Option<f64>,
    /// The upper end.
    pub lift_high: Option<f64>,
    /// The test's statistic.
    pub z: Option<f64>,
    /// Its two-sided p-value.
    pub p_value: Option<f64>,
    /// The same, adjusted for the number of comparisons.
    pub adjusted_p_value: Option<f64>,
    /// P(variant > control).
    pub chance_to_beat: Option<f64>,
    /// What is given up if the variant is chosen and is worse.
    pub expected_loss: Option<f64>,
    /// What stays true under peeking.
    pub always_valid: AlwaysValidReport,
    /// What holds for the looks taken; absent with other methods than the sequential one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequential: Option<SequentialReport>,
    /// The share of the difference's interval that the counter is to blame for.
    pub counter_share: Option<f64>,
    /// The probability that a fixed test of the sample so far finds the minimum lift.
    pub power: Option<f64>,
    /// The sample that finds it.
    pub sample_needed: SampleNeeded,
    /// Why something is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Intervals and a p-value that hold at every look.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlwaysValidReport {
    /// The lower end of the difference's interval.
    pub difference_low: Option<f64>,
    /// The upper end.
    pub difference_high: Option<f64>,
    /// The lower end of the lift's interval.
    pub lift_low: Option<f64>,
    /// The upper end.
    pub lift_high: Option<f64>,
    /// That there is no lift.
    pub p_value: Option<f64>,
    /// The same, adjusted for the number of comparisons.
    pub adjusted_p_value: Option<f64>,
    /// Why something is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Intervals that hold at the looks taken, all together.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SequentialReport {
    /// Stop if |z| is at least this. The comparisons share alpha evenly, unless `correction` is none.
    pub bound: Option<f64>,
    /// The log ratio's statistic at this look.
    pub z: Option<f64>,
    /// The log ratio's standard error at this look.
    pub standard_error: Option<f64>,
    /// The lower end of the difference's interval.
    pub difference_low: Option<f64>,
    /// The upper end.
    pub difference_high: Option<f64>,
    /// The lower end of the lift's interval.
    pub lift_low: Option<f64>,
    /// The upper end.
    pub lift_high: Option<f64>,
    /// The first look that decided the comparison; absent while none has. What came in since changes nothing about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Why something is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A look at which |z| reached its bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    /// Participants of all variants together at that look.
    pub participants: u64,
    /// The bound there.
    pub bound: f64,
    /// The log ratio's statistic there.
    pub z: f64,
    /// The lower end of the lift's interval there.
    pub lift_low: f64,
    /// The upper end.
    pub lift_high: f64,
}

/// The looks at an experiment, this one the last if it is one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LooksReport {
    /// Participants at which the experiment is planned to end.
    pub planned: u64,
    /// The looks; those within a thousandth of the plan of each other are one.
    pub taken: Vec<LookReport>,
}

/// A look.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookReport {
    /// Participants of all variants together.
    pub participants: u64,
    /// Their share of the plan.
    pub information: f64,
    /// The probability of a false alarm that is spent up to and with this look.
    pub spent: f64,
    /// What was found; empty where that is not known, or where it was too early.
    pub statistics: Vec<LookStatistic>,
}

/// What a look found of one comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookStatistic {
    /// The goal.
    pub goal: String,
    /// The variant that was held against the control.
    pub variant: String,
    /// The log ratio of the rates in standard errors.
    pub z: f64,
    /// That standard error.
    pub standard_error: f64,
}

/// The sample that finds the minimum lift with the power asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampleNeeded {
    /// Participants a variant, for one test at the end.
    pub per_variant: Option<u64>,
    /// Participants still missing, all variants together, for one test at the end.
    pub more: Option<u64>,
    /// Participants a variant, when one looks at any time.
    pub per_variant_always_valid: Option<u64>,
    /// Participants still missing, all variants together, when one looks at any time.
    pub more_always_valid: Option<u64>,
    /// Why something is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Each variant (row) against each (column); null on the diagonal and where nothing can be said.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Matrix {
    /// P(row > column).
    pub chance_to_beat: Option<Vec<Vec<Option<f64>>>>,
    /// What is given up if the row is chosen and the column is better.
    pub expected_loss: Option<Vec<Vec<Option<f64>>>>,
    /// The relative lift of the row over the column.
    pub lift: Vec<Vec<Option<f64>>>,
    /// That they do not differ; not adjusted.
    pub p_value: Vec<Vec<Option<f64>>>,
    /// Why something is null besides the diagonal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

//! The results of an analysis. These names are a public contract: JSON uses them as they are.
//!
//! Each comparison has one method. Its lift interval, p-value, adjusted p-value and decision come from the same statistic and
//! always agree: the interval excludes 0 exactly if `adjusted_p_value` is below alpha, and exactly then `decision` is set.

use super::family::{Family, FamilyReport};
use super::input::{Better, Counts};
use super::look::{Decision, LookRecord};
use super::method::Method;
use crate::counter_error::Counter;
use crate::many_comparisons::Correction;
use serde::{Deserialize, Serialize};

/// The analysis of one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Analysis {
    /// What to do, in a sentence.
    pub verdict: Verdict,
    /// What a reader must know before using the numbers.
    pub warnings: Vec<Remark>,
    /// How the numbers were computed.
    pub notes: Vec<Remark>,
    /// The variant that the others are compared with.
    pub control: Option<String>,
    /// The level of each family of comparisons, and of each variant's own interval: 0.95 is 95%.
    pub level: f64,
    /// How participants and successes were counted.
    pub counter: Counter,
    /// The smallest relative lift worth having: 0.05 is 5%.
    pub minimum_lift: f64,
    /// How each family shares its error rate.
    pub correction: Correction,
    /// When you may look. Every interval, p-value and decision of a comparison comes from this method.
    pub method: Method,
    /// The method in plain words.
    pub method_explanation: String,
    /// The families of comparisons. Each has its own error rate.
    pub families: Vec<FamilyReport>,
    /// The recorded looks and what they decided, with any method. Absent if no look was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks: Option<LooksReport>,
    /// Whether the participants are split over the variants as declared.
    pub sample_ratio: SampleRatioCheck,
    /// The goals, in the order of the input. Goals that only negligible variants reached are left out.
    pub goals: Vec<GoalAnalysis>,
}

/// A sentence, and what a program needs to act on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verdict {
    /// The kind of verdict.
    pub outcome: Outcome,
    /// The goal that it is about.
    pub goal: Option<String>,
    /// The variant that it is about, if it is about one.
    pub variant: Option<String>,
    /// The verdict in words.
    pub sentence: String,
}

/// The kinds of verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The numbers cannot be trusted: the participants are not split as declared.
    Unsound,
    /// One variant, no goal, or no participants.
    NothingToCompare,
    /// Fewer participants or successes than the method needs.
    TooEarly,
    /// This goal cannot decide, or the looks used another control. The sentence says why.
    NoVerdict,
    /// A variant is better than the control.
    Better,
    /// Every variant is worse than the control.
    Worse,
    /// Any difference is smaller than the minimum lift.
    NoDifference,
    /// Undecided.
    KeepRunning,
}

/// A warning or a note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Remark {
    /// For programs.
    pub code: RemarkCode,
    /// For people.
    pub message: String,
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RemarkCode {
    /// The participants are not split as the weights say.
    SampleRatioMismatch,
    /// Participants were counted in another variant than their allocation gives them.
    AssignmentMismatch,
    /// No control is set; one was chosen.
    ControlAssumed,
    /// No weights are declared; equal ones are assumed.
    WeightsAssumedEqual,
    /// Some weights are missing or invalid.
    WeightsIncomplete,
    /// Too few participants or successes.
    TooFewParticipants,
    /// The counter's error causes most of an interval's width.
    CounterErrorDominates,
    /// A goal is reached more often than there are participants.
    CountedAsRate,
    /// Totals above a cap count as the cap.
    TotalsCapped,
    /// The sums of a goal's totals do not fit together.
    TotalsDamaged,
    /// Successes slightly above the participants were cut to them.
    SuccessesCut,
    /// No primary goal is set.
    NoPrimaryGoal,
    /// The families are what was counted, because there is no definition.
    FamilyNotDeclared,
    /// Looks were taken. The message says what they decided.
    LooksTaken,
    /// The recorded looks used another control, level or correction than this report asks for.
    LooksDiffer,
    /// Looks were discarded.
    LooksReset,
    /// The looks' plan is too small to find the minimum lift.
    PlanTooSmall,
    /// There are more variants or goals than are analysed.
    LeftOut,
    /// Something stored with the experiment cannot be read. The report goes without it.
    DamagedDocument,
    /// The store has lost what some counters counted. Their counts are too low.
    CountsLost,
    /// The report answers another question than the experiment's definition.
    WhatIf,
    /// A change contaminated the groups that were already counted.
    Disturbance,
    /// Variants or goals were counted that the definition does not declare.
    Undeclared,
    /// Variants with hardly any participants are left out. The message lists them.
    NegligibleVariants,
    /// Names of variants or goals cannot be told apart by a reader.
    NamesLookAlike,
    /// The weights changed, so the variants are compared within periods of constant weights.
    PeriodsSeparated,
    /// Units reached a goal in a variant in which they never took part.
    GoalWithoutParticipation,
    /// Goals come with other uuids than `participate`, in every variant alike.
    GoalsHaveOtherUnits,
    /// Units take part in several variants.
    UnitsInSeveralVariants,
    /// A variant had many more conversions on one day than on its other days.
    Burst,
}

/// Whether the participants are split over the variants as declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampleRatioCheck {
    /// Whether the split is wrong: the e-value is at least 1,000, was so in an earlier report, or a variant of weight 0 has
    /// participants.
    pub alarm: bool,
    /// The report that first found the alarm. Later counts do not remove the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised: Option<RaisedAlarm>,
    /// The evidence against the declared split. It holds however often you look. At least 1,000 is an alarm.
    pub e_value: Option<f64>,
    /// The factor that counts were multiplied by for the e-value, because of the counter's error: 1 for exact counts. With
    /// several periods, the smallest.
    pub counter_factor: Option<f64>,
    /// The chi-square statistic, for one look.
    pub statistic: Option<f64>,
    /// The chi-square test's p-value. It holds for one look only and never causes an alarm.
    pub p_value: Option<f64>,
    /// With several periods: the smallest p-value of one period times the number of periods, for one look. Absent with one
    /// period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_p_value: Option<f64>,
    /// The participants that each variant should have had, in the order of a goal's variants. 0 for variants that are not declared.
    pub expected: Option<Vec<f64>>,
    /// Why something is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A sample ratio alarm at the moment when it was first found. Keep it with the experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RaisedAlarm {
    /// When, in RFC 3339 and UTC.
    pub at: String,
    /// The e-value at that moment.
    pub e_value: f64,
    /// The participants at that moment.
    pub variants: Vec<AlarmVariant>,
}

/// The participants of a variant when the alarm was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlarmVariant {
    /// The variant.
    pub variant: String,
    /// Its participants.
    pub participants: u64,
}

impl SampleRatioCheck {
    /// No figures, for this reason. An alarm that was raised before stays.
    #[must_use]
    pub fn unknown(reason: String, raised: Option<RaisedAlarm>) -> Self {
        Self {
            alarm: raised.is_some(),
            raised,
            e_value: None,
            counter_factor: None,
            statistic: None,
            p_value: None,
            period_p_value: None,
            expected: None,
            reason: Some(reason),
        }
    }
}

impl RaisedAlarm {
    /// The alarm that `check` found for these variants. `None` if there is no alarm, or if it was raised before.
    #[must_use]
    pub fn new(check: &SampleRatioCheck, counts: &Counts, at: String) -> Option<Self> {
        let e_value = check.e_value.filter(|_| check.alarm && check.raised.is_none())?;
        let variants = counts
            .variants
            .iter()
            .map(|one| AlarmVariant { variant: one.name.clone(), participants: one.trials });
        Some(Self { at, e_value, variants: variants.collect() })
    }

    /// The participants of all variants together at that moment.
    #[must_use]
    pub fn participants(&self) -> u64 {
        self.variants.iter().fold(0, |sum, one| sum.saturating_add(one.participants))
    }
}

/// How a goal is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GoalKind {
    /// A participant reaches it once or not at all.
    Proportion,
    /// A participant can reach it many times: successes per participant.
    Rate,
    /// Each participant has a total, such as what was spent or how often something happened: the mean per participant. A
    /// participant without an event has 0.
    Mean,
}

/// One goal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GoalAnalysis {
    /// Its name.
    pub goal: String,
    /// Whether it decides the experiment.
    pub primary: bool,
    /// Whether more or less is better. Chances, losses and verdicts follow it; lifts and differences do not.
    pub better: Better,
    /// How it is counted.
    pub kind: GoalKind,
    /// The unit of a mean, such as EUR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub unit: Option<String>,
    /// What this goal says.
    pub verdict: Verdict,
    /// Each variant's rate, in the order of the input, without negligible variants.
    pub variants: Vec<VariantEstimate>,
    /// Each variant except the control, compared with the control.
    pub against_control: Vec<Comparison>,
    /// Each variant compared with each other variant, without any correction.
    pub matrix: Matrix,
}

/// One variant's rate, or its mean per participant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VariantEstimate {
    /// The variant.
    pub variant: String,
    /// Participants, as counted.
    pub trials: u64,
    /// Successes, as counted. For a mean: the participants with a value.
    pub successes: u64,
    /// The exactly counted participants that would leave the rate equally uncertain.
    pub effective_trials: f64,
    /// successes / trials. For a mean: the sum of all totals / trials, in the goal's unit.
    pub rate: Option<f64>,
    /// The sum and the spread of the totals, for a mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub totals: Option<TotalsReport>,
    /// The lower end of the rate's own interval, for one look.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The share of the interval's width that the counter's error causes.
    pub counter_share: Option<f64>,
    /// The chance that no other variant is better. For a goal whose lower values are better, the lowest is best. Not corrected for looking or for several comparisons.
    pub chance_best: Option<f64>,
    /// Why something is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The totals of a variant's participants, in the goal's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TotalsReport {
    /// The sum of all totals.
    pub sum: f64,
    /// The standard deviation of one participant's total, participants without a value included.
    pub sd: f64,
}

/// A variant compared with the control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// The variant.
    pub variant: String,
    /// The family that it shares an error rate with.
    pub family: Family,
    /// The method of the interval, the p-values and the decision.
    pub method: Method,
    /// What the interval decides: set exactly if it excludes 0. The lift decides, and for means the difference, which always
    /// agrees with the lift.
    pub decision: Option<Decided>,
    /// The relative difference of the rates or means. With the sequential method, as the look saw it.
    pub lift: Option<f64>,
    /// The lower end of the lift's interval. This interval decides. Null for a mean if the control's mean is not clearly above 0.
    pub lift_low: Option<f64>,
    /// The upper end.
    pub lift_high: Option<f64>,
    /// The level of the lift's interval after the correction: 1 - alpha / m.
    pub interval_level: Option<f64>,
    /// The statistic in standard errors.
    pub z: Option<f64>,
    /// The two-sided p-value for H0: lift = 0, before the correction.
    pub p_value: Option<f64>,
    /// The p-value after the correction for the family's comparisons.
    pub adjusted_p_value: Option<f64>,
    /// The difference of the rates, or of the means in the goal's unit. Beside a rate's lift it decides nothing.
    pub difference: Option<f64>,
    /// The lower end of the difference's interval, by the same method and at the same level as the lift's.
    pub difference_low: Option<f64>,
    /// The upper end.
    pub difference_high: Option<f64>,
    /// P(the variant is better than the control). Not corrected for looking or for several comparisons.
    pub chance_to_beat: Option<f64>,
    /// The rate or mean that you give up if you choose the variant and it is worse. Not corrected for looking or for several
    /// comparisons.
    pub expected_loss: Option<f64>,
    /// The look that the interval comes from, with the sequential method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<ComparisonLook>,
    /// How the periods were compared, if the weights changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub strata: Option<StrataReport>,
    /// The share of the comparison's standard error that the counter's error causes.
    pub counter_share: Option<f64>,
    /// The probability that a fixed test of the participants so far finds the minimum lift.
    pub power: Option<f64>,
    /// The sample that finds the minimum lift.
    pub sample_needed: SampleNeeded,
    /// Why something is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How two variants were compared over periods of constant weights: within strata, which are one period or a few similar ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StrataReport {
    /// How many strata there are.
    pub strata: u64,
    /// The share of the participants whose periods are left out, from 0 to 1.
    pub left_out: f64,
    /// The p-value of a one-look test of "no effect in any stratum" (batched least squares). It decides nothing.
    pub batched_p_value: Option<f64>,
}

/// What a comparison decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// The variant is better than the control.
    Better,
    /// The variant is worse than the control.
    Worse,
}

/// The look that a comparison's interval comes from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComparisonLook {
    /// Participants of all variants together at that look.
    pub participants: u64,
    /// The comparison is decided if |z| is above this.
    pub bound: f64,
    /// The standard error of the log ratio at that look.
    pub standard_error: f64,
}

/// The recorded looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LooksReport {
    /// Participants of all variants together at which the experiment is planned to end.
    pub planned: u64,
    /// The looks, oldest first. This analysis is the last one if it is a look.
    pub taken: Vec<LookRecord>,
    /// What the looks decided: for each goal and variant the first look that decided it. It stays decided.
    pub decisions: Vec<Decision>,
}

/// The sample that finds the minimum lift with the power asked for, at the comparison's own level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampleNeeded {
    /// Participants per variant, for one test at the end.
    pub per_variant: Option<u64>,
    /// Participants still missing, all variants together, for one test at the end.
    pub more: Option<u64>,
    /// Participants per variant, if you look at any time.
    pub per_variant_always_valid: Option<u64>,
    /// Participants still missing, all variants together, if you look at any time.
    pub more_always_valid: Option<u64>,
    /// Why something is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Each variant (row) compared with each other variant (column). Null on the diagonal and where the counts say nothing. For one
/// look, without any correction; it decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Matrix {
    /// The chance that the row is better than the column.
    pub chance_to_beat: Option<Vec<Vec<Option<f64>>>>,
    /// The rate or mean that you give up if you choose the row and the column is better.
    pub expected_loss: Option<Vec<Vec<Option<f64>>>>,
    /// The relative lift of the row over the column.
    pub lift: Vec<Vec<Option<f64>>>,
    /// The two-sided p-value for no difference, for one look and not corrected.
    pub p_value: Vec<Vec<Option<f64>>>,
    /// Why something is null besides the diagonal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

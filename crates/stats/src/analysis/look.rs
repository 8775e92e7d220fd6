//! Recorded looks: everything that a look used and found, as it is stored.
//!
//! A look is read back as it was written. Goals, variants, controls and levels that come later never change it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::family::Family;
use crate::counter_error::Counter;
use crate::error::{Error, require};
use crate::group_sequential::Looking;
use crate::level::{Interval, Level};
use crate::many_comparisons::Correction;

/// The version of [`LookRecord`]'s JSON.
pub const LOOK_FORMAT: u32 = 1;

/// The looks at an experiment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Looks {
    /// Participants of all variants together at which the experiment is planned to end.
    pub planned: u64,
    /// The earlier looks, oldest first.
    pub earlier: Vec<EarlierLook>,
    /// Whether this analysis is a look too. If not, only the earlier looks decide.
    pub now: bool,
}

impl Looks {
    /// The first stored look. It fixes the control, the variants and the goals of all looks.
    #[must_use]
    pub fn first_recorded(&self) -> Option<&LookRecord> {
        self.earlier.iter().find_map(|look| match look {
            EarlierLook::Recorded(record) => Some(&**record),
            EarlierLook::Told(_) => None,
        })
    }

    /// The variant that the stored looks compare the others with; `None` without stored looks.
    #[must_use]
    pub fn control(&self) -> Option<&str> {
        self.first_recorded().map(|look| look.control.as_str()).filter(|name| !name.is_empty())
    }

    /// The variants of the stored looks, each once; empty without stored looks.
    #[must_use]
    pub fn variants(&self) -> BTreeSet<&str> {
        let Some(first) = self.first_recorded() else { return BTreeSet::new() };
        let compared = first.comparisons.iter().map(|one| one.variant.as_str());
        let counted = first.variants.iter().map(|one| one.variant.as_str());
        compared.chain(counted).chain(self.control()).collect()
    }

    /// The goals of the stored looks, each once; empty without stored looks.
    #[must_use]
    pub fn goals(&self) -> BTreeSet<&str> {
        let comparisons = self.first_recorded().into_iter().flat_map(|look| &look.comparisons);
        comparisons.map(|one| one.goal.as_str()).collect()
    }
}

/// A look before this analysis.
#[derive(Debug, Clone, PartialEq)]
pub enum EarlierLook {
    /// A stored look.
    Recorded(Box<LookRecord>),
    /// A look that only the caller remembers: participants of all variants together.
    Told(u64),
}

impl EarlierLook {
    /// Participants of all variants together.
    #[must_use]
    pub fn participants(&self) -> u64 {
        match self {
            Self::Recorded(record) => record.participants,
            Self::Told(participants) => *participants,
        }
    }
}

/// One look with everything that produced it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookRecord {
    /// The version of this record's shape: 1.
    pub format: u32,
    /// Participants of all variants together.
    pub participants: u64,
    /// Participants of all variants together at which the experiment is planned to end.
    pub planned: u64,
    /// participants / planned.
    pub information: f64,
    /// The level of each family: 0.95 is 95%.
    pub level: f64,
    /// How each family's error rate was shared.
    pub correction: Correction,
    /// N*: the number of participants at which always-valid intervals were narrowest.
    pub tuning: f64,
    /// The variant that the others were compared with.
    pub control: String,
    /// How participants and successes were counted.
    pub counter: Counter,
    /// The variants at this look.
    pub variants: Vec<LookVariant>,
    /// The families with their bounds.
    pub families: Vec<LookFamily>,
    /// Every comparison of the families, with or without data. Empty for a look that only the caller remembers.
    pub comparisons: Vec<LookComparison>,
}

/// A variant at a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookVariant {
    /// Its name.
    pub variant: String,
    /// Its participants.
    pub participants: u64,
    /// Its declared weight.
    pub weight: Option<f64>,
}

/// The bound of a family at a look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookFamily {
    /// The family.
    pub family: Family,
    /// How many comparisons share its error rate.
    pub comparisons: u64,
    /// The error rate of each comparison over all looks.
    pub alpha: f64,
    /// How much of `alpha` earlier looks had spent.
    pub spent_before: f64,
    /// How much of `alpha` is spent after this look.
    pub spent_after: f64,
    /// A comparison is decided if |z| is above this. Null if no alpha was left to spend.
    pub bound: Option<f64>,
}

/// One comparison at a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookComparison {
    /// The goal.
    pub goal: String,
    /// The variant that was compared with the control.
    pub variant: String,
    /// Its family.
    pub family: Family,
    /// What was found; null if it was too early to say.
    pub found: Option<LookFinding>,
}

/// What a look found in one comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookFinding {
    /// The estimate: the logarithm of variant / control.
    pub estimate: f64,
    /// The estimate's standard error.
    pub standard_error: f64,
    /// How the standard error was computed.
    pub variance: VarianceMethod,
    /// The statistic: estimate / standard error.
    pub z: f64,
    /// The p-value at this look, before the correction for several comparisons. It is below the comparison's alpha exactly
    /// if |z| is above the bound.
    pub p_value: f64,
    /// variant - control.
    pub difference: f64,
    /// Its standard error.
    pub difference_standard_error: Option<f64>,
    /// The cap on each participant's total, for goals with values.
    pub cap: Option<f64>,
    /// Participants of both variants in each stratum; empty if the periods were not separated.
    pub strata: Vec<u64>,
    /// Participants of the control.
    pub control_participants: u64,
    /// Participants of the variant.
    pub variant_participants: u64,
}

/// How a standard error was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VarianceMethod {
    /// The delta method on the logarithm of two proportions, with the counter's own error.
    LogRatioOfProportions,
    /// Recorded by a version that did not store the method.
    Unknown,
}

/// A comparison that a look decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    /// The goal.
    pub goal: String,
    /// The variant.
    pub variant: String,
    /// The variant that it was compared with.
    pub control: String,
    /// Participants of all variants together at that look.
    pub participants: u64,
    /// The bound at that look.
    pub bound: f64,
    /// The statistic at that look.
    pub z: f64,
    /// The lift at that look.
    pub lift: f64,
    /// The lower end of its interval at that look.
    pub lift_low: f64,
    /// The upper end.
    pub lift_high: f64,
}

impl LookRecord {
    /// The comparison of `goal` and `variant`, if it belongs to a family of this look.
    #[must_use]
    pub fn comparison(&self, goal: &str, variant: &str) -> Option<&LookComparison> {
        self.comparisons.iter().find(|found| found.goal == goal && found.variant == variant)
    }

    /// A family of this look.
    #[must_use]
    pub fn family(&self, family: Family) -> Option<&LookFamily> {
        self.families.iter().find(|one| one.family == family)
    }

    /// Whether this look decided the comparison.
    pub(super) fn is_decided(&self, comparison: &LookComparison) -> bool {
        let bound = self.family(comparison.family).and_then(|family| family.bound);
        let z = comparison.found.as_ref().map(|found| found.z.abs());
        z.zip(bound).is_some_and(|(z, bound)| z > bound)
    }

    /// What this look decided.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decision> {
        let decision = |comparison: &LookComparison| {
            let found = comparison.found.as_ref()?;
            let bound = self.family(comparison.family)?.bound?;
            let interval = found.lift_interval(bound)?;
            self.is_decided(comparison).then(|| Decision {
                goal: comparison.goal.clone(),
                variant: comparison.variant.clone(),
                control: self.control.clone(),
                participants: self.participants,
                bound,
                z: found.z,
                lift: found.estimate.exp_m1(),
                lift_low: interval.low,
                lift_high: interval.high,
            })
        };
        self.comparisons.iter().filter_map(decision).collect()
    }
}

impl LookFinding {
    /// The lift's interval with a multiplier of the standard error (repeated confidence interval).
    #[must_use]
    pub fn lift_interval(&self, bound: f64) -> Option<Interval> {
        let reach = bound * self.standard_error;
        Interval::finite((self.estimate - reach).exp_m1(), (self.estimate + reach).exp_m1())
    }

    /// The difference's interval with the same multiplier.
    #[must_use]
    pub fn difference_interval(&self, bound: f64) -> Option<Interval> {
        let reach = bound * self.difference_standard_error?;
        Interval::finite(self.difference - reach, self.difference + reach)
    }
}

/// A look as versions before 0.2 stored it: the statistics without the bounds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BareLook {
    /// Participants of all variants together.
    pub participants: u64,
    /// Participants at which the experiment is planned to end.
    pub planned: u64,
    /// The variant that the others were compared with.
    pub control: String,
    /// What was found.
    pub statistics: Vec<BareStatistic>,
}

/// A statistic of a [`BareLook`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BareStatistic {
    /// The goal.
    pub goal: String,
    /// The variant.
    pub variant: String,
    /// The log ratio of the rates in standard errors.
    pub z: f64,
    /// That standard error.
    pub standard_error: f64,
}

/// Adds the bounds to looks that were stored without them. The first look's comparisons are the family, as one `level` with
/// Bonferroni's correction; later names are not part of it.
///
/// # Errors
/// If the looks do not increase, or a plan is 0.
pub fn complete_bare_looks(looks: &[BareLook], level: Level) -> Result<Vec<LookRecord>, Error> {
    let Some(first) = looks.first() else { return Ok(Vec::new()) };
    let planned = first.planned;
    require(planned > 0, "planned", "at least 1", planned as f64)?;
    let pairs: Vec<(&str, &str)> =
        first.statistics.iter().map(|s| (s.goal.as_str(), s.variant.as_str())).collect();
    let alpha = level.alpha() / pairs.len().max(1) as f64;
    let mut looking = Looking::new(Level::from_alpha(alpha)?);
    let mut records = Vec::new();
    for look in looks {
        let spent_before = looking.spent();
        let information = look.participants as f64 / planned as f64;
        let bound = looking.take(information)?;
        let comparisons = look.statistics.iter().map(|found| LookComparison {
            goal: found.goal.clone(),
            variant: found.variant.clone(),
            family: if pairs.contains(&(&found.goal, &found.variant)) {
                Family::Counted
            } else {
                Family::Exploratory
            },
            found: Some(LookFinding {
                estimate: found.z * found.standard_error,
                standard_error: found.standard_error,
                variance: VarianceMethod::Unknown,
                z: found.z,
                p_value: looking.p_value(found.z),
                difference: 0.0,
                difference_standard_error: None,
                cap: None,
                strata: Vec::new(),
                control_participants: 0,
                variant_participants: 0,
            }),
        });
        records.push(LookRecord {
            format: LOOK_FORMAT,
            participants: look.participants,
            planned,
            information,
            level: 1.0 - level.alpha(),
            correction: Correction::Bonferroni,
            tuning: crate::confidence_sequence::DEFAULT_TUNING,
            control: look.control.clone(),
            counter: Counter::Hll,
            variants: Vec::new(),
            comparisons: comparisons.collect(),
            families: vec![LookFamily {
                family: Family::Counted,
                comparisons: pairs.len().max(1) as u64,
                alpha,
                spent_before,
                spent_after: bound.spent,
                bound: bound.z,
            }],
        });
    }
    Ok(records)
}

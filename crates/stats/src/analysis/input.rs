//! What goes into an analysis.

use serde::{Deserialize, Serialize};

use super::look::Looks;
use super::method::Method;
use super::remarks::Remarks;
use super::report::{RaisedAlarm, RemarkCode};
use crate::confidence_sequence::DEFAULT_TUNING;
use crate::counter_error::Counter;
use crate::error::{Error, require};
use crate::level::Level;
use crate::many_comparisons::Correction;
use crate::sample_size::{self, Effect};
use crate::totals::Sums;

/// Names, in any case, that mark a variant as the control. Earlier names come first.
pub const CONTROL_NAMES: [&str; 5] = ["control", "original", "baseline", "default", "off"];

/// What was counted in one experiment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counts {
    /// The variants, in the order of the report.
    pub variants: Vec<VariantCounts>,
    /// The goals, in the order of the report.
    pub goals: Vec<GoalCounts>,
    /// The periods of constant weights, oldest first. Empty: one period with the variants' trials and weights.
    pub periods: Vec<Period>,
}

impl Counts {
    /// Keeps the variants at these places only, in this order.
    pub fn keep_variants(&mut self, kept: &[usize]) {
        self.variants = at(&self.variants, kept);
        for period in &mut self.periods {
            period.weights = at(&period.weights, kept);
            period.participants = at(&period.participants, kept);
        }
        let of_periods = self.periods.iter_mut().flat_map(|period| &mut period.goals);
        for goal in self.goals.iter_mut().chain(of_periods) {
            goal.successes = at(&goal.successes, kept);
            if !goal.totals.is_empty() {
                goal.totals = at(&goal.totals, kept);
            }
        }
    }
}

fn at<T: Clone>(all: &[T], places: &[usize]) -> Vec<T> {
    places.iter().map(|&place| all[place].clone()).collect()
}

/// One variant.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantCounts {
    /// Its name.
    pub name: String,
    /// Its participants.
    pub trials: u64,
    /// Its share of the visitors relative to the other variants, if declared.
    pub weight: Option<f64>,
}

/// One goal.
#[derive(Debug, Clone, PartialEq)]
pub struct GoalCounts {
    /// Its name.
    pub name: String,
    /// How often it was reached in each variant, in the variants' order.
    pub successes: Vec<u64>,
    /// The sums of the participants' totals in each variant, in the variants' order. Empty unless each participant has a total.
    pub totals: Vec<Sums>,
}

impl GoalCounts {
    /// A goal without totals.
    #[must_use]
    pub fn new(name: impl Into<String>, successes: Vec<u64>) -> Self {
        Self { name: name.into(), successes, totals: Vec::new() }
    }

    /// A goal with a total per participant.
    #[must_use]
    pub fn of_totals(name: impl Into<String>, totals: Vec<Sums>) -> Self {
        let successes = totals.iter().map(|one| one.with_value).collect();
        Self { name: name.into(), successes, totals }
    }
}

/// A period in which the weights did not change (an allocation).
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// The declared weight of each variant, in the variants' order.
    pub weights: Vec<f64>,
    /// New participants of each variant in this period, in the variants' order.
    pub participants: Vec<u64>,
    /// How many of these participants reached each goal, now or later. Empty: the goals were not separated.
    pub goals: Vec<GoalCounts>,
}

impl Period {
    /// The counts of a goal in this period.
    pub(super) fn goal(&self, name: &str) -> Option<&GoalCounts> {
        self.goals.iter().find(|one| one.name == name)
    }
}

/// What a definition fixed when the experiment was first started.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The declared variants.
    pub variants: Vec<DeclaredVariant>,
    /// The declared goals.
    pub goals: Vec<DeclaredGoal>,
    /// N*: see [`Declared::tuning`].
    pub tuning: f64,
}

/// A declared variant.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredVariant {
    /// Its name.
    pub name: String,
    /// Its share of the visitors relative to the other variants.
    pub weight: f64,
}

/// A declared goal.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredGoal {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: GoalRole,
    /// How it is counted.
    pub kind: DeclaredKind,
    /// Which direction is an improvement.
    pub better: Better,
    /// The unit of a value, such as EUR.
    pub unit: Option<String>,
    /// The largest total of one participant that counts, in the unit.
    pub cap: Option<f64>,
}

/// What a goal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GoalRole {
    /// Decides the experiment. It has its own error rate.
    Primary,
    /// Shares an error rate with the other secondary goals.
    #[default]
    Secondary,
    /// Must not get worse.
    Guardrail,
}

/// How a goal is declared to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeclaredKind {
    /// A participant reaches it once or not at all.
    #[default]
    Conversion,
    /// A participant can reach it many times.
    Count,
    /// Each participant has a total.
    Value,
}

/// Which direction is an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    #[default]
    Higher,
    /// Less is better.
    Lower,
}

/// What is asked of the counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The variant that the others are compared with. Default: one of [`CONTROL_NAMES`], or the first.
    pub control: Option<String>,
    /// The goal of the experiment's verdict. Default: the declared primary goal, or the first goal.
    pub primary_goal: Option<String>,
    /// What the experiment's definition fixed. Without it, the families are what was counted.
    pub declared: Option<Declared>,
    /// Why nothing can be decided, as a clause, if so: "the weights changed, and …". Rates are shown.
    pub suspended: Option<String>,
    /// How participants and successes were counted.
    pub counter: Counter,
    /// The level of each family, and of each variant's own interval.
    pub level: Level,
    /// The smallest relative lift worth having: 0.05 is 5%.
    pub minimum_lift: f64,
    /// The probability to find the minimum lift, for planned samples.
    pub power: f64,
    /// How a family shares its error rate.
    pub correction: Correction,
    /// When you may look.
    pub method: Method,
    /// The looks so far. They are reported with every method; the sequential method decides by them.
    pub looks: Option<Looks>,
    /// The sample ratio alarm that an earlier report of this experiment raised. It then stays.
    pub sample_ratio_alarmed: Option<RaisedAlarm>,
    /// Whether to leave out the matrices and the chances (to beat, to be best, expected losses). No verdict, warning
    /// or interval depends on them, and they take most of the time of an analysis.
    pub only_verdict: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            control: None,
            primary_goal: None,
            declared: None,
            suspended: None,
            counter: Counter::default(),
            level: Level::DEFAULT,
            minimum_lift: 0.05,
            power: 0.8,
            correction: Correction::default(),
            method: Method::default(),
            looks: None,
            sample_ratio_alarmed: None,
            only_verdict: false,
        }
    }
}

impl Settings {
    /// The goal that decides, if one is named or declared.
    pub(super) fn primary_goal(&self) -> Option<&str> {
        let declared = || {
            let goals = &self.declared.as_ref()?.goals;
            let primary = goals.iter().find(|goal| goal.role == GoalRole::Primary)?;
            Some(primary.name.as_str())
        };
        self.primary_goal.as_deref().or_else(declared)
    }

    pub(super) fn tuning(&self) -> f64 {
        self.declared.as_ref().map_or(DEFAULT_TUNING, |declared| declared.tuning)
    }

    pub(super) fn declared_goal(&self, name: &str) -> Option<&DeclaredGoal> {
        self.declared.as_ref()?.goal(name)
    }

    pub(super) fn better(&self, goal: &str) -> Better {
        self.declared_goal(goal).map_or(Better::Higher, |goal| goal.better)
    }
}

impl Declared {
    /// N*: twice the sample per variant that finds the minimum lift, between 1,000 and 10^7. Always-valid intervals are
    /// narrowest at this number of participants. Compute it once, when the experiment starts.
    ///
    /// # Errors
    /// If the power is not between 0 and 1.
    pub fn tuning(effect: Effect, level: Level, power: f64) -> Result<f64, Error> {
        let sample = match sample_size::sample_size(effect, level, power) {
            Err(Error::SampleTooLarge) => u64::MAX / 2,
            sample => sample?,
        };
        Ok((2.0 * sample as f64).clamp(1_000.0, 1e7))
    }

    /// Everything that was counted, declared as it is. `primary` names the primary goal.
    #[must_use]
    pub fn as_counted(counts: &Counts, primary: Option<&str>) -> Self {
        let variant = |variant: &VariantCounts| DeclaredVariant {
            name: variant.name.clone(),
            weight: variant.weight.unwrap_or(1.0),
        };
        let goal = |goal: &GoalCounts| DeclaredGoal {
            name: goal.name.clone(),
            role: if primary == Some(&goal.name) { GoalRole::Primary } else { GoalRole::Secondary },
            kind: if goal.totals.is_empty() {
                DeclaredKind::Conversion
            } else {
                DeclaredKind::Value
            },
            better: Better::Higher,
            unit: None,
            cap: None,
        };
        Self {
            variants: counts.variants.iter().map(variant).collect(),
            goals: counts.goals.iter().map(goal).collect(),
            tuning: DEFAULT_TUNING,
        }
    }

    pub(super) fn goal(&self, name: &str) -> Option<&DeclaredGoal> {
        self.goals.iter().find(|goal| goal.name == name)
    }
}

/// Checks what a caller can get wrong. Returns the control's index, if there are variants.
pub(super) fn check(counts: &Counts, settings: &Settings) -> Result<Option<usize>, Error> {
    let lift = settings.minimum_lift;
    let rule = "above 0 and at most 100 (0.05 is 5%)";
    require(lift > 0.0 && lift <= 100.0, "minimum_lift", rule, lift)?;
    let power = settings.power;
    require((0.01..=0.999_999).contains(&power), "power", "between 0.01 and 0.999999", power)?;
    let tuning = settings.tuning();
    require((1.0..=1e9).contains(&tuning), "tuning", "between 1 and 1e9", tuning)?;
    let variants = counts.variants.len();
    let of_periods = counts.periods.iter().flat_map(|period| &period.goals);
    let goals = || counts.goals.iter().chain(of_periods.clone());
    let totals = goals().filter(|goal| !goal.totals.is_empty());
    let totals = totals.map(|goal| ("totals", goal.totals.len()));
    let lists = goals().map(|goal| ("successes", goal.successes.len())).chain(totals);
    let periods = counts.periods.iter().flat_map(|period| {
        [("weights", period.weights.len()), ("participants", period.participants.len())]
    });
    for (left_name, left) in lists.chain(periods) {
        if left != variants {
            return Err(Error::Lengths {
                left_name,
                left,
                right_name: "variants",
                right: variants,
            });
        }
    }
    if let Some(name) = &settings.primary_goal
        && !counts.goals.iter().any(|goal| goal.name == *name)
    {
        return Err(Error::UnknownPrimaryGoal(name.clone()));
    }
    let Some(name) = &settings.control else {
        let first = (!counts.variants.is_empty()).then_some(0);
        return Ok(control_by_name(counts).or(first));
    };
    let index = counts.variants.iter().position(|variant| variant.name == *name);
    index.map(Some).ok_or_else(|| Error::UnknownControl(name.clone()))
}

fn control_by_name(counts: &Counts) -> Option<usize> {
    CONTROL_NAMES.iter().find_map(|name| {
        counts.variants.iter().position(|variant| variant.name.eq_ignore_ascii_case(name))
    })
}

/// Adds the notes about a control that was not set and families that were not declared.
pub(super) fn remark(
    counts: &Counts,
    settings: &Settings,
    control: Option<usize>,
    remarks: &mut Remarks,
) {
    let Some(control) = control.filter(|_| counts.variants.len() > 1) else { return };
    let name = &counts.variants[control].name;
    if settings.control.is_none() {
        let message = match control_by_name(counts) {
            Some(_) => format!("No control set. Using {name} because of its name."),
            None => format!("No control set. Using the first variant, {name}."),
        };
        remarks.note(RemarkCode::ControlAssumed, message);
    }
    if settings.declared.is_none() && !counts.goals.is_empty() {
        let message = "The experiment has no definition, so every counted goal and variant shares the error rate. New names \
                       widen the intervals."
            .to_owned();
        remarks.note(RemarkCode::FamilyNotDeclared, message);
    }
}

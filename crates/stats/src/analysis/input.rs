//! What goes into an analysis.

use super::Remarks;
use super::looks::Looks;
use super::method::Method;
use super::report::RemarkCode;
use crate::confidence_sequence::DEFAULT_TUNING;
use crate::counter_error::Counter;
use crate::error::{Error, require};
use crate::level::Level;
use crate::many_comparisons::Correction;

/// Names, in any case, by which a variant says that it is the control; the earlier come first.
pub const CONTROL_NAMES: [&str; 5] = ["control", "original", "baseline", "default", "off"];

/// What was counted in one experiment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counts {
    /// The variants, in the order in which they are to appear.
    pub variants: Vec<VariantCounts>,
    /// The goals, in the order in which they are to appear.
    pub goals: Vec<GoalCounts>,
}

/// One variant.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantCounts {
    /// Its name.
    pub name: String,
    /// How many took part.
    pub trials: u64,
    /// Its share of the visitors relative to the others', if declared.
    pub weight: Option<f64>,
}

/// One goal.
#[derive(Debug, Clone, PartialEq)]
pub struct GoalCounts {
    /// Its name.
    pub name: String,
    /// How often it was reached in each variant, in the variants' order.
    pub successes: Vec<u64>,
    /// Whether a visitor counts at most once.
    pub unique: bool,
}

/// What is asked of the counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The variant that the others are held against. If not named: one whose name says so ([`CONTROL_NAMES`]), else the first.
    pub control: Option<String>,
    /// The goal that decides; the verdict is the first one's if not named.
    pub primary_goal: Option<String>,
    /// How the counts were counted.
    pub counter: Counter,
    /// The level of intervals, tests and the verdict.
    pub level: Level,
    /// The smallest relative lift worth having: 0.05 is 5%.
    pub minimum_lift: f64,
    /// The probability with which a planned sample is to find it.
    pub power: f64,
    /// How p-values are adjusted for their number.
    pub correction: Correction,
    /// When one may look, and so what the verdict follows.
    pub method: Method,
    /// The looks, which the sequential method needs.
    pub looks: Option<Looks>,
    /// The number of trials at which always-valid intervals are tightest.
    pub tuning: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            control: None,
            primary_goal: None,
            counter: Counter::default(),
            level: Level::DEFAULT,
            minimum_lift: 0.05,
            power: 0.8,
            correction: Correction::default(),
            method: Method::default(),
            looks: None,
            tuning: DEFAULT_TUNING,
        }
    }
}

/// Checks what a caller can get wrong; the control's index, if there are variants.
pub(super) fn check(counts: &Counts, settings: &Settings) -> Result<Option<usize>, Error> {
    let lift = settings.minimum_lift;
    require(
        lift > 0.0 && lift <= 100.0,
        "minimum_lift",
        "above 0 and at most 100 (0.05 is 5%)",
        lift,
    )?;
    let power = settings.power;
    require((0.01..=0.999_999).contains(&power), "power", "between 0.01 and 0.999999", power)?;
    let tuning = settings.tuning;
    require((1.0..=1e18).contains(&tuning), "tuning", "between 1 and 1e18", tuning)?;
    for goal in &counts.goals {
        if goal.successes.len() != counts.variants.len() {
            return Err(Error::Lengths {
                left_name: "successes",
                left: goal.successes.len(),
                right_name: "variants",
                right: counts.variants.len(),
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
        return Ok(called_control(counts).or(first));
    };
    let index = counts.variants.iter().position(|variant| variant.name == *name);
    index.map(Some).ok_or_else(|| Error::UnknownControl(name.clone()))
}

fn called_control(counts: &Counts) -> Option<usize> {
    CONTROL_NAMES.iter().find_map(|name| {
        counts.variants.iter().position(|variant| variant.name.eq_ignore_ascii_case(name))
    })
}

/// Says which control was taken where none was named.
pub(super) fn remark(
    counts: &Counts,
    settings: &Settings,
    control: Option<usize>,
    remarks: &mut Remarks,
) {
    let Some(control) = control.filter(|_| settings.control.is_none()) else { return };
    if counts.variants.len() < 2 {
        return;
    }
    let name = &counts.variants[control].name;
    let why = if called_control(counts).is_some() { "by its name" } else { "as the first" };
    let message = format!("No control is named: {name} is taken, {why}.");
    remarks.note(RemarkCode::ControlAssumed, message);
}

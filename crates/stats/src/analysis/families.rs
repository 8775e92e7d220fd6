//! Which comparisons share one error rate, and how much of it each gets.

use std::collections::HashSet;

use super::family::{Family, FamilyReport};
use super::input::{Counts, Declared, GoalRole, Settings};
use crate::confidence_sequence::Rho;
use crate::error::Error;
use crate::level::Level;
use crate::many_comparisons::Correction;

/// A family as the formulas use it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FamilyPlan {
    pub(super) family: Family,
    /// m: every declared pair of a goal and a variant, with or without data.
    pub(super) comparisons: u64,
    pub(super) declared: bool,
    /// The family's own level.
    pub(super) whole: Level,
    /// The level of one comparison: alpha / m, or alpha without correction.
    pub(super) each: Level,
    pub(super) rho: Rho,
    pub(super) tuning: f64,
}

/// The families of an experiment.
pub(super) struct Families<'a> {
    plans: Vec<FamilyPlan>,
    primary: Option<&'a str>,
    declared: Option<Names<'a>>,
}

struct Names<'a> {
    variants: HashSet<&'a str>,
    goals: &'a Declared,
}

impl<'a> Families<'a> {
    pub(super) fn new(counts: &Counts, settings: &'a Settings) -> Result<Self, Error> {
        let primary = settings.primary_goal();
        let others =
            |goals: usize, variants: usize| goals as u64 * variants.saturating_sub(1) as u64;
        let mut plans = Vec::new();
        let mut add = |family: Family, comparisons: u64| -> Result<(), Error> {
            if comparisons > 0 {
                plans.push(FamilyPlan::new(family, comparisons, settings)?);
            }
            Ok(())
        };
        if let Some(declared) = &settings.declared {
            let variants = declared.variants.len();
            let in_role =
                |role: GoalRole| declared.goals.iter().filter(|goal| goal.role == role).count();
            add(Family::Primary, others(in_role(GoalRole::Primary), variants))?;
            add(Family::Secondary, others(in_role(GoalRole::Secondary), variants))?;
            add(Family::Guardrail, others(in_role(GoalRole::Guardrail), variants))?;
        } else {
            let (goals, variants) = (counts.goals.len(), counts.variants.len());
            match primary {
                Some(_) => {
                    add(Family::Primary, others(1, variants))?;
                    add(Family::Secondary, others(goals.saturating_sub(1), variants))?;
                }
                None => add(Family::Counted, others(goals, variants))?,
            }
        }
        let declared = settings.declared.as_ref().map(|goals| Names {
            variants: goals.variants.iter().map(|variant| variant.name.as_str()).collect(),
            goals,
        });
        Ok(Self { plans, primary, declared })
    }

    /// The family of a goal's comparison of `variant` with `control`.
    pub(super) fn of(&self, goal: &str, variant: &str, control: &str) -> Family {
        let Some(names) = &self.declared else {
            return match self.primary {
                None => Family::Counted,
                Some(primary) if primary == goal => Family::Primary,
                Some(_) => Family::Secondary,
            };
        };
        if !names.variants.contains(variant) || !names.variants.contains(control) {
            return Family::Exploratory;
        }
        match names.goals.goal(goal).map(|goal| goal.role) {
            None => Family::Exploratory,
            Some(GoalRole::Primary) => Family::Primary,
            Some(GoalRole::Secondary) => Family::Secondary,
            Some(GoalRole::Guardrail) => Family::Guardrail,
        }
    }

    pub(super) fn plan(&self, family: Family) -> Option<&FamilyPlan> {
        self.plans.iter().find(|plan| plan.family == family)
    }

    pub(super) fn plans(&self) -> &[FamilyPlan] {
        &self.plans
    }

    pub(super) fn report(&self) -> Vec<FamilyReport> {
        let report = |plan: &FamilyPlan| FamilyReport {
            family: plan.family,
            comparisons: plan.comparisons,
            declared: plan.declared,
            alpha: plan.whole.alpha(),
            tuning: plan.tuning,
            rho_squared: plan.rho.squared(),
        };
        self.plans.iter().map(report).collect()
    }
}

impl FamilyPlan {
    fn new(family: Family, comparisons: u64, settings: &Settings) -> Result<Self, Error> {
        let whole = settings.level;
        let each = match settings.correction {
            Correction::None => whole,
            _ => Level::from_alpha(whole.alpha() / comparisons as f64)?,
        };
        let tuning = settings.tuning();
        let rho = Rho::tuned(each, tuning)?;
        let declared = settings.declared.is_some();
        Ok(Self { family, comparisons, declared, whole, each, rho, tuning })
    }
}

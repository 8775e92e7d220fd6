//! The bounds of looks: each look spends alpha, and its bound follows from what is spent.

use crate::analysis::families::Families;
use crate::analysis::input::Settings;
use crate::analysis::look::{
    EarlierLook, LOOK_FORMAT, LookComparison, LookFamily, LookRecord, Looks,
};
use crate::error::Error;
use crate::group_sequential::{Bound, Looking};
use crate::level::Level;
use crate::many_comparisons::Correction;

/// A look may be this many times past the plan. It spends no more than a look at the end.
const FAR_PAST: f64 = 1e6;

/// What all looks of an experiment share: the families and how far their alpha is spent. The first recorded look fixes it.
pub(super) struct Bounds {
    planned: u64,
    level: f64,
    correction: Correction,
    tuning: f64,
    pub(super) families: Vec<(LookFamily, Looking)>,
    /// The comparisons of the recorded looks; `None` before the first.
    pub(super) comparisons: Option<Vec<LookComparison>>,
}

impl Bounds {
    pub(super) fn new(
        settings: &Settings,
        families: &Families<'_>,
        looks: &Looks,
    ) -> Result<Self, Error> {
        let mut bounds = Self {
            planned: looks.planned,
            level: 1.0 - settings.level.alpha(),
            // An equal share for each comparison: looks leave no order of p-values to step through.
            correction: match settings.correction {
                Correction::None => Correction::None,
                Correction::Bonferroni | Correction::BenjaminiHochberg => Correction::Bonferroni,
            },
            tuning: settings.tuning(),
            families: Vec::new(),
            comparisons: None,
        };
        let recorded = looks.earlier.iter().find_map(|look| match look {
            EarlierLook::Recorded(record) => Some(record),
            EarlierLook::Told(_) => None,
        });
        if let Some(first) = recorded {
            bounds.level = first.level;
            bounds.correction = first.correction;
            bounds.tuning = first.tuning;
            for family in &first.families {
                let looking = Looking::new(Level::from_alpha(family.alpha)?);
                bounds.families.push((*family, looking));
            }
            return Ok(bounds);
        }
        for plan in families.plans() {
            let family = LookFamily {
                family: plan.family,
                comparisons: plan.comparisons,
                alpha: plan.each.alpha(),
                spent_before: 0.0,
                spent_after: 0.0,
                bound: None,
            };
            bounds.families.push((family, Looking::new(plan.each)));
        }
        Ok(bounds)
    }

    /// Adds a recorded look as it was.
    pub(super) fn recall(&mut self, record: &LookRecord) -> Result<(), Error> {
        for (family, looking) in &mut self.families {
            let Some(then) = record.family(family.family) else { continue };
            let information = record.information.min(FAR_PAST);
            looking.recall(Bound { information, spent: then.spent_after, z: then.bound })?;
        }
        let known = self.comparisons.get_or_insert_with(Vec::new);
        if known.is_empty() {
            known.extend(record.comparisons.iter().cloned());
        }
        Ok(())
    }

    /// A look at these participants, without what it found.
    pub(super) fn take(
        &mut self,
        participants: u64,
        settings: &Settings,
    ) -> Result<LookRecord, Error> {
        let information = (participants as f64 / self.planned as f64).min(FAR_PAST);
        for (family, looking) in &mut self.families {
            family.spent_before = looking.spent();
            let bound = looking.take(information)?;
            family.spent_after = bound.spent;
            family.bound = bound.z;
        }
        Ok(LookRecord {
            format: LOOK_FORMAT,
            participants,
            planned: self.planned,
            information,
            level: self.level,
            correction: self.correction,
            tuning: self.tuning,
            control: String::new(),
            counter: settings.counter,
            variants: Vec::new(),
            families: self.families.iter().map(|(family, _)| *family).collect(),
            comparisons: Vec::new(),
        })
    }
}

//! What a new look finds: each comparison's estimate, standard error and p-value.

use super::Pair;
use super::bounds::Bounds;
use crate::analysis::arm::Arm;
use crate::analysis::evidence::too_early;
use crate::analysis::families::Families;
use crate::analysis::family::Family;
use crate::analysis::input::{Counts, Settings, VariantCounts};
use crate::analysis::look::{LookComparison, LookFinding, LookRecord, LookVariant, VarianceMethod};
use crate::group_sequential::Looking;

/// Adds what a new look found.
pub(super) fn describe(
    record: &mut LookRecord,
    counts: &Counts,
    settings: &Settings,
    control: Option<usize>,
    bounds: &Bounds,
    families: &Families<'_>,
    pairs: &[Pair<'_>],
) {
    let Some(control) = control.map(|index| counts.variants[index].name.as_str()) else { return };
    record.control = control.to_owned();
    let variant = |variant: &VariantCounts| LookVariant {
        variant: variant.name.clone(),
        participants: variant.trials,
        weight: variant.weight,
    };
    record.variants = counts.variants.iter().map(variant).collect();
    let found = |goal: &str, variant: &str, family: Family| {
        let pair = pairs.iter().find(|pair| pair.goal == goal && pair.variant == variant)?;
        let (_, looking) = bounds.families.iter().find(|(one, _)| one.family == family)?;
        finding(pair.arms?, looking)
    };
    record.comparisons = match &bounds.comparisons {
        Some(known) => known
            .iter()
            .map(|one| LookComparison {
                found: found(&one.goal, &one.variant, one.family),
                ..one.clone()
            })
            .collect(),
        None => declared_pairs(counts, settings, control)
            .map(|(goal, variant)| {
                let family = families.of(goal, variant, control);
                LookComparison {
                    goal: goal.to_owned(),
                    variant: variant.to_owned(),
                    family,
                    found: found(goal, variant, family),
                }
            })
            .collect(),
    };
}

/// Every pair of a goal and a variant, declared or else counted.
fn declared_pairs<'a>(
    counts: &'a Counts,
    settings: &'a Settings,
    control: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let (goals, variants): (Vec<&str>, Vec<&str>) = match &settings.declared {
        Some(declared) => (
            declared.goals.iter().map(|goal| goal.name.as_str()).collect(),
            declared.variants.iter().map(|variant| variant.name.as_str()).collect(),
        ),
        None => (
            counts.goals.iter().map(|goal| goal.name.as_str()).collect(),
            counts.variants.iter().map(|variant| variant.name.as_str()).collect(),
        ),
    };
    goals.into_iter().flat_map(move |goal| {
        let others = variants.clone().into_iter().filter(move |variant| *variant != control);
        others.map(move |variant| (goal, variant))
    })
}

fn finding((control, variant): (Arm, Arm), looking: &Looking) -> Option<LookFinding> {
    if too_early(control, variant).is_some() {
        return None;
    }
    let estimate = Arm::ln_ratio(control, variant)?;
    let standard_error = Arm::ln_ratio_variance(control, variant)?.sqrt();
    let z = estimate / standard_error;
    if !(z.is_finite() && standard_error > 0.0) {
        return None;
    }
    Some(LookFinding {
        estimate,
        standard_error,
        variance: VarianceMethod::LogRatioOfProportions,
        z,
        p_value: looking.p_value(z),
        difference: Arm::difference(control, variant)?,
        difference_standard_error: Arm::difference_variance(control, variant).map(f64::sqrt),
        cap: None,
        strata: Vec::new(),
        control_participants: control.trials() as u64,
        variant_participants: variant.trials() as u64,
    })
}

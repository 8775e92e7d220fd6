//! Periods of constant weights: the counts by allocation of an experiment whose weights changed.

use std::collections::BTreeMap;

use abtest_model::definition::{Allocation, DefinedGoal, Definition, Document};
use abtest_model::{AllocationRow, ExperimentResults, Goal, Values, Variant, VariantValues};
use abtest_stats::analysis::{GoalCounts, LEAST_KNOWN_SHARE, Period};

use super::totals;

/// With fewer participants, a variant is not compared.
const DECIDING: u64 = 100;

/// The periods of an experiment, oldest first. Empty if the weights never changed.
///
/// # Errors
/// Why the counts cannot be divided. Pooling them can mislead (Simpson's paradox), so nothing is
/// decided then.
pub(super) fn periods(
    document: &Document,
    results: &ExperimentResults,
    values: Option<&Values>,
) -> Result<Vec<Period>, String> {
    let Some(newest) = document.changed_allocation() else { return Ok(Vec::new()) };
    let rows = results.allocations.as_ref().map(|found| found.counters.as_slice());
    let rows = rows.unwrap_or_default();
    let definition = &document.definition;
    let mut periods = Vec::new();
    for (number, shares) in allocations(document, newest) {
        let period = period(definition, rows, number, &shares, values);
        if period.participants.iter().any(|&count| count > 0) {
            periods.push(period);
        }
    }
    for (index, variant) in definition.variant_names().enumerate() {
        let all = trials(results, variant);
        let known: u64 = periods.iter().map(|period| period.participants[index]).sum();
        let share = known as f64 / all as f64;
        if all >= DECIDING && share < LEAST_KNOWN_SHARE {
            let percent = (100.0 * share).floor();
            return Err(format!(
                "the weights changed on {}, and {percent}% of the participants of {variant} state an allocation; 95% are \
                 needed to compare within the periods",
                newest.from.in_words()
            ));
        }
    }
    Ok(periods)
}

/// Why no look can be taken at an experiment with several periods.
pub(super) const NO_LOOKS: &str = "the weights changed, and looks do not separate the periods before and after; use the method \
     always_valid, which does";

/// The number and the shares of each allocation whose shares are known, oldest first.
fn allocations<'a>(
    document: &'a Document,
    newest: &'a Allocation,
) -> impl Iterator<Item = (u64, BTreeMap<Variant, f64>)> + 'a {
    let earlier = document.earlier_allocations.iter();
    let earlier = earlier.map(|one| (one.number, one.shares.clone()));
    earlier.chain([(newest.number, newest.shares())])
}

fn weights(definition: &Definition, shares: &BTreeMap<Variant, f64>) -> Vec<f64> {
    definition.variant_names().map(|name| shares.get(name).copied().unwrap_or(0.0)).collect()
}

fn period(
    definition: &Definition,
    rows: &[AllocationRow],
    number: u64,
    shares: &BTreeMap<Variant, f64>,
    values: Option<&Values>,
) -> Period {
    let count = |goal: &str, variant: &Variant| {
        let row = rows.iter().find(|row| row.goal == goal && row.label == variant.as_str());
        let counts = row.into_iter().flat_map(|row| &row.allocations);
        counts.filter(|one| u64::from(one.allocation.get()) == number).map(|one| one.count).sum()
    };
    let of_goal = |goal: &str| -> Vec<u64> {
        definition.variant_names().map(|variant| count(goal, variant)).collect()
    };
    let participants = of_goal(Goal::PARTICIPATE);
    let in_allocation = |values: &VariantValues| {
        let mut allocations = values.allocations.iter();
        allocations.find(|(one, _)| u64::from(one.get()) == number).map(|(_, sums)| *sums)
    };
    let goal = |goal: &DefinedGoal| {
        let totals = totals::of_goal(goal, definition, &participants, values, in_allocation);
        let name = goal.name.as_str();
        GoalCounts { totals, ..GoalCounts::new(name, of_goal(name)) }
    };
    let goals = definition.goals.iter().map(goal).collect();
    Period { weights: weights(definition, shares), participants, goals }
}

fn trials(results: &ExperimentResults, variant: &Variant) -> u64 {
    let counted = results.variants.iter().find(|one| one.label == variant.as_str());
    counted.map_or(0, |one| one.trials)
}

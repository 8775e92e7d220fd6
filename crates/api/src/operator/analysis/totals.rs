//! The sums of goals that add up numbers, as the analysis takes them.

use abtest_model::definition::{DefinedGoal, Definition};
use abtest_model::{Values, VariantValues};
use abtest_stats::totals::Sums;

/// Stores add up ten-thousandths.
const DECIMALS: u8 = abtest_model::definition::MAX_DECIMALS;

/// The sums of a goal in each variant with these participants. `of` chooses them: of all units, or of an allocation. Empty
/// unless the goal adds up numbers and its sums were read.
pub(super) fn of_goal(
    goal: &DefinedGoal,
    definition: &Definition,
    participants: &[u64],
    values: Option<&Values>,
    of: impl Fn(&VariantValues) -> Option<abtest_model::Sums>,
) -> Vec<Sums> {
    let Some(values) = values.filter(|_| goal.is_summed()) else { return Vec::new() };
    let stored = values.0.get(&goal.name);
    let cap = stored.and_then(|values| values.cap);
    let in_variant = |(variant, &participants)| {
        let sums = stored.and_then(|values| of(values.variants.get(variant)?)).unwrap_or_default();
        // The largest total is kept without the cap.
        let largest = match cap {
            Some(cap) => sums.largest.min(cap.ten_thousandths().unsigned_abs()),
            None => sums.largest,
        };
        Sums {
            participants,
            with_value: sums.units,
            sum: sums.sum,
            sum_of_squares: sums.squares.unsigned_abs(),
            largest: largest.into(),
            decimals: DECIMALS,
        }
    };
    definition.variant_names().zip(participants).map(in_variant).collect()
}

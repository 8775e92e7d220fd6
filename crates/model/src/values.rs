//! What a store adds up for goals with values: sums over the totals of units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::allocations::AllocationNumber;
use crate::amount::{Amount, decimal};
use crate::definition::MAX_DECIMALS;
use crate::name::{Goal, Variant};

/// Sums over the totals of some units, in ten-thousandths. Each total is between -cap and cap if the
/// goal has a cap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many units have a total, also one of 0.
    pub units: u64,
    /// The sum of the totals.
    pub sum: i128,
    /// The sum of the squared totals, in ten-thousandths squared.
    pub squares: i128,
    /// The largest absolute total that a unit has had, without the cap. A refund does not lower it;
    /// a change of the cap finds it anew.
    pub largest: u64,
}

impl Sums {
    /// Replaces a unit's total by another one; `before` is `None` for a new unit. Both are without
    /// the cap.
    pub fn replace(&mut self, before: Option<Amount>, after: Amount, cap: Option<Amount>) {
        let clamped = |total: Amount| i128::from(total.clamped(cap).ten_thousandths());
        let old = before.map_or(0, clamped);
        let new = clamped(after);
        self.units += u64::from(before.is_none());
        self.sum += new - old;
        self.squares += new * new - old * old;
        self.largest = self.largest.max(after.ten_thousandths().unsigned_abs());
    }

    /// Adds the sums of other units.
    pub fn add(&mut self, other: &Self) {
        self.units += other.units;
        self.sum += other.sum;
        self.squares += other.squares;
        self.largest = self.largest.max(other.largest);
    }
}

/// The sums of one goal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoalValues {
    /// The cap that the sums were made with.
    pub cap: Option<Amount>,
    /// The sums of each variant.
    pub variants: BTreeMap<Variant, VariantValues>,
}

/// The sums of one goal in one variant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantValues {
    /// Over all units.
    pub total: Sums,
    /// Over the units whose first event with a value stated an allocation, by allocation.
    pub allocations: BTreeMap<AllocationNumber, Sums>,
}

/// The sums of an experiment's goals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(pub BTreeMap<Goal, GoalValues>);

impl Values {
    /// Removes the variants of goals that `is_kept` refuses.
    pub fn retain(&mut self, is_kept: impl Fn(&Goal, &Variant) -> bool) {
        self.0.retain(|goal, values| {
            values.variants.retain(|variant, _| is_kept(goal, variant));
            !values.variants.is_empty()
        });
    }
}

/// One goal's values in every variant. Numbers are decimal numbers as strings, because they can have
/// more digits than a JSON number keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GoalValuesResults {
    /// The cap that the sums were made with. Absent without a cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub cap: Option<String>,
    /// A row for each variant in which a unit has a total.
    pub results: Vec<VariantValuesResults>,
}

/// One goal's values in one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VariantValuesResults {
    /// The variant's name.
    pub label: String,
    /// The sums over all units.
    #[serde(flatten)]
    pub total: SumsResults,
    /// The sums over the units whose first event with a value stated an allocation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allocations: Vec<AllocationSumsResults>,
}

/// The values of one allocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllocationSumsResults {
    /// The allocation's number.
    pub allocation: AllocationNumber,
    /// The sums over its units.
    #[serde(flatten)]
    pub sums: SumsResults,
}

/// Sums over the totals of some units. Each total is between -cap and cap if there is a cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SumsResults {
    /// How many units sent a value. It is exact in every way of counting.
    pub units: u64,
    /// The sum of their totals, in the goal's unit.
    pub sum: String,
    /// The sum of their squared totals.
    pub sum_of_squares: String,
    /// The largest absolute total that one of them has had, without the cap.
    pub largest: String,
}

impl From<&Sums> for SumsResults {
    fn from(sums: &Sums) -> Self {
        let decimals = usize::from(MAX_DECIMALS);
        Self {
            units: sums.units,
            sum: decimal(sums.sum, decimals),
            sum_of_squares: decimal(sums.squares, 2 * decimals),
            largest: decimal(sums.largest.into(), decimals),
        }
    }
}

impl From<&GoalValues> for GoalValuesResults {
    fn from(values: &GoalValues) -> Self {
        let allocation = |(allocation, sums): (&AllocationNumber, &Sums)| AllocationSumsResults {
            allocation: *allocation,
            sums: sums.into(),
        };
        let variant = |(variant, values): (&Variant, &VariantValues)| VariantValuesResults {
            label: variant.to_string(),
            total: (&values.total).into(),
            allocations: values.allocations.iter().map(allocation).collect(),
        };
        Self {
            cap: values.cap.map(|cap| cap.to_string()),
            results: values.variants.iter().map(variant).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(number: i64) -> Amount {
        Amount::from_ten_thousandths(number).unwrap()
    }

    #[test]
    fn sums_are_written_in_the_unit_of_the_goal() {
        let mut sums = Sums::default();
        sums.replace(None, amount(-199_900), None);
        sums.replace(None, amount(1), None);
        let written = SumsResults::from(&sums);
        assert_eq!((&*written.sum, &*written.sum_of_squares), ("-19.9899", "399.60010001"));
        assert_eq!((written.units, &*written.largest), (2, "19.99"));
    }

    #[test]
    fn the_largest_amounts_of_many_units_fit() {
        let most = i128::from(Amount::MAX.ten_thousandths());
        assert!(
            most.checked_mul(most).and_then(|square| square.checked_mul(100_000_000)).is_some()
        );
    }

    proptest! {
        #[test]
        fn replaced_totals_add_up_as_the_last_totals_do(
            totals in prop::collection::vec((0..5_usize, -1_000_000..1_000_000_i64), 0..60),
            cap in prop::option::of(1..1_000_000_i64),
        ) {
            let cap = cap.map(amount);
            let (mut sums, mut last) = (Sums::default(), [None; 5]);
            for (unit, total) in totals {
                let before = last[unit].replace(amount(total));
                sums.replace(before, amount(total), cap);
            }
            let mut plain = Sums { largest: sums.largest, ..Sums::default() };
            last.into_iter().flatten().for_each(|total| plain.replace(None, total, cap));
            prop_assert_eq!(sums, plain);
        }
    }
}

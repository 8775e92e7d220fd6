//! The buckets of each variant, and how they move when weights change.

use std::collections::BTreeMap;

use abtest_model::Variant;
use abtest_model::definition::{BUCKETS, Range};

use crate::slots::{cut_end, size};

/// The buckets of each variant, ascending.
pub type Ranges = BTreeMap<Variant, Vec<Range>>;

/// How many buckets each variant gets: the largest remainders of the weights' shares get the
/// buckets that rounding down leaves. Equal remainders go to the earlier variant.
///
/// A weight of 0 gets no bucket. If no weight is above 0, all variants get none.
#[must_use]
pub fn sizes(order: &[Variant], weights: &BTreeMap<Variant, f64>) -> Vec<u16> {
    let weight = |variant: &Variant| weights.get(variant).copied().unwrap_or_default().max(0.0);
    let total: f64 = order.iter().map(weight).sum();
    if total <= 0.0 {
        return vec![0; order.len()];
    }
    let shares: Vec<f64> =
        order.iter().map(|variant| weight(variant) / total * f64::from(BUCKETS)).collect();
    let mut sizes: Vec<u16> = shares.iter().map(|share| share.floor() as u16).collect();
    let missing = usize::from(BUCKETS.saturating_sub(sizes.iter().sum()));
    let mut by_remainder: Vec<usize> = (0..order.len()).filter(|i| shares[*i] > 0.0).collect();
    by_remainder.sort_by(|a, b| shares[*b].fract().total_cmp(&shares[*a].fract()).then(a.cmp(b)));
    for index in by_remainder.into_iter().cycle().take(missing) {
        sizes[index] += 1;
    }
    sizes
}

/// The first allocation: one range per variant, in the order of the variants.
#[must_use]
pub fn first(order: &[Variant], weights: &BTreeMap<Variant, f64>) -> Ranges {
    let mut next = 0;
    let ranges = order.iter().zip(sizes(order, weights)).map(|(variant, size)| {
        let range = Range::new(next, next + size);
        next += size;
        (variant.clone(), range.into_iter().collect())
    });
    ranges.collect()
}

/// The allocation after a change of weights. Only the surplus moves: a variant that loses gives up
/// the ends of its last ranges; gaining variants, in the order of the variants, take the freed
/// pieces in ascending order. Buckets of variants that no longer exist are freed as well.
#[must_use]
pub fn rebalanced(
    previous: &Ranges,
    order: &[Variant],
    weights: &BTreeMap<Variant, f64>,
) -> Ranges {
    let targets = sizes(order, weights);
    let mut ranges: Ranges = Ranges::new();
    let gone = previous.iter().filter(|(variant, _)| !order.contains(variant));
    let mut freed: Vec<Range> = gone.flat_map(|(_, ranges)| ranges.clone()).collect();
    for (variant, target) in order.iter().zip(&targets) {
        let mut own = previous.get(variant).cloned().unwrap_or_default();
        let surplus = size(&own).saturating_sub(*target);
        freed.extend(cut_end(&mut own, surplus));
        ranges.insert(variant.clone(), own);
    }
    freed.sort_unstable();
    let mut freed = freed.into_iter();
    let mut piece: Option<Range> = None;
    for (variant, target) in order.iter().zip(&targets) {
        let Some(own) = ranges.get_mut(variant) else { continue };
        let mut missing = target.saturating_sub(size(own));
        while missing > 0 {
            let Some(next) = piece.take().or_else(|| freed.next()) else { break };
            let middle = next.from() + next.size().min(missing);
            missing -= middle - next.from();
            own.extend(Range::new(next.from(), middle));
            piece = Range::new(middle, next.to());
        }
        *own = joined(std::mem::take(own));
    }
    ranges
}

/// The ranges in ascending order, with touching ones joined.
fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let touching = joined.last().filter(|last| last.to() == range.from()).copied();
        match touching.and_then(|last| Range::new(last.from(), range.to())) {
            Some(both) => {
                joined.pop();
                joined.push(both);
            }
            None => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(count: usize) -> Vec<Variant> {
        (0..count).map(|index| Variant::new(format!("v{index}")).unwrap()).collect()
    }

    fn weights(order: &[Variant], values: &[f64]) -> BTreeMap<Variant, f64> {
        order.iter().cloned().zip(values.iter().copied()).collect()
    }

    fn pairs(ranges: &Ranges) -> Vec<Vec<(u16, u16)>> {
        let pairs = |list: &Vec<Range>| list.iter().map(|r| (r.from(), r.to())).collect();
        ranges.values().map(pairs).collect()
    }

    /// The owner of each bucket.
    fn owners(ranges: &Ranges, order: &[Variant]) -> Vec<Option<usize>> {
        let mut owners = vec![None; usize::from(BUCKETS)];
        for (index, variant) in order.iter().enumerate() {
            for range in &ranges[variant] {
                for bucket in range.from()..range.to() {
                    assert_eq!(owners[usize::from(bucket)], None, "bucket {bucket} has two owners");
                    owners[usize::from(bucket)] = Some(index);
                }
            }
        }
        owners
    }

    #[test]
    fn the_largest_remainders_get_the_remaining_buckets() {
        let order = names(3);
        assert_eq!(sizes(&order, &weights(&order, &[1.0, 1.0, 1.0])), [3_334, 3_333, 3_333]);
        assert_eq!(sizes(&order, &weights(&order, &[0.0, 1.0, 2.0])), [0, 3_333, 6_667]);
        assert_eq!(sizes(&order, &weights(&order, &[0.0, 0.0, 0.0])), [0, 0, 0]);
        assert_eq!(sizes(&order, &weights(&order, &[1e-9, 1.0, 1.0])), [0, 5_000, 5_000]);
    }

    #[test]
    fn a_loser_gives_up_the_end_and_gainers_take_the_pieces_in_ascending_order() {
        let order = names(3);
        let start = first(&order, &weights(&order, &[50.0, 50.0, 0.0]));
        assert_eq!(pairs(&start), [vec![(0, 5_000)], vec![(5_000, 10_000)], vec![]]);
        let later = rebalanced(&start, &order, &weights(&order, &[40.0, 40.0, 20.0]));
        assert_eq!(
            pairs(&later),
            [vec![(0, 4_000)], vec![(5_000, 9_000)], vec![(4_000, 5_000), (9_000, 10_000)]]
        );
        let last = rebalanced(&later, &order, &weights(&order, &[45.0, 45.0, 10.0]));
        assert_eq!(
            pairs(&last),
            [
                vec![(0, 4_000), (9_000, 9_500)],
                vec![(5_000, 9_000), (9_500, 10_000)],
                vec![(4_000, 5_000)]
            ]
        );
    }

    proptest! {
        #[test]
        fn any_sequence_of_weight_changes_moves_exactly_the_surplus(
            count in 1usize..6,
            changes in prop::collection::vec(prop::array::uniform5(0u32..100), 1..6),
        ) {
            let order = names(count);
            let mut current: Option<Ranges> = None;
            for values in changes {
                let values: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
                let weights = weights(&order, &values[..count.min(5)]);
                if weights.values().sum::<f64>() == 0.0 {
                    continue;
                }
                let next = match &current {
                    None => first(&order, &weights),
                    Some(before) => rebalanced(before, &order, &weights),
                };
                let after = owners(&next, &order);
                prop_assert!(after.iter().all(Option::is_some));
                let targets = sizes(&order, &weights);
                let mut found = vec![0u16; order.len()];
                for owner in after.iter().flatten() {
                    found[*owner] += 1;
                }
                prop_assert_eq!(&found, &targets);
                if let Some(before) = &current {
                    let moved = owners(before, &order).iter().zip(&after).filter(|(a, b)| a != b).count();
                    let surplus: u16 = order
                        .iter()
                        .zip(&targets)
                        .map(|(variant, target)| size(&before[variant]).saturating_sub(*target))
                        .sum();
                    prop_assert_eq!(moved, usize::from(surplus));
                }
                current = Some(next);
            }
        }
    }
}

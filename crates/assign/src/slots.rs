//! The slots of a ring, and which experiment holds them.

use std::collections::BTreeMap;

use abtest_model::definition::{BUCKETS, Range};
use serde::{Deserialize, Serialize};

/// Who holds which slots of a ring. A layer has one table for its experiments; an experiment
/// without a layer has a ring of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotTable {
    holders: BTreeMap<String, Vec<Range>>,
}

/// A ring without enough free slots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the layer has {} of its traffic free and {} more is needed; it is held by {}; lower the \
     traffic of one of them, or use another layer",
    percent(*.free), percent(*.needed),
    holders.iter().map(|(name, slots)| format!("{name} ({})", percent(*slots))).collect::<Vec<_>>().join(", ")
)]
pub struct FullRing {
    /// Slots that are needed in addition.
    pub needed: u16,
    /// Slots that are free.
    pub free: u16,
    /// The experiments that hold slots, with their numbers of slots, largest first.
    pub holders: Vec<(String, u16)>,
}

/// Slots that overlap with those of another experiment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("slots {range:?} are held by {holder}", range = (.range.from(), .range.to()))]
pub struct TakenSlots {
    /// The range that is wanted.
    pub range: Range,
    /// The experiment that holds a part of it.
    pub holder: String,
}

impl SlotTable {
    /// The slots of an experiment, in the order in which they were added.
    #[must_use]
    pub fn of(&self, experiment: &str) -> &[Range] {
        self.holders.get(experiment).map_or(&[], Vec::as_slice)
    }

    /// The slots that no experiment holds.
    #[must_use]
    pub fn free_slots(&self) -> u16 {
        size(&self.free())
    }

    /// The experiments with their numbers of slots, largest first.
    #[must_use]
    pub fn holders(&self) -> Vec<(String, u16)> {
        let mut holders: Vec<(String, u16)> =
            self.holders.iter().map(|(name, ranges)| (name.clone(), size(ranges))).collect();
        holders.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        holders
    }

    /// Gives the experiment exactly `slots` slots. It keeps those that it has: growing adds the
    /// lowest free slots, shrinking removes from the end of those added last.
    ///
    /// # Errors
    /// When fewer slots are free than needed. The table is unchanged then.
    pub fn resize(&mut self, experiment: &str, slots: u16) -> Result<(), FullRing> {
        let held = size(self.of(experiment));
        if slots > held {
            self.grow(experiment, slots - held)
        } else {
            self.shrink(experiment, held - slots);
            Ok(())
        }
    }

    /// Gives the experiment these slots, for an import.
    ///
    /// # Errors
    /// When another experiment holds one of them, or two of the ranges overlap. The table is
    /// unchanged then.
    pub fn place(&mut self, experiment: &str, ranges: &[Range]) -> Result<(), TakenSlots> {
        let overlaps = |a: &Range, b: &Range| a.from() < b.to() && b.from() < a.to();
        for (index, range) in ranges.iter().enumerate() {
            let others = self.holders.iter().filter(|(name, _)| *name != experiment);
            let taken = others
                .flat_map(|(name, held)| held.iter().map(move |other| (name, other)))
                .find(|(_, other)| overlaps(range, other))
                .map(|(name, _)| name.clone());
            let twice = ranges[..index].iter().any(|other| overlaps(range, other));
            if let Some(holder) = taken.or_else(|| twice.then(|| experiment.to_owned())) {
                return Err(TakenSlots { range: *range, holder });
            }
        }
        self.put(experiment, ranges.to_vec());
        Ok(())
    }

    fn grow(&mut self, experiment: &str, needed: u16) -> Result<(), FullRing> {
        let free = self.free();
        if size(&free) < needed {
            return Err(FullRing { needed, free: size(&free), holders: self.holders() });
        }
        let mut ranges = self.of(experiment).to_vec();
        let mut missing = needed;
        for gap in free {
            let taken = gap.size().min(missing);
            append(&mut ranges, gap.from(), gap.from() + taken);
            missing -= taken;
            if missing == 0 {
                break;
            }
        }
        self.put(experiment, ranges);
        Ok(())
    }

    fn shrink(&mut self, experiment: &str, surplus: u16) {
        let mut ranges = self.of(experiment).to_vec();
        cut_end(&mut ranges, surplus);
        self.put(experiment, ranges);
    }

    fn put(&mut self, experiment: &str, ranges: Vec<Range>) {
        if ranges.is_empty() {
            self.holders.remove(experiment);
        } else {
            self.holders.insert(experiment.to_owned(), ranges);
        }
    }

    /// The gaps between all held ranges, ascending.
    fn free(&self) -> Vec<Range> {
        let mut held: Vec<Range> = self.holders.values().flatten().copied().collect();
        held.sort_unstable();
        let mut gaps = Vec::new();
        let mut next = 0;
        for range in held {
            gaps.extend(Range::new(next, range.from()));
            next = next.max(range.to());
        }
        gaps.extend(Range::new(next, BUCKETS));
        gaps
    }
}

/// The number of slots or buckets in ranges that do not overlap.
pub(crate) fn size(ranges: &[Range]) -> u16 {
    ranges.iter().map(|range| range.size()).sum()
}

/// Removes `surplus` slots from the end of the last ranges, and returns them, last first.
pub(crate) fn cut_end(ranges: &mut Vec<Range>, surplus: u16) -> Vec<Range> {
    let mut missing = surplus;
    let mut freed = Vec::new();
    while missing > 0 {
        let Some(last) = ranges.pop() else { break };
        let taken = last.size().min(missing);
        ranges.extend(Range::new(last.from(), last.to() - taken));
        freed.extend(Range::new(last.to() - taken, last.to()));
        missing -= taken;
    }
    freed
}

/// Adds a range at the end, joined with the last one if they touch.
fn append(ranges: &mut Vec<Range>, from: u16, to: u16) {
    let joined =
        ranges.last().filter(|last| last.to() == from).and_then(|l| Range::new(l.from(), to));
    match joined {
        Some(joined) => {
            ranges.pop();
            ranges.push(joined);
        }
        None => ranges.extend(Range::new(from, to)),
    }
}

fn percent(slots: u16) -> String {
    format!("{}%", f64::from(slots) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges(pairs: &[(u16, u16)]) -> Vec<Range> {
        pairs.iter().map(|(from, to)| Range::new(*from, *to).unwrap()).collect()
    }

    #[test]
    fn growing_takes_the_lowest_free_slots_and_shrinking_returns_the_last() {
        let mut table = SlotTable::default();
        table.resize("a", 100).unwrap();
        table.resize("b", 50).unwrap();
        table.resize("a", 120).unwrap();
        assert_eq!(table.of("a"), ranges(&[(0, 100), (150, 170)]));
        table.resize("b", 0).unwrap();
        table.resize("a", 200).unwrap();
        assert_eq!(table.of("a"), ranges(&[(0, 100), (150, 170), (100, 150), (170, 200)]));
        table.resize("a", 160).unwrap();
        assert_eq!(table.of("a"), ranges(&[(0, 100), (150, 170), (100, 140)]));
    }

    #[test]
    fn a_full_ring_lists_its_holders_and_stays_unchanged() {
        let mut table = SlotTable::default();
        table.resize("a", 2_000).unwrap();
        table.resize("b", 7_000).unwrap();
        let before = table.clone();
        let full = table.resize("c", 1_500).unwrap_err();
        assert_eq!(full.holders, [("b".to_owned(), 7_000), ("a".to_owned(), 2_000)]);
        assert!(full.to_string().contains("held by b (70%), a (20%)"), "{full}");
        assert_eq!(table, before);
    }

    #[test]
    fn imported_slots_must_be_free() {
        let mut table = SlotTable::default();
        table.place("a", &ranges(&[(10, 20), (0, 5)])).unwrap();
        assert_eq!(table.place("b", &ranges(&[(5, 11)])).unwrap_err().holder, "a");
        assert_eq!(table.place("b", &ranges(&[(20, 30), (25, 40)])).unwrap_err().holder, "b");
        assert!(table.of("b").is_empty());
        table.place("b", &ranges(&[(5, 10), (20, 10_000)])).unwrap();
    }

    proptest! {
        #[test]
        fn experiments_of_one_layer_never_share_a_slot(
            steps in prop::collection::vec((0usize..5, 0u16..4_000), 1..40),
        ) {
            let mut table = SlotTable::default();
            for (experiment, slots) in steps {
                let experiment = experiment.to_string();
                let before = table.of(&experiment).to_vec();
                let resized = table.resize(&experiment, slots);
                let mut owners = vec![0u8; usize::from(BUCKETS)];
                for range in table.holders.values().flatten() {
                    for slot in range.from()..range.to() {
                        owners[usize::from(slot)] += 1;
                    }
                }
                prop_assert!(owners.iter().all(|count| *count <= 1));
                if resized.is_ok() {
                    prop_assert_eq!(size(table.of(&experiment)), slots);
                    let kept = |slot: u16, ranges: &[Range]| ranges.iter().any(|r| r.contains(slot));
                    if slots >= size(&before) {
                        let all = before.iter().flat_map(|range| range.from()..range.to());
                        for slot in all {
                            prop_assert!(kept(slot, table.of(&experiment)));
                        }
                    }
                } else {
                    prop_assert_eq!(table.of(&experiment), before);
                }
            }
        }

        #[test]
        fn ramping_up_and_down_again_gives_the_same_slots(
            others in prop::collection::vec((0usize..3, 0u16..2_000), 0..8),
            low in 0u16..2_000,
            more in 0u16..2_000,
        ) {
            let mut table = SlotTable::default();
            for (experiment, slots) in others {
                let _ = table.resize(&experiment.to_string(), slots);
            }
            if table.resize("mine", low).is_ok() {
                let before = table.clone();
                if table.resize("mine", low + more).is_ok() {
                    table.resize("mine", low).unwrap();
                    prop_assert_eq!(table, before);
                }
            }
        }
    }
}

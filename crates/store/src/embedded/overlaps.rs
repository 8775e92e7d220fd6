//! Compares the uuids of counters, outside of the writer's thread. The number of uuids that are looked
//! at is bounded. Of a large counter it is a part that starts at a random place, another one each time.

use std::hash::{BuildHasher, Hasher, RandomState};

use abtest_model::{Goal, Variant};
use fjall::Keyspace;

use super::catalog::Counter;
use crate::overlaps::{MOST_COUNTERS, Overlaps, Share, Strangers};

/// Uuids that are looked at in all: some 50 milliseconds.
const LOOKED_AT: usize = 20_000;

/// The counters of an experiment and where their uuids are. While it exists, a folder whose disk failed
/// cannot be opened again, so it must not live long.
pub(super) struct Comparison {
    pub(super) seen: Keyspace,
    pub(super) counters: Vec<ComparedCounter>,
}

/// A counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ComparedCounter {
    pub(super) goal: Goal,
    pub(super) variant: Variant,
    pub(super) counter: Counter,
}

impl Comparison {
    pub(super) fn run(mut self) -> fjall::Result<Overlaps> {
        self.counters.sort_by_key(|counter| std::cmp::Reverse(counter.counter.count));
        let (mut participants, mut goals): (Vec<_>, Vec<_>) =
            self.counters.iter().partition(|counter| counter.goal.is_participation());
        participants.truncate(MOST_COUNTERS);
        goals.truncate(MOST_COUNTERS);
        let most = LOOKED_AT / (participants.len() + goals.len()).max(1);
        let mut overlaps = Overlaps::default();
        for counter in goals {
            let of_variant = participants.iter().find(|other| other.variant == counter.variant);
            let ids: Vec<u64> = of_variant.iter().map(|other| other.counter.id).collect();
            let share = self.share(counter, &ids, most, |is_participant| !is_participant)?;
            let (goal, variant) = (counter.goal.clone(), counter.variant.clone());
            overlaps.strangers.push(Strangers { goal, variant, share });
        }
        if participants.len() > 1 {
            let mut sum = Share::default();
            for (position, counter) in participants.iter().enumerate() {
                // Each unit counts once for each further variant, as in the size of a union.
                let before: Vec<u64> =
                    participants[..position].iter().map(|other| other.counter.id).collect();
                let share = self.share(counter, &before, most, |is_elsewhere| is_elsewhere)?;
                sum.looked_at += share.looked_at;
                sum.found += share.found;
            }
            overlaps.in_several = Some(sum);
        }
        Ok(overlaps)
    }

    /// How many uuids of a counter have the property that follows from whether one of the others has
    /// them.
    fn share(
        &self,
        counter: &ComparedCounter,
        others: &[u64],
        most: usize,
        has_property: impl Fn(bool) -> bool,
    ) -> fjall::Result<Share> {
        let mut share = Share::default();
        let begin = counter.counter.id.to_be_bytes().to_vec();
        let end = (counter.counter.id + 1).to_be_bytes().to_vec();
        let middle = [&begin[..], random_text().as_bytes()].concat();
        let (from_middle, to_middle) = (middle.clone()..end, begin..middle);
        for entry in self.seen.range(from_middle).chain(self.seen.range(to_middle)).take(most) {
            let key = entry.key()?;
            let mut is_there = false;
            for other in others {
                let key = [&other.to_be_bytes()[..], &key[8..]].concat();
                is_there |= self.seen.contains_key(key)?;
            }
            share.looked_at += 1;
            share.found += u64::from(has_property(is_there));
        }
        Ok(share)
    }
}

/// Random hexadecimal digits, as most uuids begin.
fn random_text() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

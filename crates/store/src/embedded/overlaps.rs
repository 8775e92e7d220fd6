//! Compares the uuids of counters, outside of the writer's thread. The number of uuids that are looked
//! at is bounded. They are spread evenly over the counter, or, if the counter is large, come from many
//! random places, other ones each time.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use abtest_model::{Goal, Variant};
use fjall::Keyspace;

use super::catalog::Counter;
use crate::overlaps::{MOST_COUNTERS, Overlaps, Share, Strangers};

/// Uuids that are looked at in all: some 50 milliseconds.
const LOOKED_AT: usize = 20_000;

/// Uuids that are passed over in all, to spread those that are looked at: some 100 milliseconds.
const PASSED: usize = 200_000;

/// The places of a large counter where uuids are looked at.
const PLACES: usize = 50;

/// The counters of an experiment and where their uuids are. While it exists, a folder whose disk failed
/// cannot be opened again, so it must not live long.
pub(super) struct Comparison {
    pub(super) seen: Keyspace,
    pub(super) counters: Vec<ComparedCounter>,
}

/// What looking at one counter may cost.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Most uuids that are looked at.
    looked_at: usize,
    /// Most uuids that are passed over.
    passed: usize,
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
        let compared = (participants.len() + goals.len()).max(1);
        let bounds = Bounds { looked_at: LOOKED_AT / compared, passed: PASSED / compared };
        let mut overlaps = Overlaps::default();
        for counter in goals {
            let of_variant = participants.iter().find(|other| other.variant == counter.variant);
            let ids: Vec<u64> = of_variant.iter().map(|other| other.counter.id).collect();
            let share = self.share(counter, &ids, bounds, |is_participant| !is_participant)?;
            let (goal, variant) = (counter.goal.clone(), counter.variant.clone());
            overlaps.strangers.push(Strangers { goal, variant, share });
        }
        if participants.len() > 1 {
            let mut sum = Share::default();
            for (position, counter) in participants.iter().enumerate() {
                // Each unit counts once for each further variant, as in the size of a union.
                let before: Vec<u64> =
                    participants[..position].iter().map(|other| other.counter.id).collect();
                let share = self.share(counter, &before, bounds, |is_elsewhere| is_elsewhere)?;
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
        bounds: Bounds,
        has_property: impl Fn(bool) -> bool,
    ) -> fjall::Result<Share> {
        let mut share = Share::default();
        for key in self.sample(counter.counter, bounds)? {
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

    /// Keys of some of a counter's uuids.
    fn sample(&self, counter: Counter, bounds: Bounds) -> fjall::Result<BTreeSet<Vec<u8>>> {
        let count = usize::try_from(counter.count).unwrap_or(usize::MAX);
        if count > bounds.passed {
            return self.sample_places(counter, bounds.looked_at);
        }
        let step = count.div_ceil(bounds.looked_at.max(1)).max(1);
        let keys = self.seen.range(keys_of(counter)).skip(below(step)).step_by(step);
        keys.map(|entry| Ok(entry.key()?.to_vec())).collect()
    }

    /// Keys that follow random places. A place is an existing key of which a random part is replaced, so
    /// that all kinds of uuids are found, whatever they begin with.
    fn sample_places(&self, counter: Counter, most: usize) -> fjall::Result<BTreeSet<Vec<u8>>> {
        let mut known = Vec::new();
        let (mut first, mut last) =
            (self.seen.range(keys_of(counter)), self.seen.range(keys_of(counter)).rev());
        for entry in first.next().into_iter().chain(last.next()) {
            known.push(entry.key()?.to_vec());
        }
        let mut sample = BTreeSet::new();
        if known.is_empty() {
            return Ok(sample);
        }
        for place in 0..PLACES {
            let start = altered(&known[below(known.len())]);
            let (to_end, from_begin) = (start.clone()..keys_of(counter).end, keys_of(counter));
            let entries = self.seen.range(to_end).chain(self.seen.range(from_begin.start..start));
            // The last places have what others left over because they overlap.
            let share = most.saturating_sub(sample.len()) / (PLACES - place);
            for (position, entry) in entries.take(share).enumerate() {
                let key = entry.key()?.to_vec();
                if position == 0 {
                    known.push(key.clone());
                }
                sample.insert(key);
            }
        }
        Ok(sample)
    }
}

/// The keys of a counter's uuids: its id, then the uuid.
fn keys_of(counter: Counter) -> std::ops::Range<Vec<u8>> {
    counter.id.to_be_bytes().to_vec()..(counter.id + 1).to_be_bytes().to_vec()
}

/// A key with the same beginning as this one, of random length, and other characters after it.
fn altered(key: &[u8]) -> Vec<u8> {
    const PRINTABLE: std::ops::RangeInclusive<u8> = b' '..=b'~';
    let kept = 8 + below(key.len().saturating_sub(8).max(1));
    let mut place = key[..kept.min(key.len())].to_vec();
    // Most uuids go on with a digit, but names may have anything.
    place.push(match below(2) {
        0 => PRINTABLE.start() + below(PRINTABLE.len()) as u8,
        _ => random_text().as_bytes()[0],
    });
    place.extend(random_text().as_bytes());
    place
}

/// A random number below this one.
fn below(bound: usize) -> usize {
    (random() % bound.max(1) as u64) as usize
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Random hexadecimal digits.
fn random_text() -> String {
    format!("{:016x}", random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fjall::{Database, KeyspaceCreateOptions};

    /// Counters of `user-0` to `user-2999`, of which the goal has as many `visitor-N` on top.
    fn comparison(folder: &std::path::Path) -> Comparison {
        let database = Database::builder(folder).open().unwrap();
        let seen = database.keyspace("seen", KeyspaceCreateOptions::default).unwrap();
        let mut counters = Vec::new();
        for (id, goal, kinds) in
            [(1_u64, "participate", &["user"][..]), (2, "buy", &["user", "visitor"])]
        {
            for kind in kinds {
                for number in 0..3_000 {
                    let uuid = format!("{kind}-{number}");
                    seen.insert([&id.to_be_bytes()[..], uuid.as_bytes()].concat(), []).unwrap();
                }
            }
            counters.push(ComparedCounter {
                goal: Goal::new(goal).unwrap(),
                variant: Variant::new("v").unwrap(),
                counter: Counter { id, count: 3_000 * kinds.len() as u64 },
            });
        }
        Comparison { seen, counters }
    }

    #[test]
    fn strangers_are_found_whatever_their_uuids_begin_with() {
        let folder = tempfile::tempdir().unwrap();
        let comparison = comparison(folder.path());
        let goal = &comparison.counters[1];
        for passed in [100_000, 100] {
            for _ in 0..20 {
                let bounds = Bounds { looked_at: 500, passed };
                let share = comparison.share(goal, &[1], bounds, |is_there| !is_there).unwrap();
                assert!((100..=500).contains(&share.looked_at), "{share:?}");
                let found = share.found as f64 / share.looked_at as f64;
                assert!((0.05..=0.95).contains(&found), "{share:?}, {passed} passed");
            }
        }
    }

    #[test]
    fn a_counter_that_is_small_enough_is_looked_at_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let comparison = comparison(folder.path());
        let overlaps = comparison.run().unwrap();
        let share = Share { looked_at: 6_000, found: 3_000, error: 0.0 };
        assert_eq!(overlaps.strangers[0].share, share);
    }
}

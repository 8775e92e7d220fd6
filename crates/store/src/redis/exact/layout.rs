//! How Redis holds the uuids of an exact counter.
//!
//! A uuid is hashed (SipHash-2-4, 128 bits) with the counter's own secret seed. Of the hash are
//! used: 5 digits of 5 bits (`0` to `9`, `a` to `v`), the *path*; 7 bits, the *group*; and 32 bits,
//! the *mark*.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `{abtest}:namespaces` | set | namespaces with such experiments |
//! | `{abtest}:NS:experiments` | set | the experiments of a namespace |
//! | `{abtest}:NS:count` | number | how many counters they have |
//! | `{abtest}:NS:EXP:counters` | hash | by `GOAL:VARIANT`, the counter's id and seed |
//! | `{abtest}:deleted` | hash | ids of deleted counters whose keys are still to be removed |
//! | `{abtest}:new` | hash | when the limits per hour are free again: see `new_names.lua` |
//! | `{abtest}:imports` | hash | when each running import was last active, in Unix seconds |
//! | `{abtest}:import:IMPORT` | set | ids of the counters that an import has staged |
//! | `{abtest}:NS:EXP:imported` | string | digest of an export that is not yet imported to its end |
//! | `{abtest}:NS:EXP:values` | hash | ids and seeds of ledgers: see `values/layout.rs` |
//! | `abtest:{ID}` | hash | the counter's state: count, deepest level, new uuids by UTC day and, as `a:N`, by allocation |
//! | `abtest:{ID}:PATH` | hash | a bucket: by group, the marks in it, one after another |
//!
//! Level *l* has 32^*l* buckets, named by the first *l* digits of the path, with 128 groups each.
//! The count decides which level a new mark joins: level *l* begins at 1,024 · 32^(*l*-1) uuids, when
//! the groups of the level before hold at most 8 marks on average. A group is full at 16 marks;
//! further marks go to the next group. Redis packs a hash of at most 128 fields
//! (`hash-max-listpack-entries`) of at most 64 bytes (`hash-max-listpack-value`) into one piece of
//! memory. So a mark costs its 4 bytes, a part of the 4 bytes of its group, and very little of the
//! 100 bytes of a key.
//!
//! # What is lost
//!
//! A new uuid counts as a duplicate if its mark is already in its group on some level: path, group
//! and 32 more bits are the same. A full level has 8 marks per group on average, so each level
//! loses at most 8/2^32 = 1.9e-9 of the events. `docs/exact-counting.md` derives this per level.
//!
//! The seed is secret, so an attacker cannot choose uuids that share a bucket.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// The deepest level.
pub(in crate::redis) const LAST_LEVEL: u8 = 5;

/// Bits of a path's digit.
const DIGIT: u32 = 5;

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Groups in a bucket.
pub(super) const GROUPS: u8 = 128;

/// Bytes of a mark.
pub(super) const MARK: usize = 4;

/// When the next level begins and when a group is full. All processes that count into one Redis
/// use the same. Tests lower them to reach deep levels early.
#[derive(Debug, Clone, Copy)]
pub struct Boundaries {
    /// Uuids at which level 1 begins.
    pub first: u32,
    /// Marks in a full group.
    pub group: u32,
}

impl Boundaries {
    /// Bytes in a full group.
    pub(super) fn full(self) -> u32 {
        self.group * 4
    }
}

impl Default for Boundaries {
    fn default() -> Self {
        Self { first: 1_024, group: 16 }
    }
}

/// A counter's id and its seed, as the registry has them: 16 and 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::redis) struct Identity {
    id: String,
    seed: [u8; 16],
}

impl Identity {
    /// A new, unpredictable identity.
    pub(in crate::redis) fn random() -> String {
        Self::fresh(&uuid::Uuid::new_v4().simple().to_string())
    }

    /// A new id with a given seed.
    pub(in crate::redis) fn fresh(seed: &str) -> String {
        format!("{}{seed}", &uuid::Uuid::new_v4().simple().to_string()[16..])
    }

    /// Reads what the registry has.
    pub(in crate::redis) fn read(text: &str) -> Option<Self> {
        let (id, seed) = text.split_at_checked(16)?;
        let digits = seed.len() == 32 && seed.bytes().all(|digit| digit.is_ascii_hexdigit());
        let seed = digits.then(|| u128::from_str_radix(seed, 16).ok())??;
        Some(Self { id: id.to_owned(), seed: seed.to_be_bytes() })
    }

    pub(in crate::redis) fn id(&self) -> &str {
        &self.id
    }

    /// What the registry has.
    pub(in crate::redis) fn text(&self) -> String {
        format!("{}{}", self.id, self.seed())
    }

    /// The seed as 32 hexadecimal digits.
    pub(in crate::redis) fn seed(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.seed))
    }

    pub(in crate::redis) fn state_key(&self) -> String {
        state_key(&self.id)
    }

    /// The hash of a text that is given in parts.
    pub(in crate::redis) fn hash(&self, parts: &[&str]) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.seed);
        parts.iter().for_each(|part| hasher.write(part.as_bytes()));
        hasher.finish128().as_u128()
    }

    /// Where a uuid lies.
    pub(super) fn place(&self, uuid: &str) -> Place {
        let hash = self.hash(&[uuid]);
        // From the top 25 bits for the path and 7 for the group, then 32 for the mark.
        Place {
            path: path(LAST_LEVEL, (hash >> 103) as u64),
            group: (hash >> 96) as u8 & 0x7f,
            mark: ((hash >> 64) as u32).to_be_bytes(),
        }
    }

    /// One of the buckets of a level, counted from 0.
    pub(in crate::redis) fn numbered_bucket_key(&self, level: u8, number: u64) -> String {
        numbered_bucket_key(&self.id, level, number)
    }

    /// The bucket with a path.
    pub(super) fn path_key(&self, path: &str) -> String {
        bucket_key(&self.id, path)
    }

    /// The bucket of a place on a level.
    pub(super) fn bucket_key(&self, place: &Place, level: u8) -> String {
        bucket_key(&self.id, &place.path[..level.into()])
    }
}

pub(super) fn state_key(id: &str) -> String {
    format!("abtest:{{{id}}}")
}

pub(in crate::redis) fn bucket_key(id: &str, path: &str) -> String {
    format!("abtest:{{{id}}}:{path}")
}

/// How many buckets a level can have.
pub(in crate::redis) fn buckets(level: u8) -> u64 {
    1 << (DIGIT * u32::from(level))
}

/// One of the buckets of a level, counted from 0.
pub(super) fn numbered_bucket_key(id: &str, level: u8, number: u64) -> String {
    bucket_key(id, &path(level, number))
}

/// The path of a level's bucket, counted from 0.
pub(super) fn path(level: u8, number: u64) -> String {
    let digit = |position: u32| char::from(DIGITS[(number >> (DIGIT * position)) as usize % 32]);
    (0..level.into()).rev().map(digit).collect()
}

/// Whether a text names a bucket on a level down to `deepest`.
pub(super) fn is_path(path: &str, deepest: u8) -> bool {
    path.len() <= deepest.into() && path.bytes().all(|digit| DIGITS.contains(&digit))
}

/// Where a uuid lies, on whichever level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    path: String,
    pub(super) group: u8,
    pub(super) mark: [u8; MARK],
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn an_identity_reads_as_it_was_written_and_no_two_are_alike() {
        let (one, two) = (Identity::random(), Identity::random());
        assert_eq!(one.len(), 48);
        assert_ne!(one[..16], two[..16]);
        assert_ne!(one[16..], two[16..]);
        let read = Identity::read(&one).unwrap();
        assert_eq!(read.state_key(), format!("abtest:{{{}}}", &one[..16]));
        assert_eq!(Identity::read("abtest"), None);
    }

    fn bucket_keys(id: &str, level: u8) -> impl Iterator<Item = String> {
        (0..buckets(level)).map(move |number| numbered_bucket_key(id, level, number))
    }

    #[test]
    fn every_bucket_of_a_level_is_listed() {
        assert_eq!(bucket_keys("x", 0).collect::<Vec<_>>(), ["abtest:{x}:"]);
        let all: Vec<_> = bucket_keys("x", 2).collect();
        assert_eq!((all.len(), &*all[0], &*all[1_023]), (1_024, "abtest:{x}:00", "abtest:{x}:vv"));
        let identity = Identity::read(&Identity::random()).unwrap();
        for uuid in 0..100 {
            let place = identity.place(&uuid.to_string());
            for level in 0..4 {
                let key = identity.bucket_key(&place, level);
                assert!(bucket_keys(&identity.id, level).any(|listed| listed == key));
            }
        }
    }

    /// Uuids that share the bucket and group of the first, at level 1, under a known seed.
    fn gathered_under(identity: &Identity, count: usize) -> Vec<String> {
        let target = identity.place("0");
        let together = |uuid: &String| {
            let place = identity.place(uuid);
            (&place.path[..1], place.group) == (&target.path[..1], target.group)
        };
        (0..).map(|number: u64| number.to_string()).filter(together).take(count).collect()
    }

    #[test]
    fn uuids_that_were_chosen_without_the_seed_spread_like_any_others() {
        let known = Identity::read(&format!("{:016x}{:032x}", 1, 0)).unwrap();
        let attack = gathered_under(&known, 200);
        let fullest = |identity: &Identity| {
            let mut groups = HashMap::<_, usize>::new();
            for uuid in &attack {
                let place = identity.place(uuid);
                *groups.entry((place.path[..1].to_owned(), place.group)).or_default() += 1;
            }
            groups.into_values().max().unwrap()
        };
        assert_eq!(fullest(&known), 200, "who knows the seed fills one group");
        // 200 in 4,096 groups: six in one are less likely than one in ten million.
        let secret = Identity::read(&Identity::random()).unwrap();
        assert!(fullest(&secret) < 6, "without the secret, no group fills up");
    }
}

//! How Redis holds the totals of units.
//!
//! A goal with values has one *ledger* for all of its variants, so that an id adds once whichever unit
//! sends it. Units and ids are records in buckets. Each is hashed (SipHash-2-4, 128 bits) with the
//! ledger's own secret seed; the hash gives a *path* of 8 octal digits and a *field* of 48 bits.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `{abtest}:NS:EXP:values` | hash | by goal, the ledger's id and seed |
//! | `abtest:{ID}` | hash | the ledger's state, see below |
//! | `abtest:{ID}:PATH` | hash | a bucket: by field, a record |
//!
//! A record of an id is the number of its variant. A record of a unit is the number of its variant, its
//! total in ten-thousandths, and more parts, with colons between: `aN` is the allocation that its first
//! value stated, `d` says that it has a value without an id. Other parts are kept as they are, so that
//! a later version can add some.
//!
//! | field of the state | holds |
//! |---|---|
//! | `records`, `deepest` | how many records there are, and the deepest level in use |
//! | `fan` | 8: how many buckets replace one on the next level |
//! | `v:VARIANT`, `n:NUMBER`, `variants` | the number of a variant, its name, and the last number |
//! | `t:NUMBER`, `t:NUMBER:N` | the sums of a variant, and of it under allocation N |
//! | `cap` | the cap that they were made with |
//! | `recap`, `cursor`, `r:…` | while the cap changes: the new one, the next bucket to visit, and the new sums |
//!
//! Sums are four numbers: how many units, the sum, the sum of squares (decimal numbers of any length),
//! and the largest absolute total.
//!
//! Level *l* has 8^*l* buckets, named by the first *l* digits of the path. The number of records decides
//! which level a new one joins: level *l* begins at 100 · 8^(*l*-1). So a bucket has 88 records on
//! average, and Redis packs up to 128 (`hash-max-listpack-entries`) into one piece of memory.
//!
//! Two records are taken for one if they share a bucket and 48 more bits: at most 128/2^48 = 4.5e-13 of
//! them per level.

use abtest_model::{EventId, Uuid, Variant};

use crate::redis::exact::layout::{Identity, bucket_key};

/// The deepest level.
pub(in crate::redis) const LAST_LEVEL: u8 = 8;

/// Records at which level 1 begins.
pub(super) const FIRST: u64 = 100;

/// Bits of a path's digit.
const DIGIT: u32 = 3;

/// Where a record lies, on whichever level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    path: String,
    pub(super) field: [u8; 6],
}

impl Place {
    /// The path of its bucket on a level.
    pub(super) fn path_on(&self, level: u8) -> &str {
        &self.path[..level.into()]
    }
}

/// Where a unit lies.
pub(super) fn unit_place(ledger: &Identity, variant: &Variant, uuid: &Uuid) -> Place {
    place(ledger.hash(&["u", variant.as_str(), "\0", uuid.as_str()]))
}

/// Where the id of an event lies.
pub(super) fn id_place(ledger: &Identity, id: &EventId) -> Place {
    place(ledger.hash(&["i", id.as_str()]))
}

/// The bucket of a place on a level.
pub(super) fn key_of(ledger: &Identity, place: &Place, level: u8) -> String {
    bucket_key(ledger.id(), place.path_on(level))
}

/// The level of a new record.
pub(super) fn level_of(records: u64) -> u8 {
    (0..LAST_LEVEL)
        .find(|level| records < FIRST << (DIGIT * u32::from(*level)))
        .unwrap_or(LAST_LEVEL)
}

/// How many buckets a level can have.
pub(in crate::redis) fn buckets(level: u8) -> u64 {
    1 << (DIGIT * u32::from(level))
}

/// The path of a level's bucket, counted from 0.
pub(in crate::redis) fn path(level: u8, number: u64) -> String {
    if level == 0 { String::new() } else { format!("{number:0width$o}", width = level.into()) }
}

/// One of the buckets of a level, counted from 0.
pub(in crate::redis) fn numbered_bucket_key(id: &str, level: u8, number: u64) -> String {
    bucket_key(id, &path(level, number))
}

fn place(hash: u128) -> Place {
    // From the top 24 bits for the path, then 48 for the field.
    let field = ((hash >> 56) as u64).to_be_bytes();
    let mut place = Place { path: path(LAST_LEVEL, (hash >> 104) as u64), field: [0; 6] };
    place.field.copy_from_slice(&field[2..]);
    place
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_bucket_of_a_level_is_listed() {
        let ledger = Identity::read(&Identity::random()).unwrap();
        for level in 0..4 {
            let all: HashSet<String> = (0..buckets(level))
                .map(|number| numbered_bucket_key(ledger.id(), level, number))
                .collect();
            assert_eq!(all.len() as u64, buckets(level));
            for id in 0..50 {
                let place = id_place(&ledger, &EventId::new(id.to_string()).unwrap());
                assert!(all.contains(&key_of(&ledger, &place, level)));
            }
        }
    }

    #[test]
    fn units_of_other_variants_and_ids_lie_elsewhere() {
        let ledger = Identity::read(&Identity::random()).unwrap();
        let variant = |name: &str| Variant::new(name).unwrap();
        let unit = |name: &str| unit_place(&ledger, &variant(name), &Uuid::new("1").unwrap());
        assert_ne!(unit("red"), unit("blue"));
        assert_ne!(unit("red"), id_place(&ledger, &EventId::new("1").unwrap()));
        assert_eq!(unit("red"), unit("red"));
    }

    #[test]
    fn a_level_begins_when_the_one_before_is_full() {
        assert_eq!([0, 99, 100, 799, 800, 6_400].map(level_of), [0, 0, 1, 1, 2, 3]);
        assert_eq!(level_of(u64::MAX), LAST_LEVEL);
    }
}

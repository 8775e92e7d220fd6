//! The totals of units, and what they add up to. Sums are in memory, and every commit writes them
//! with the totals that changed.
//!
//! In the keyspace `values` each key begins with a counter's id:
//!
//! | key | value |
//! |---|---|
//! | id, `u`, uuid | the unit's total (8 bytes), 1 if it has a value without an id, else 0 (1 byte), and the number of the allocation that its first value stated, or 0 (4 bytes) |
//! | id, `i`, id of an event | nothing |
//! | id, `s` | [`Sums`] over all units, and the cap that they were made with |
//! | id, `s`, allocation number | [`Sums`] over the units of an allocation |
//!
//! Numbers are big-endian. A unit's value may become longer: what follows is kept as it is.

use std::collections::{BTreeMap, HashMap};

use abtest_model::{
    AllocationNumber, Amount, Event, Experiment, Goal, Namespace, Sums, VariantValues,
};
use fjall::Keyspace;

use super::disk::Changes;
use crate::Refusal;

/// The sums of every counter that has values.
#[derive(Debug, Default)]
pub(super) struct Ledgers {
    /// By the name of the goal, then by the counter's id.
    goals: HashMap<String, BTreeMap<u64, CounterValues>>,
}

/// The sums of one counter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CounterValues {
    pub(super) cap: Option<Amount>,
    pub(super) sums: VariantValues,
}

/// What is stored for a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct UnitTotal {
    pub(super) total: Amount,
    /// Whether it has a value without an id.
    pub(super) has_plain: bool,
    pub(super) allocation: Option<AllocationNumber>,
    rest: Vec<u8>,
}

/// What an event with a value changes.
pub(super) struct Addition {
    unit: (Vec<u8>, UnitTotal),
    before: Option<Amount>,
    id: Option<Vec<u8>>,
}

impl Ledgers {
    /// Takes the sums of a counter as they were found on disk.
    pub(super) fn load(&mut self, goal: String, counter: u64, values: CounterValues) {
        self.goals.entry(goal).or_default().insert(counter, values);
    }

    /// The counters of a goal that have values.
    pub(super) fn counters(&self, goal: &str) -> Vec<u64> {
        self.goals.get(goal).map(|counters| counters.keys().copied().collect()).unwrap_or_default()
    }

    /// Forgets removed counters.
    pub(super) fn remove(&mut self, counters: &[u64]) {
        self.goals.retain(|_, known| {
            known.retain(|id, _| !counters.contains(id));
            !known.is_empty()
        });
    }

    /// Works out what an event adds; `None` if its value was added before. `counter` is `None` for a
    /// counter that does not exist yet.
    pub(super) fn addition(
        &self,
        disk: &Keyspace,
        changes: &Changes,
        event: &Event,
        counter: Option<u64>,
        value: Amount,
    ) -> fjall::Result<Result<Option<Addition>, Refusal>> {
        let goal = goal_name(&event.namespace, &event.experiment, &event.goal);
        if let Some(id) = &event.id {
            for counter in self.counters(&goal) {
                let key = id_key(counter, id.as_str());
                if changes.value_ids.contains(&key) || disk.contains_key(&key)? {
                    return Ok(Ok(None));
                }
            }
        }
        let key = counter.map(|counter| unit_key(counter, event.uuid.as_str()));
        let before = match &key {
            None => None,
            Some(key) => match changes.units.get(key) {
                Some(unit) => Some(unit.clone()),
                None => disk.get(key)?.and_then(|value| UnitTotal::decode(&value)),
            },
        };
        if event.id.is_none() && before.as_ref().is_some_and(|unit| unit.has_plain) {
            return Ok(Ok(None));
        }
        let total = before.as_ref().map(|unit| unit.total);
        let Some(after) = total.unwrap_or_default().plus(value) else {
            return Ok(Err(Refusal::TotalTooLarge));
        };
        let allocation = event.allocation.map(|stated| stated.allocation);
        let mut unit = before.unwrap_or_else(|| UnitTotal { allocation, ..UnitTotal::default() });
        unit.total = after;
        unit.has_plain |= event.id.is_none();
        let id = event.id.as_ref().zip(counter).map(|(id, counter)| id_key(counter, id.as_str()));
        Ok(Ok(Some(Addition { unit: (key.unwrap_or_default(), unit), before: total, id })))
    }

    /// Adds what was worked out to the sums.
    pub(super) fn add(
        &mut self,
        event: &Event,
        name: &str,
        counter: u64,
        cap: impl FnOnce() -> Option<Amount>,
        addition: Addition,
        changes: &mut Changes,
    ) {
        let goal = goal_name(&event.namespace, &event.experiment, &event.goal);
        let Addition { unit: (_, unit), before, id } = addition;
        let counters = self.goals.entry(goal).or_default();
        if !counters.contains_key(&counter) {
            // All variants of a goal have one cap.
            let cap = counters.values().next().map_or_else(cap, |other| other.cap);
            counters.insert(counter, CounterValues { cap, ..CounterValues::default() });
        }
        let values = counters.entry(counter).or_default();
        values.replace(before, &unit);
        changes.values.insert(counter, (name.to_owned(), values.clone()));
        changes.units.insert(unit_key(counter, event.uuid.as_str()), unit);
        let id = id.or_else(|| event.id.as_ref().map(|id| id_key(counter, id.as_str())));
        changes.value_ids.extend(id);
    }

    /// Makes the sums of a counter anew with another cap, and says whether it has another one.
    pub(super) fn set_cap(
        &mut self,
        disk: &Keyspace,
        changes: &mut Changes,
        (goal, name, counter): (&str, &str, u64),
        cap: Option<Amount>,
    ) -> fjall::Result<bool> {
        let values = self.goals.get_mut(goal).and_then(|counters| counters.get_mut(&counter));
        let Some(values) = values.filter(|values| values.cap != cap) else { return Ok(false) };
        *values = CounterValues { cap, ..CounterValues::default() };
        let prefix = unit_key(counter, "");
        for entry in disk.prefix(&prefix) {
            let (key, value) = entry.into_inner()?;
            if !changes.units.contains_key(key.as_ref())
                && let Some(unit) = UnitTotal::decode(&value)
            {
                values.replace(None, &unit);
            }
        }
        let pending = changes.units.iter().filter(|(key, _)| key.starts_with(&prefix));
        pending.for_each(|(_, unit)| values.replace(None, unit));
        changes.values.insert(counter, (name.to_owned(), values.clone()));
        Ok(true)
    }
}

impl CounterValues {
    /// Replaces the total that a unit had before.
    pub(super) fn replace(&mut self, before: Option<Amount>, unit: &UnitTotal) {
        self.sums.total.replace(before, unit.total, self.cap);
        if let Some(allocation) = unit.allocation {
            let sums = self.sums.allocations.entry(allocation).or_default();
            sums.replace(before, unit.total, self.cap);
        }
    }

    /// The records in which the sums are stored.
    pub(super) fn encode(&self, counter: u64) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        let cap = self.cap.map_or(0, Amount::ten_thousandths).to_be_bytes();
        let total = [&encode_sums(&self.sums.total)[..], &cap].concat();
        let parts = self.sums.allocations.iter().map(move |(allocation, sums)| {
            let key = [&sums_key(counter)[..], &allocation.get().to_be_bytes()].concat();
            (key, encode_sums(sums).to_vec())
        });
        std::iter::once((sums_key(counter), total)).chain(parts)
    }

    /// Reads the sums of a counter. `None` if it has no values.
    pub(super) fn read(disk: &Keyspace, counter: u64) -> fjall::Result<Option<Self>> {
        let prefix = sums_key(counter);
        let mut found: Option<Self> = None;
        for entry in disk.prefix(&prefix) {
            let (key, value) = entry.into_inner()?;
            let Some((sums, _)) = decode_sums(&value) else { continue };
            let values = found.get_or_insert_with(Self::default);
            match key.get(prefix.len()..).and_then(|number| number.try_into().ok()) {
                Some(number) => {
                    let number = AllocationNumber::from_number(u32::from_be_bytes(number).into());
                    values.sums.allocations.extend(number.ok().map(|number| (number, sums)));
                }
                None => {
                    values.sums.total = sums;
                    values.cap = decode_cap(&value);
                }
            }
        }
        Ok(found)
    }
}

impl UnitTotal {
    /// A unit with a total.
    pub(super) fn new(
        total: Amount,
        has_plain: bool,
        allocation: Option<AllocationNumber>,
    ) -> Self {
        Self { total, has_plain, allocation, rest: Vec::new() }
    }

    /// The bytes of a unit.
    pub(super) fn encode(&self) -> Vec<u8> {
        let allocation = self.allocation.map_or(0, AllocationNumber::get);
        let total = self.total.ten_thousandths().to_be_bytes();
        [&total[..], &[u8::from(self.has_plain)], &allocation.to_be_bytes(), &self.rest].concat()
    }

    /// Reads a unit.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (total, rest) = value.split_first_chunk::<8>()?;
        let (plain, rest) = rest.split_first_chunk::<1>()?;
        let (allocation, rest) = rest.split_first_chunk::<4>()?;
        Some(Self {
            total: Amount::from_ten_thousandths(i64::from_be_bytes(*total))?,
            has_plain: plain[0] != 0,
            allocation: AllocationNumber::from_number(u32::from_be_bytes(*allocation).into()).ok(),
            rest: rest.to_vec(),
        })
    }
}

/// The units of a counter, with their uuids.
pub(super) fn units(disk: &Keyspace, counter: u64) -> fjall::Result<Vec<(String, UnitTotal)>> {
    let prefix = unit_key(counter, "");
    let mut units = Vec::new();
    for entry in disk.prefix(&prefix) {
        let (key, value) = entry.into_inner()?;
        let uuid = String::from_utf8_lossy(&key[prefix.len()..]).into_owned();
        units.extend(UnitTotal::decode(&value).map(|unit| (uuid, unit)));
    }
    Ok(units)
}

/// The ids of events whose values a counter has added.
pub(super) fn event_ids(disk: &Keyspace, counter: u64) -> fjall::Result<Vec<String>> {
    let prefix = id_key(counter, "");
    let keys = disk.prefix(&prefix).map(|entry| {
        let key = entry.key()?;
        Ok(String::from_utf8_lossy(&key[prefix.len()..]).into_owned())
    });
    keys.collect()
}

/// A goal's name: namespace, experiment and goal. A counter's name begins with it.
pub(super) fn goal_name(namespace: &Namespace, experiment: &Experiment, goal: &Goal) -> String {
    format!("{namespace}\0{experiment}\0{goal}")
}

pub(super) fn unit_key(counter: u64, uuid: &str) -> Vec<u8> {
    [&counter.to_be_bytes()[..], b"u", uuid.as_bytes()].concat()
}

pub(super) fn id_key(counter: u64, id: &str) -> Vec<u8> {
    [&counter.to_be_bytes()[..], b"i", id.as_bytes()].concat()
}

fn sums_key(counter: u64) -> Vec<u8> {
    [&counter.to_be_bytes()[..], b"s"].concat()
}

/// The cap in the record of sums over all units.
pub(super) fn decode_cap(value: &[u8]) -> Option<Amount> {
    let (_, cap) = decode_sums(value)?;
    let cap = i64::from_be_bytes(cap.try_into().ok()?);
    Amount::from_ten_thousandths(cap).filter(|_| cap != 0)
}

fn encode_sums(sums: &Sums) -> [u8; 48] {
    let Sums { units, sum, squares, largest } = sums;
    let mut bytes = [0; 48];
    bytes[..8].copy_from_slice(&units.to_be_bytes());
    bytes[8..24].copy_from_slice(&sum.to_be_bytes());
    bytes[24..40].copy_from_slice(&squares.to_be_bytes());
    bytes[40..].copy_from_slice(&largest.to_be_bytes());
    bytes
}

fn decode_sums(value: &[u8]) -> Option<(Sums, &[u8])> {
    let (units, rest) = value.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<16>()?;
    let (squares, rest) = rest.split_first_chunk::<16>()?;
    let (largest, rest) = rest.split_first_chunk::<8>()?;
    let sums = Sums {
        units: u64::from_be_bytes(*units),
        sum: i128::from_be_bytes(*sum),
        squares: i128::from_be_bytes(*squares),
        largest: u64::from_be_bytes(*largest),
    };
    Some((sums, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_unit_reads_as_it_was_written_also_with_what_a_later_version_adds(
            total in -1_000_000_000_000_000..=1_000_000_000_000_000_i64,
            has_plain in any::<bool>(),
            allocation in 0..5_u64,
            rest in any::<Vec<u8>>(),
        ) {
            let total = Amount::from_ten_thousandths(total).unwrap();
            let allocation = AllocationNumber::from_number(allocation).ok();
            let unit = UnitTotal { total, has_plain, allocation, rest };
            prop_assert_eq!(UnitTotal::decode(&unit.encode()), Some(unit));
        }
    }
}

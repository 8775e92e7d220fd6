//! Exports an exact counter, and writes it under a new id: its seed, state and buckets.

use std::collections::{BTreeMap, HashMap};

use abtest_model::{Goal, Stated, Variant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use redis::{Value, pipe};

use super::layout::{GROUPS, Identity, LAST_LEVEL, MARK, buckets, is_path, path};
use crate::StoreError;
use crate::redis::connection::Connection;
use crate::redis::read::{allocation_of_field, query};
use crate::transfer::{ExportedCounter, Seen, TransferError, invalid};

/// Buckets that are read or written in one round trip.
const STEP: usize = 200;

/// Reads a counter: its count, its days, its allocations, and its marks. Events may come in meanwhile:
/// everything that was counted before is read, and some of what comes in.
pub(in crate::redis) async fn export(
    connection: &Connection,
    (goal, variant): &(Goal, Variant),
    identity: &Identity,
) -> Result<ExportedCounter, TransferError> {
    let before = state(connection, identity).await?;
    let deepest = before.deepest;
    let mut found = BTreeMap::new();
    let mut marks = 0;
    for level in 0..=deepest {
        let numbers: Vec<u64> = (0..buckets(level)).collect();
        for some in numbers.chunks(STEP) {
            let mut read = pipe();
            for number in some {
                read.hgetall(identity.numbered_bucket_key(level, *number));
            }
            let groups: Vec<BTreeMap<u8, Vec<u8>>> = query(connection, read).await?;
            for (number, groups) in some.iter().zip(groups).filter(|(_, found)| !found.is_empty()) {
                marks += groups.values().map(|marks| (marks.len() / MARK) as u64).sum::<u64>();
                let encoded = groups.iter().map(|(group, marks)| (*group, BASE64.encode(marks)));
                found.insert(path(level, *number), encoded.collect());
            }
        }
    }
    // Marks are never removed, so there are at least as many as were counted before.
    if marks < before.count {
        let (goal, variant) = (goal.to_string(), variant.to_string());
        return Err(TransferError::Missing { goal, variant, found: marks, counted: before.count });
    }
    let after = state(connection, identity).await?;
    let missed = after.count.saturating_sub(marks);
    Ok(ExportedCounter {
        goal: goal.to_string(),
        variant: variant.to_string(),
        count: marks,
        days: without_last(after.days, missed),
        // Later uuids may belong to any allocation, so these are the numbers of the beginning.
        allocations: before.allocations,
        values: None,
        seen: Seen::Exact { seed: identity.seed(), deepest, buckets: found },
    })
}

/// The state of a counter.
struct State {
    count: u64,
    deepest: u8,
    days: BTreeMap<u32, u64>,
    allocations: BTreeMap<Stated, u64>,
}

async fn state(connection: &Connection, identity: &Identity) -> Result<State, StoreError> {
    let mut read = pipe();
    read.hgetall(identity.state_key());
    let state: Vec<HashMap<String, u64>> = query(connection, read).await?;
    let state = state.into_iter().next().unwrap_or_default();
    let number = |field: &str| state.get(field).copied().unwrap_or(0);
    let allocation = |(field, new): (&String, &u64)| Some((allocation_of_field(field)?, *new));
    Ok(State {
        count: number("count"),
        deepest: u8::try_from(number("deepest")).unwrap_or(LAST_LEVEL).min(LAST_LEVEL),
        days: state.iter().filter_map(|(field, new)| Some((field.parse().ok()?, *new))).collect(),
        allocations: state.iter().filter_map(allocation).collect(),
    })
}

/// The days without the last `missed` uuids, which came in after their buckets were read.
fn without_last(mut days: BTreeMap<u32, u64>, mut missed: u64) -> BTreeMap<u32, u64> {
    for new in days.values_mut().rev() {
        let taken = missed.min(*new);
        *new -= taken;
        missed -= taken;
    }
    days.retain(|_, new| *new > 0);
    days
}

/// What a counter consists of.
pub(in crate::redis) struct Parts<'a> {
    pub(in crate::redis) counter: &'a ExportedCounter,
    pub(in crate::redis) seed: &'a str,
    pub(in crate::redis) deepest: u8,
    pub(in crate::redis) buckets: &'a BTreeMap<String, BTreeMap<u8, String>>,
}

/// Checks a counter before it is staged.
pub(in crate::redis) fn check(parts: &Parts<'_>) -> Result<(), TransferError> {
    if Identity::read(&Identity::fresh(parts.seed)).is_none() {
        return Err(invalid("a seed does not have 32 hexadecimal digits"));
    }
    if parts.deepest > LAST_LEVEL {
        return Err(invalid(format!("level {} is above {LAST_LEVEL}", parts.deepest)));
    }
    let mut marks = 0;
    for (path, groups) in parts.buckets {
        if !is_path(path, parts.deepest) {
            return Err(invalid(format!("there is no bucket `{}`", path.escape_debug())));
        }
        for (group, encoded) in groups {
            if *group >= GROUPS {
                return Err(invalid(format!("group {group} of bucket `{path}` is above 127")));
            }
            let bytes = BASE64.decode(encoded).map_err(invalid)?.len();
            if bytes == 0 || bytes % MARK != 0 {
                return Err(invalid(format!(
                    "group {group} of bucket `{path}` has {bytes} bytes, which is not a multiple of \
                     {MARK}"
                )));
            }
            marks += bytes / MARK;
        }
    }
    let count = parts.counter.count;
    if marks as u64 != count {
        return Err(invalid(format!("it has {marks} marks for a count of {count}")));
    }
    Ok(())
}

/// Writes a counter that was [checked](check) under an identity that no name leads to yet.
pub(in crate::redis) async fn write(
    connection: &Connection,
    identity: &Identity,
    parts: &Parts<'_>,
) -> Result<(), TransferError> {
    // The state comes first: it says how deep the buckets may go.
    let mut state = pipe();
    let numbers = [("count", parts.counter.count), ("deepest", parts.deepest.into())];
    state.hset_multiple(identity.state_key(), &numbers);
    for (day, new) in &parts.counter.days {
        state.hset(identity.state_key(), day, new);
    }
    let _: Vec<Value> = query(connection, state).await?;
    write_allocations(connection, identity, &parts.counter.allocations).await?;
    let all: Vec<_> = parts.buckets.iter().collect();
    for some in all.chunks(STEP) {
        let mut write = pipe();
        for (path, groups) in some {
            let mut decoded = Vec::with_capacity(groups.len());
            for (group, encoded) in *groups {
                decoded.push((*group, BASE64.decode(encoded).map_err(invalid)?));
            }
            write.hset_multiple(identity.path_key(path), &decoded);
        }
        let _: Vec<Value> = query(connection, write).await?;
    }
    Ok(())
}

/// Writes the numbers by allocation of a staged counter.
pub(in crate::redis) async fn write_allocations(
    connection: &Connection,
    identity: &Identity,
    allocations: &BTreeMap<Stated, u64>,
) -> Result<(), StoreError> {
    let mut write = pipe();
    for (allocation, new) in allocations {
        write.hset(identity.state_key(), format!("a:{allocation}"), new);
    }
    query::<Value>(connection, write).await.map(drop)
}

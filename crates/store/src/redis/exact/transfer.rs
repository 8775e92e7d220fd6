//! Exports an exact counter and imports it under a new id: its seed, state and buckets.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use abtest_model::{Goal, Variant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use redis::{Value, pipe};

use super::keys::{CounterName, DELETED};
use super::layout::{GROUPS, Identity, LAST_LEVEL, MARK, buckets, is_path, path};
use super::{Registration, register, remove};
use crate::StoreError;
use crate::redis::connection::Connection;
use crate::redis::outcome::refusal;
use crate::redis::read::{allocation_of_field, query};
use crate::transfer::{ExportedCounter, Seen, TransferError, invalid};

/// Buckets that are read or written in one round trip.
const STEP: usize = 200;

/// How long a failed import may take to remove what it wrote.
const CLEANUP_TIME: Duration = Duration::from_secs(60);

/// Reads a counter: its count, its days, its allocations, and its marks.
pub(in crate::redis) async fn export(
    connection: &Connection,
    goal: &Goal,
    variant: &Variant,
    identity: &Identity,
) -> Result<ExportedCounter, TransferError> {
    let mut state = pipe();
    state.hgetall(identity.state_key());
    let state: Vec<HashMap<String, u64>> = query(connection, state).await?;
    let state = state.into_iter().next().unwrap_or_default();
    let number = |field: &str| state.get(field).copied().unwrap_or(0);
    let count = number("count");
    let deepest = u8::try_from(number("deepest")).unwrap_or(LAST_LEVEL).min(LAST_LEVEL);
    let days = state.iter().filter_map(|(field, new)| Some((field.parse().ok()?, *new))).collect();
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
                marks += groups.values().map(|marks| marks.len() / MARK).sum::<usize>();
                let encoded = groups.iter().map(|(group, marks)| (*group, BASE64.encode(marks)));
                found.insert(path(level, *number), encoded.collect());
            }
        }
    }
    // Marks are never removed: if there are as many as the count says, they are all.
    if marks as u64 != count {
        return Err(TransferError::Changing);
    }
    let allocation = |(field, new): (&String, &u64)| Some((allocation_of_field(field)?, *new));
    Ok(ExportedCounter {
        goal: goal.to_string(),
        variant: variant.to_string(),
        count,
        days,
        allocations: state.iter().filter_map(allocation).collect(),
        seen: Seen::Exact { seed: identity.seed(), deepest, buckets: found },
    })
}

/// What a counter consists of.
pub(in crate::redis) struct Parts<'a> {
    pub(in crate::redis) counter: &'a ExportedCounter,
    pub(in crate::redis) seed: &'a str,
    pub(in crate::redis) deepest: u8,
    pub(in crate::redis) buckets: &'a BTreeMap<String, BTreeMap<u8, String>>,
}

/// Writes a counter that was [checked](check) and registers it when it is complete. If that fails,
/// nothing of it stays: others count into it only once it is registered.
pub(in crate::redis) async fn import(
    connection: &Connection,
    registration: Registration,
    name: &CounterName,
    parts: Parts<'_>,
) -> Result<(), TransferError> {
    let fresh = Identity::fresh(parts.seed);
    let identity = Identity::read(&fresh)
        .ok_or_else(|| invalid("a seed does not have 32 hexadecimal digits"))?;
    let imported = match write(connection, &identity, &parts).await {
        Ok(()) => enter(connection, registration, name, &fresh).await,
        Err(error) => Err(error),
    };
    if imported.is_err() {
        let mut waits = pipe();
        waits.hset(DELETED, identity.id(), "import");
        let _: Vec<Value> = query(connection, waits).await?;
        remove::remove(connection, identity.id(), Instant::now() + CLEANUP_TIME).await?;
    }
    imported
}

/// Checks a counter before anything of its experiment is stored.
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

async fn write(
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
    for (allocation, new) in &parts.counter.allocations {
        state.hset(identity.state_key(), format!("a:{allocation}"), new);
    }
    let _: Vec<Value> = query(connection, state).await?;
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

async fn enter(
    connection: &Connection,
    registration: Registration,
    name: &CounterName,
    fresh: &str,
) -> Result<(), TransferError> {
    let answer = register(connection, registration, name, fresh).await?;
    let word = answer.first().map(String::as_str).unwrap_or_default();
    if word == "exact" && answer.get(1).is_some_and(|registered| registered == fresh) {
        return Ok(());
    }
    Err(match refusal(word, &registration.limits) {
        Some(refusal) => TransferError::Refused(refusal),
        None if word == "exact" || word == "hll" => TransferError::Exists,
        None => TransferError::Store(StoreError::Unexpected("the registry's answer".into())),
    })
}

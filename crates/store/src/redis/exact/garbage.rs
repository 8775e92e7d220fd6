//! Removes the keys of counters that are not registered any more, in small steps. What is left when the
//! time is over waits for the next deletion.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use redis::{Script, Value, pipe};

use super::keys::DELETED;
use super::layout::{buckets, numbered_bucket_key, state_key};
use crate::StoreError;
use crate::redis::connection::Connection;
use crate::redis::read::query;
use crate::redis::values::layout as ledger;

static TOMBSTONE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("tombstone.lua")));

/// Most buckets in one UNLINK, of up to 9 kB each: about a millisecond of Redis's time.
const STEP: usize = 1_000;

/// UNLINKs that are sent in one round trip.
const STEPS: usize = 8;

/// How long removing an experiment's own keys may take: less than the 25 seconds that a function has.
const OWN_TIME: Duration = Duration::from_secs(18);

/// How long a deletion works on what deletions of other experiments left.
const OTHERS_TIME: Duration = Duration::from_secs(2);

/// How long a tombstone stays, in seconds: longer than any process sleeps between asking the
/// registry and counting.
const TOMBSTONE_TIME: u64 = 86_400;

/// Removes what waits of an experiment, and then some of what waits of others. `tag` names the
/// experiment as [`remove::tag`](super::remove::tag) does.
///
/// # Errors
/// [`StoreError::Unfinished`] when some of the experiment is left. Calling it again continues.
pub(super) async fn collect(connection: &Connection, tag: &str) -> Result<(), StoreError> {
    let mut waiting = pipe();
    waiting.hgetall(DELETED);
    let waiting: Vec<HashMap<String, String>> = query(connection, waiting).await?;
    let (own, others): (Vec<_>, Vec<_>) =
        waiting.into_iter().flatten().partition(|(_, experiment)| experiment == tag);
    let deadline = Instant::now() + OWN_TIME;
    for (id, _) in own {
        remove(connection, &id, deadline).await?;
    }
    let deadline = deadline.min(Instant::now() + OTHERS_TIME);
    for (id, experiment) in others {
        match remove(connection, &id, deadline).await {
            Ok(()) => {}
            Err(StoreError::Unfinished) => break,
            // The experiment that was asked for is deleted, so this is no reason to fail.
            Err(error) => {
                tracing::warn!(%error, experiment, "what a deletion left could not be removed")
            }
        }
    }
    Ok(())
}

/// Removes the keys of a counter or a ledger.
///
/// # Errors
/// [`StoreError::Unfinished`] when that takes until the deadline; calling it again continues.
pub(super) async fn remove(
    connection: &Connection,
    id: &str,
    deadline: Instant,
) -> Result<(), StoreError> {
    let (deepest, mut removed, fan): (u8, usize, u64) =
        connection.invoke(&TOMBSTONE.key(state_key(id))).await?;
    let is_ledger = fan == ledger::buckets(1);
    let count = if is_ledger { ledger::buckets } else { buckets };
    let key = if is_ledger { ledger::numbered_bucket_key } else { numbered_bucket_key };
    let all = |level| (0..count(level)).map(move |number| (level, number));
    let mut buckets = (0..=deepest).flat_map(all).skip(removed).peekable();
    while buckets.peek().is_some() {
        if Instant::now() >= deadline {
            return Err(StoreError::Unfinished);
        }
        let mut steps = pipe();
        // What the round trip before removed; of this one nothing is certain yet.
        steps.hset(state_key(id), "removed", removed);
        for _ in 0..STEPS {
            let step = buckets.by_ref().take(STEP);
            let step: Vec<String> = step.map(|(level, number)| key(id, level, number)).collect();
            if !step.is_empty() {
                removed += step.len();
                steps.unlink(step);
            }
        }
        let _: Vec<Value> = query(connection, steps).await?;
    }
    let mut end = pipe();
    end.cmd("EXPIRE").arg(state_key(id)).arg(TOMBSTONE_TIME);
    let _: Vec<Value> = query(connection, end).await?;
    let mut end = pipe();
    end.hdel(DELETED, id);
    let _: Vec<Value> = query(connection, end).await?;
    Ok(())
}

//! Deletion: the name is removed at once, the keys in small steps. If it is cut off, the next
//! deletion, of any experiment, continues where it stopped.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use abtest_model::{Experiment, Namespace};
use redis::{Script, Value, cmd, pipe};

use super::keys::{self, DELETED};
use super::layout::{buckets, numbered_bucket_key, state_key};
use crate::StoreError;
use crate::redis::connection::Connection;
use crate::redis::import::mark_key;
use crate::redis::keys as gimel;
use crate::redis::read::query;

static UNREGISTER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("unregister.lua")));
static TOMBSTONE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("tombstone.lua")));

/// Most buckets in one UNLINK, of up to 9 kB each: about a millisecond of Redis's time.
const STEP: usize = 1_000;

/// UNLINKs that are sent in one round trip.
const STEPS: usize = 8;

/// How long one deletion may take: less than the 25 seconds that a function has.
const DELETION_TIME: Duration = Duration::from_secs(18);

/// How long a tombstone stays, in seconds: longer than any process sleeps between asking the
/// registry and counting.
const TOMBSTONE_TIME: u64 = 86_400;

/// Removes all counters of an experiment.
pub(super) async fn experiment(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
) -> Result<bool, StoreError> {
    unregister(connection, namespace, experiment, None).await
}

/// Removes these counters of an experiment, which may be none: then only what an earlier removal left.
pub(super) async fn counters(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
    counters: &[String],
) -> Result<bool, StoreError> {
    unregister(connection, namespace, experiment, Some(counters)).await
}

async fn unregister(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
    counters: Option<&[String]>,
) -> Result<bool, StoreError> {
    let mark = mark_key(namespace, experiment);
    let namespace = gimel::NamespaceKeys::new(namespace);
    let member = gimel::member(experiment);
    let mut script = UNREGISTER.key(keys::NAMESPACES);
    script
        .key(keys::experiments(namespace.member()))
        .key(keys::count(namespace.member()))
        .key(keys::counters(namespace.member(), &member))
        .key(DELETED)
        .key(mark)
        .arg(namespace.member())
        .arg(&*member)
        .arg(format!("{}:{member}", namespace.member()));
    match counters {
        None => script.arg("all"),
        Some(counters) => script.arg("some").arg(counters),
    };
    // 1 if it was registered, and then the counters that wait for their removal.
    let answer: Vec<String> = connection.invoke(&script).await?;
    let (found, waiting) = answer.split_first().unzip();
    let deadline = Instant::now() + DELETION_TIME;
    for id in waiting.into_iter().flatten() {
        remove(connection, id, deadline).await?;
    }
    Ok(found.is_some_and(|found| found == "1"))
}

/// Removes a counter's keys.
///
/// # Errors
/// [`StoreError::Unfinished`] when that takes until the deadline; calling it again continues.
pub(super) async fn remove(
    connection: &Connection,
    id: &str,
    deadline: Instant,
) -> Result<(), StoreError> {
    let (deepest, removed): (u8, usize) = connection.invoke(&TOMBSTONE.key(state_key(id))).await?;
    let mut removed = removed;
    let all = |level| (0..buckets(level)).map(move |number| (level, number));
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
            let step: Vec<String> =
                step.map(|(level, number)| numbered_bucket_key(id, level, number)).collect();
            if !step.is_empty() {
                removed += step.len();
                steps.unlink(step);
            }
        }
        let _: Vec<Value> = query(connection, steps).await?;
    }
    run(connection, cmd("EXPIRE").arg(state_key(id)).arg(TOMBSTONE_TIME).take()).await?;
    run(connection, cmd("HDEL").arg(DELETED).arg(id).take()).await
}

async fn run(connection: &Connection, command: redis::Cmd) -> Result<(), StoreError> {
    let command = &command;
    connection
        .run(connection.response_timeout(), |mut connection| async move {
            command.exec_async(&mut connection).await
        })
        .await
}

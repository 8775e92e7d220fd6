//! Whether Redis takes writes, and whether it may delete what was counted.

use redis::{InfoDict, RedisResult, Value, cmd, pipe};

use super::connection::Connection;
use crate::{Danger, StoreError};

/// Keys that are written in a cluster. They are on different nodes: with 32 keys, a node with a third
/// of the slots is left out in 1 of 400,000 checks.
const CLUSTER_PROBES: usize = 32;

/// Seconds after which a key is gone if the command that removes it did not arrive.
const PROBE_SECONDS: u64 = 60;

/// Whether Redis deletes counters when its memory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Eviction {
    /// It keeps them, and refuses new ones.
    Never,
    /// It has no limit of memory. With one, it would delete counters.
    WithALimit,
    /// It does not say so.
    Unknown,
    /// It deletes them.
    Deletes,
}

impl Eviction {
    /// What a limit of memory in bytes (0 for no limit) and a policy mean. Counters and documents
    /// have no expiry, so the `volatile` policies keep them. They delete tombstones of deleted
    /// counters, parts of an unfinished import, and answers to commits, which only serve retries.
    pub(super) fn of(limit: u64, policy: &str) -> Self {
        match policy {
            "noeviction" => Self::Never,
            _ if policy.starts_with("volatile-") => Self::Never,
            _ if policy.starts_with("allkeys-") && limit == 0 => Self::WithALimit,
            _ if policy.starts_with("allkeys-") => Self::Deletes,
            _ => Self::Unknown,
        }
    }
}

/// Checks that Redis takes writes, and finds what puts the counts at risk. One round trip.
///
/// # Errors
/// The reason why Redis does not take writes.
pub(super) async fn check(
    connection: &Connection,
    is_cluster: bool,
) -> Result<Vec<Danger>, StoreError> {
    let probes: Vec<String> = match is_cluster {
        false => vec!["abtest:probe".to_owned()],
        true => (0..CLUSTER_PROBES).map(|number| format!("abtest:probe:{number}")).collect(),
    };
    let mut pipeline = pipe();
    for probe in &probes {
        pipeline.set_ex(probe, "", PROBE_SECONDS);
    }
    for probe in &probes {
        pipeline.unlink(probe);
    }
    pipeline.add_command(cmd("INFO").arg("memory").take());
    pipeline.add_command(cmd("INFO").arg("stats").take());
    // A user that may not use INFO can still count.
    pipeline.ignore_errors();
    let (pipeline, writes) = (&pipeline, 2 * probes.len());
    let nodes = connection
        .run(connection.response_timeout(), |mut connection| async move {
            let mut answers: Vec<RedisResult<Value>> =
                pipeline.query_async(&mut connection).await?;
            let information = answers.split_off(writes.min(answers.len()));
            answers.into_iter().collect::<RedisResult<Vec<Value>>>()?;
            Ok(information.into_iter().map(nodes).collect::<Vec<_>>())
        })
        .await?;
    let mut answers = nodes.into_iter();
    let memory = answers.next().unwrap_or_default();
    let statistics = answers.next().unwrap_or_default();
    Ok(dangers(&memory, &statistics).into_iter().collect())
}

/// What each node answered to INFO; one that answered an error has an empty answer.
fn nodes(answer: RedisResult<Value>) -> Vec<InfoDict> {
    let read = |answer: Value| {
        redis::from_redis_value::<InfoDict>(answer).unwrap_or_else(|_| InfoDict::new(""))
    };
    match answer {
        Ok(Value::Map(nodes)) => nodes.into_iter().map(|(_, answer)| read(answer)).collect(),
        Ok(answer) => vec![read(answer)],
        Err(_) => Vec::new(),
    }
}

/// What the nodes say about eviction. The worst node counts.
fn dangers(memory: &[InfoDict], statistics: &[InfoDict]) -> Option<Danger> {
    let of = |node: &InfoDict| {
        let policy: String = node.get("maxmemory_policy").unwrap_or_default();
        (Eviction::of(node.get("maxmemory").unwrap_or(0), &policy), policy)
    };
    let (eviction, policy) =
        memory.iter().map(of).max().unwrap_or((Eviction::Unknown, String::new()));
    let evicted = statistics.iter().filter_map(|node| node.get::<u64>("evicted_keys")).sum();
    match (eviction, evicted) {
        (Eviction::Never | Eviction::WithALimit, _) => None,
        (Eviction::Unknown, _) => Some(Danger::EvictionUnknown),
        (Eviction::Deletes, 0) => Some(Danger::Eviction { policy }),
        (Eviction::Deletes, keys) => Some(Danger::Evicted { keys, policy }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_policies_that_take_any_key_delete_counters() {
        let of = |limit: u64, policy: &str| Eviction::of(limit, policy);
        assert_eq!(of(1, "noeviction"), Eviction::Never);
        for policy in ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
            assert_eq!(of(1, policy), Eviction::Never);
        }
        for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
            assert_eq!((of(1, policy), of(0, policy)), (Eviction::Deletes, Eviction::WithALimit));
        }
        assert_eq!((of(1, ""), of(0, "")), (Eviction::Unknown, Eviction::Unknown));
        assert_eq!(of(1, "new-policy"), Eviction::Unknown);
    }

    #[test]
    fn the_worst_node_counts() {
        let node =
            |policy: &str| InfoDict::new(&format!("maxmemory:9\r\nmaxmemory_policy:{policy}\r\n"));
        let kept = [node("noeviction"), node("volatile-lru")];
        assert_eq!(dangers(&kept, &[]), None);
        let one = [node("noeviction"), node("allkeys-lru")];
        let policy = "allkeys-lru".to_owned();
        assert_eq!(dangers(&one, &[]), Some(Danger::Eviction { policy: policy.clone() }));
        let evicted = [InfoDict::new("evicted_keys:0\r\n"), InfoDict::new("evicted_keys:7\r\n")];
        assert_eq!(dangers(&one, &evicted), Some(Danger::Evicted { keys: 7, policy }));
        assert_eq!(dangers(&kept, &evicted), None, "only keys with an expiry were deleted");
        assert_eq!(dangers(&[node("")], &[]), Some(Danger::EvictionUnknown));
        assert_eq!(dangers(&[], &[]), Some(Danger::EvictionUnknown));
    }
}

//! Exact counting against a plain set, across all levels, from several connections, through
//! deletions, forgotten scripts and restarts.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::cell::RefCell;
use std::collections::HashSet;

use abtest_config::{Limits, RedisConfig};
use abtest_model::{Counting, Event, Experiment, Goal, Namespace, Secret, Uuid, Variant};
use abtest_store::redis::{Boundaries, RedisStore};
use abtest_store::{Counters, Include, Recorder};
use abtest_tests::redis::Redis;
use proptest::prelude::*;

/// What happens to an experiment.
#[derive(Debug, Clone)]
enum Step {
    /// One of the connections records uuids: a start, and how many from there on.
    Record {
        connection: usize,
        from: u32,
        count: u32,
    },
    /// All connections record the same at the same time.
    RecordTogether {
        from: u32,
        count: u32,
    },
    Delete {
        connection: usize,
    },
    FlushScripts,
    Restart,
}

const CONNECTIONS: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let uuids = || (0..6_000_u32, 1..400_u32);
    prop_oneof![
        20 => (0..CONNECTIONS, uuids()).prop_map(|(connection, (from, count))| {
            Step::Record { connection, from, count }
        }),
        8 => uuids().prop_map(|(from, count)| Step::RecordTogether { from, count }),
        1 => (0..CONNECTIONS).prop_map(|connection| Step::Delete { connection }),
        2 => Just(Step::FlushScripts),
        1 => Just(Step::Restart),
    ]
}

fn events(from: u32, count: u32) -> Vec<Event> {
    (from..from + count)
        .map(|number| Event {
            namespace: Namespace::default(),
            experiment: Experiment::new("e").unwrap(),
            variant: Variant::new("red").unwrap(),
            goal: Goal::new(Goal::PARTICIPATE).unwrap(),
            uuid: Uuid::new(number.to_string()).unwrap(),
            allocation: None,
            value: None,
            id: None,
        })
        .collect()
}

fn open(redis: &Redis, boundaries: Boundaries) -> RedisStore {
    let config = RedisConfig { url: Some(Secret::new(redis.url())), ..RedisConfig::default() };
    RedisStore::with_boundaries(&config, Limits::default(), Counting::Exact, boundaries).unwrap()
}

async fn count(store: &RedisStore) -> u64 {
    let one = &events(0, 1)[0];
    let tallies = store
        .read(&one.namespace, Some(std::slice::from_ref(&one.experiment)), Include::COUNTS)
        .await
        .unwrap();
    tallies[0].trials(&one.variant)
}

async fn stored(store: &RedisStore, events: Vec<Event>) {
    assert!(store.record(events).await.unwrap().iter().all(Result::is_ok));
}

#[test]
fn any_stream_counts_like_a_set_through_all_levels_and_mishaps() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let redis = RefCell::new(Redis::start());
    let config =
        ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(
        steps in prop::collection::vec(step(), 1..40), first in 1..40_u32, group in 1..4_u32,
    )| {
        runtime.block_on(async {
            let stores: Vec<_> =
                (0..CONNECTIONS).map(|_| open(&redis.borrow(), Boundaries { first, group })).collect();
            let mut model = HashSet::<u32>::new();
            for step in steps {
                match step {
                    Step::Record { connection, from, count } => {
                        stored(&stores[connection], events(from, count)).await;
                        model.extend(from..from + count);
                    }
                    Step::RecordTogether { from, count } => {
                        let all = stores.iter().map(|store| stored(store, events(from, count)));
                        futures_util::future::join_all(all).await;
                        model.extend(from..from + count);
                    }
                    Step::Delete { connection } => {
                        let one = &events(0, 1)[0];
                        stores[connection].delete(&one.namespace, &one.experiment).await.unwrap();
                        model.clear();
                    }
                    Step::FlushScripts => {
                        redis.borrow().command(&["SCRIPT", "FLUSH"]);
                    }
                    Step::Restart => {
                        let mut redis = redis.borrow_mut();
                        redis.stop();
                        redis.restart();
                    }
                }
                assert_eq!(count(&stores[0]).await, model.len() as u64);
            }
            redis.borrow().command(&["FLUSHALL"]);
        });
    });
}

/// Past level 2 takes over, at the boundaries that everyone uses: each uuid is sent again when
/// it lies on a lower level.
#[tokio::test]
async fn at_their_real_size_the_levels_count_every_uuid_once() {
    let redis = Redis::start();
    let store = open(&redis, Boundaries::default());
    const ALL: u32 = 40_000;
    for from in (0..ALL).step_by(500) {
        stored(&store, events(from, 500)).await;
        // Anything from before, a third of the way back.
        stored(&store, events(from / 3, 100)).await;
    }
    assert_eq!(count(&store).await, u64::from(ALL));
    for from in (0..ALL).step_by(500) {
        stored(&store, events(from, 500)).await;
    }
    assert_eq!(count(&store).await, u64::from(ALL));
    let state =
        redis.keys().into_iter().find(|key| key.ends_with('}') && key.starts_with("abtest:{"));
    assert_eq!(redis.command(&["HGET", &state.unwrap(), "deepest"]), "2");
    // Every bucket is packed: nothing has outgrown what Redis keeps small.
    let buckets: Vec<_> = redis.keys().into_iter().filter(|key| key.contains("}:")).collect();
    let buckets = buckets.iter().filter(|key| !key.starts_with("{abtest}"));
    for key in buckets.step_by(10) {
        let encoding = redis.command(&["OBJECT", "ENCODING", key]);
        assert!(["listpack", "ziplist"].contains(&&*encoding), "{key}: {encoding}");
    }
}

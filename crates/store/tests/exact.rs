//! The Redis store keeps the contract when it counts exactly, and what is only true of that.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod contract;

use abtest_config::{Limits, RedisConfig};
use abtest_model::{Counting, Event, Secret};
use abtest_store::redis::{Boundaries, RedisStore};
use abtest_store::{Counters, Include, Recorder, Refusal};
use abtest_tests::redis::Redis;
use contract::{Backend, event};

struct Server(Redis);

fn config(redis: &Redis) -> RedisConfig {
    RedisConfig { url: Some(Secret::new(redis.url())), ..RedisConfig::default() }
}

impl Backend for Server {
    type Store = RedisStore;

    fn new() -> Self {
        Self(Redis::start())
    }

    fn open(&self, limits: Limits) -> RedisStore {
        RedisStore::new(&config(&self.0), limits, Counting::Exact).unwrap()
    }

    fn spoil(&self) -> bool {
        self.0.command(&["SET", "{abtest}:ns:spoiled:counters", "no hash"]);
        true
    }
}

contract!(Server);

fn numbered(numbers: std::ops::Range<u32>) -> Vec<Event> {
    numbers.map(|number| event("ns", "e", "participate", "red", &number.to_string())).collect()
}

async fn count(store: &RedisStore) -> u64 {
    let one = event("ns", "e", "participate", "red", "1");
    let scope = [one.experiment.clone()];
    let tallies = store.read(&one.namespace, Some(&scope), Include::COUNTS).await.unwrap();
    tallies[0].count(one.goal.as_str(), &one.variant)
}

#[tokio::test]
async fn a_batch_is_one_round_trip_once_its_counters_are_known() {
    let server = Server::new();
    let store = server.open(Limits::default());
    store.record(numbered(0..1)).await.unwrap();
    let before = server.0.reads();
    store.record(numbered(0..16)).await.unwrap();
    assert_eq!(server.0.reads() - before - Redis::ASKING, 1);
    // Too long for one read of a socket. Still, Redis does not see each event alone.
    let before = server.0.reads();
    store.record(numbered(0..500)).await.unwrap();
    let reads = server.0.reads() - before - Redis::ASKING;
    assert!(reads <= 10, "{reads}");
    assert_eq!(count(&store).await, 500);
}

#[tokio::test]
async fn an_experiment_goes_on_as_it_began_whatever_the_config_says() {
    let server = Server::new();
    let exact = server.open(Limits::default());
    let estimate = RedisStore::new(&config(&server.0), Limits::default(), Counting::Hll).unwrap();
    let of = |experiment: &str, uuid: &str| event("ns", experiment, "participate", "red", uuid);
    exact.record(vec![of("began exact", "1")]).await.unwrap();
    estimate.record(vec![of("began hll", "1")]).await.unwrap();
    for store in [&exact, &estimate] {
        for uuid in ["1", "2", "3"] {
            let events = vec![of("began exact", uuid), of("began hll", uuid)];
            assert_eq!(store.record(events).await.unwrap(), [Ok(()), Ok(())]);
        }
        let goal = event("ns", "began exact", "goal", "red", "1");
        assert_eq!(store.record(vec![goal]).await.unwrap(), [Ok(())]);
    }
    let tallies = estimate.read(&of("e", "1").namespace, None, Include::COUNTS).await.unwrap();
    let counted: Vec<_> =
        tallies.iter().map(|tally| (tally.counting, tally.trials(&of("e", "1").variant))).collect();
    assert_eq!(counted, [(Counting::Exact, 3), (Counting::Hll, 3)]);
    assert_eq!(server.0.command(&["TYPE", "ns:counters:began exact:goal:red"]), "none");
    // After a deletion, the next event starts the experiment with the config's counting.
    for store in [&exact, &estimate] {
        for name in ["began exact", "began hll"] {
            store.delete(&of(name, "1").namespace, &of(name, "1").experiment).await.unwrap();
            store.record(vec![of(name, "1")]).await.unwrap();
        }
        let tallies = store.read(&of("e", "1").namespace, None, Include::COUNTS).await.unwrap();
        let expected = if std::ptr::eq(store, &exact) { Counting::Exact } else { Counting::Hll };
        assert!(tallies.iter().all(|tally| tally.counting == expected));
        // The other one has remembered otherwise, and learns.
        for other in [&exact, &estimate] {
            assert_eq!(other.record(vec![of("began hll", "2")]).await.unwrap(), [Ok(())]);
        }
    }
}

#[tokio::test]
async fn limits_hold_for_both_ways_of_counting_together() {
    let server = Server::new();
    let limits = Limits { experiments: 2, ..Limits::default() };
    let exact = server.open(limits);
    let estimate = RedisStore::new(&config(&server.0), limits, Counting::Hll).unwrap();
    let of = |experiment: &str| event("ns", experiment, "participate", "red", "1");
    exact.record(vec![of("a")]).await.unwrap();
    estimate.record(vec![of("b")]).await.unwrap();
    for store in [&exact, &estimate] {
        let refused = store.record(vec![of("c"), of("a"), of("b")]).await.unwrap();
        assert_eq!(refused, [Err(Refusal::Experiments { limit: 2 }), Ok(()), Ok(())]);
    }
}

#[tokio::test]
async fn another_process_that_deletes_is_noticed_by_those_who_know_the_counter() {
    let server = Server::new();
    let (one, other) = (server.open(Limits::default()), server.open(Limits::default()));
    let first = &numbered(0..1)[0];
    for round in 1..4 {
        one.record(numbered(0..40)).await.unwrap();
        other.record(numbered(20..60)).await.unwrap();
        assert_eq!(count(&one).await, 60, "round {round}");
        let deleter = if round % 2 == 0 { &one } else { &other };
        assert!(deleter.delete(&first.namespace, &first.experiment).await.unwrap());
        assert_eq!(count(&other).await, 0);
    }
}

#[tokio::test]
async fn every_key_of_a_deleted_experiment_is_removed_also_when_it_was_cut_off() {
    let server = Server::new();
    let low = Boundaries { first: 4, group: 2 };
    let store =
        RedisStore::with_boundaries(&config(&server.0), Limits::default(), Counting::Exact, low)
            .unwrap();
    for part in 0..4 {
        store.record(numbered(part * 500..(part + 1) * 500)).await.unwrap();
    }
    assert_eq!(count(&store).await, 2_000);
    let first = &numbered(0..1)[0];
    // Cut off: the first of the steps through the buckets is refused.
    server.0.command(&[
        "ACL",
        "SETUSER",
        "default",
        "-unlink",
        "(+unlink ~abtest:looks:* ~abtest:before:*)",
    ]);
    assert!(store.delete(&first.namespace, &first.experiment).await.is_err());
    assert!(server.0.keys().len() > 500);
    server.0.command(&["ACL", "SETUSER", "default", "clearselectors", "+unlink"]);
    assert_eq!(count(&store).await, 0);
    store.record(numbered(0..10)).await.unwrap();
    assert_eq!(count(&store).await, 10, "what begins again does not see what is left");
    assert!(store.delete(&first.namespace, &first.experiment).await.unwrap());
    assert!(!store.delete(&first.namespace, &first.experiment).await.unwrap());
    // Two marks of deleted counters are left, which expire.
    let mut left = server.0.keys();
    left.retain(|key| !key.starts_with("abtest:{documents:ns}:"));
    assert_eq!(left.len(), 2, "{left:?}");
    for key in left {
        assert!(server.0.command(&["TTL", &key]).parse::<i64>().unwrap() > 0);
    }
}

/// What is counted of each variant of the experiment `e`.
async fn counts(store: &RedisStore) -> Vec<(String, u64)> {
    let one = event("ns", "e", "participate", "red", "1");
    let tallies = store.read(&one.namespace, None, Include::COUNTS).await.unwrap();
    let variants = tallies.iter().flat_map(|tally| {
        tally.variants().into_iter().map(|variant| (variant.to_string(), tally.trials(variant)))
    });
    variants.collect()
}

#[tokio::test]
async fn an_event_after_a_deletion_that_was_cut_off_is_counted_by_every_process() {
    let server = Server::new();
    let (one, other) = (server.open(Limits::default()), server.open(Limits::default()));
    let variants = ["a", "b", "c", "d"];
    let events = |uuid: &str| {
        variants.map(|variant| event("ns", "e", "participate", variant, uuid)).to_vec()
    };
    one.record(events("1")).await.unwrap();
    other.record(events("2")).await.unwrap();
    // Cut off: the keys of the first counter cannot be removed.
    let selector = "(+unlink ~abtest:looks:* ~abtest:before:*)";
    server.0.command(&["ACL", "SETUSER", "default", "-unlink", selector]);
    let first = &events("1")[0];
    assert!(one.delete(&first.namespace, &first.experiment).await.is_err());
    assert_eq!(other.record(events("3")).await.unwrap(), vec![Ok(()); 4]);
    assert_eq!(counts(&one).await, variants.map(|variant| (variant.to_owned(), 1)));
}

#[tokio::test]
async fn a_counter_that_a_deletion_closed_and_left_registered_begins_again() {
    let server = Server::new();
    let store = server.open(Limits::default());
    let of = |uuid: &str| vec![event("ns", "e", "participate", "red", uuid)];
    store.record(of("1")).await.unwrap();
    let state = state_key(&server);
    server.0.command(&["HSET", &state, "deleted", "0"]);
    // While a deletion may be running, the client is told to send the event again.
    let start = std::time::Instant::now();
    while store.record(of("2")).await.unwrap() == [Err(Refusal::Busy)] {
        assert!(start.elapsed() < std::time::Duration::from_secs(20));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(counts(&store).await, [("red".to_owned(), 1)]);
    // What was counted before is removed with the experiment.
    let first = &of("1")[0];
    assert!(store.delete(&first.namespace, &first.experiment).await.unwrap());
    assert_eq!(server.0.command(&["HLEN", "{abtest}:deleted"]), "0");
    assert!(server.0.command(&["TTL", &state]).parse::<i64>().unwrap() > 0);
}

#[tokio::test]
async fn what_a_deletion_left_does_not_keep_another_experiment_from_being_deleted() {
    let server = Server::new();
    let estimate = RedisStore::new(&config(&server.0), Limits::default(), Counting::Hll).unwrap();
    let exact = server.open(Limits::default());
    // One leftover that takes minutes, and one that cannot be removed at all.
    server.0.command(&["HSET", "abtest:{0000000000000001}", "deleted", "5"]);
    server.0.command(&["SET", "abtest:{0000000000000002}", "no hash"]);
    for id in ["0000000000000001", "0000000000000002"] {
        server.0.command(&["HSET", "{abtest}:deleted", id, "ns:other"]);
    }
    for store in [&exact, &estimate] {
        store.record(numbered(0..10)).await.unwrap();
        let first = &numbered(0..1)[0];
        assert!(store.delete(&first.namespace, &first.experiment).await.unwrap());
        assert_eq!(counts(store).await, []);
    }
    let removed = server.0.command(&["HGET", "abtest:{0000000000000001}", "removed"]);
    assert!(removed.parse::<u64>().unwrap() > 0, "some of the leftover is removed: {removed}");
}

/// The key of the only exact counter's state.
fn state_key(server: &Server) -> String {
    let is_state = |key: &String| key.starts_with("abtest:{") && key.len() == 25;
    server.0.keys().into_iter().find(is_state).unwrap()
}

#[tokio::test]
async fn gimels_experiments_with_colons_are_counted_as_they_began() {
    let server = Server::new();
    for (experiment, key) in [("a:b", "ns:counters:a:b:g:red"), ("c:d", "ns:counters:c:d:g:red")] {
        server.0.command(&["SADD", "ns:experiments", experiment]);
        server.0.command(&["SADD", "ns:counter_keys", key]);
        server.0.command(&["SADD", &format!("ns:{experiment}:counter_keys"), key]);
        server.0.command(&["PFADD", key, "1"]);
    }
    let store = server.open(Limits::default());
    let of = |experiment: &str, uuid: &str| event("ns", experiment, "g", "red", uuid);
    let events = vec![of("a:b", "1"), of("new", "1"), of("a:b", "2"), of("c:d", "1")];
    assert_eq!(store.record(events).await.unwrap(), [Ok(()), Ok(()), Ok(()), Ok(())]);
    let tallies = store.read(&of("e", "1").namespace, None, Include::COUNTS).await.unwrap();
    let counted: Vec<_> = tallies
        .iter()
        .map(|tally| (tally.counting, tally.count("g", &of("e", "1").variant)))
        .collect();
    assert_eq!(counted, [(Counting::Hll, 2), (Counting::Hll, 1), (Counting::Exact, 1)]);
}

#[tokio::test]
async fn gimels_counters_of_a_name_with_colons_count_towards_the_limit() {
    let server = Server::new();
    server.0.command(&["SADD", "ns:experiments", "a:b"]);
    for goal in ["g", "h"] {
        let key = format!("ns:counters:a:b:{goal}:red");
        server.0.command(&["SADD", "ns:counter_keys", &key]);
        server.0.command(&["SADD", "ns:a:b:counter_keys", &key]);
        server.0.command(&["PFADD", &key, "1"]);
    }
    let limits = Limits { counters_per_experiment: 2, experiments: 1, ..Limits::default() };
    let store = RedisStore::new(&config(&server.0), limits, Counting::Hll).unwrap();
    let new = event("ns", "a:b", "new", "red", "1");
    let refused = store.record(vec![new]).await.unwrap();
    assert_eq!(refused, [Err(Refusal::CountersPerExperiment { limit: 2 })]);
}

/// All buckets of a counter that has reached level 4, which holds 33 to 1,074 million uuids.
const BUCKETS_TO_LEVEL_4: usize = 1 + 32 + 1_024 + 32_768 + 1_048_576;

#[tokio::test]
async fn deleting_a_huge_counter_takes_few_commands_and_continues_where_it_stopped() {
    let server = Server::new();
    let store = server.open(Limits::default());
    let first = &numbered(0..1)[0];
    store.record(vec![first.clone()]).await.unwrap();
    let state = state_key(&server);
    let id = &state[8..24];
    server.0.command(&["HSET", &state, "deepest", "4"]);
    assert!(store.delete(&first.namespace, &first.experiment).await.unwrap());
    let removed: usize = server.0.command(&["HGET", &state, "removed"]).parse().unwrap();
    assert!((1..BUCKETS_TO_LEVEL_4).contains(&removed), "{removed}");
    // 1,083 for the buckets, two for the keys of older versions.
    assert_eq!(unlinks(&server), 1_085);
    // As a process leaves it that was stopped shortly before the end.
    let stopped = (BUCKETS_TO_LEVEL_4 - 1_500).to_string();
    server.0.command(&["HSET", &state, "removed", &stopped]);
    server.0.command(&["HSET", "{abtest}:deleted", id, "ns:e"]);
    assert!(store.delete(&first.namespace, &first.experiment).await.unwrap());
    assert_eq!(unlinks(&server), 1_085 + 2 + 2);
    assert!(!store.delete(&first.namespace, &first.experiment).await.unwrap());
}

/// How many UNLINKs Redis has executed.
fn unlinks(server: &Server) -> u64 {
    let commands = server.0.command(&["INFO", "commandstats"]);
    let unlink = commands.lines().find_map(|line| line.strip_prefix("cmdstat_unlink:calls="));
    unlink.and_then(|unlink| unlink.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
}

//! The Redis store keeps the contract on a real Redis, and reads and writes what Gimel does.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod contract;
mod lossy;

use abtest_config::{Limits, RedisConfig};
use abtest_model::{AllocationNumber, Counting, Day, Event, Goal, Secret, Stated, Uuid};
use abtest_store::contents::{Baselines, Control, Looks};
use abtest_store::redis::RedisStore;
use abtest_store::{
    CommitError, Counters, DocumentKey, Documents, Expected, Include, Kind, Recorder, Refusal,
    StoreError, Write, WrongSetting,
};
use abtest_tests::redis::Redis;
use contract::{Backend, event};
use lossy::LossyProxy;

struct Server(Redis);

impl Backend for Server {
    type Store = RedisStore;

    fn new() -> Self {
        Self(Redis::start())
    }

    fn open(&self, limits: Limits) -> RedisStore {
        let url = Some(Secret::new(self.0.url()));
        let config = RedisConfig { url, ..RedisConfig::default() };
        RedisStore::new(&config, limits, Counting::Hll).unwrap()
    }

    fn spoil(&self) -> bool {
        self.0.command(&["SET", "ns:counters:spoiled:participate:red", "no counter"]);
        true
    }
}

contract!(Server);

#[tokio::test]
async fn round_trips_do_not_grow_with_the_number_of_experiments() {
    let server = Server::new();
    let store = server.open(Limits { experiments_per_hour: 400, ..Limits::default() });
    let batch = |count: usize| -> Vec<_> {
        (0..count).map(|number| event("ns", &number.to_string(), "g", "v", "1")).collect()
    };
    store.record(batch(1)).await.unwrap();
    let before = server.0.reads();
    store.record(batch(400)).await.unwrap();
    let recording = server.0.reads() - before - Redis::ASKING;
    assert!(recording <= 10, "{recording}");
    let before = server.0.reads();
    let namespace = &event("ns", "e", "g", "v", "1").namespace;
    assert_eq!(store.read(namespace, None, Include::COUNTS).await.unwrap().len(), 400);
    let reading = server.0.reads() - before - Redis::ASKING;
    assert!(reading <= 20, "{reading}");
    // The first read of documents also looks for the keys of older versions.
    store.list(namespace, &Kind::ALL, None).await.unwrap();
    let before = server.0.reads();
    store.list(namespace, &Kind::OF_EXPERIMENTS, None).await.unwrap();
    assert_eq!(server.0.reads() - before - Redis::ASKING, 1);
    let before = server.0.reads();
    store.snapshot(namespace, None).await.unwrap();
    // Redis does not know the script yet.
    assert!(server.0.reads() - before - Redis::ASKING <= 3);
    let before = server.0.reads();
    store.snapshot(namespace, None).await.unwrap();
    assert_eq!(server.0.reads() - before - Redis::ASKING, 1);
    let scope = [batch(1).remove(0).experiment];
    let all = Include { days: true, memory: true, ..Include::COUNTS };
    let before = server.0.reads();
    store.read(namespace, Some(&scope), all).await.unwrap();
    assert_eq!(server.0.reads() - before - Redis::ASKING, 3);
}

#[tokio::test]
async fn estimates_by_allocation_are_close_to_the_truth_however_large_the_counter_is() {
    let server = Server::new();
    let store = server.open(Limits::default());
    let include = Include { allocations: true, ..Include::COUNTS };
    let one = event("ns", "e", "participate", "red", "x");
    let under = |allocation: u64, uuids: std::ops::Range<u32>| -> Vec<Event> {
        let allocation = AllocationNumber::from_number(allocation).ok().map(Stated::from);
        let event = |uuid: u32| Event {
            allocation,
            ..event("ns", "e", "participate", "red", &uuid.to_string())
        };
        uuids.map(event).collect()
    };
    for (allocation, first) in [(1, 0), (2, 20_000), (3, 40_000)] {
        for some in (first..first + 20_000).step_by(500) {
            // Every uuid comes again, also under a later allocation.
            store.record(under(allocation, some..some + 500)).await.unwrap();
            store.record(under(allocation, some..some + 500)).await.unwrap();
            store.record(under(3, some / 2..some / 2 + 100)).await.unwrap();
        }
    }
    let tally = store.read(&one.namespace, None, include).await.unwrap().remove(0);
    let allocations = tally.allocations.as_ref().unwrap();
    let parts: Vec<u64> = allocations.of(&one.goal, &one.variant).map(|(_, count)| count).collect();
    let total = tally.count("participate", &one.variant);
    assert!(parts.iter().sum::<u64>().abs_diff(total) <= 3, "{parts:?} of {total}");
    for part in &parts {
        // Five standard errors of the largest: 5 * sqrt(20,000 * 60,000 / 11,800).
        assert!(part.abs_diff(20_000) <= 1_600, "{parts:?}");
    }
}

#[tokio::test]
async fn an_experiment_begins_as_its_definition_asks_for_and_keeps_its_mode() {
    let server = Server::new();
    let url = Some(Secret::new(server.0.url()));
    let config = RedisConfig { url, ..RedisConfig::default() };
    let namespace = &event("ns", "e", "g", "v", "1").namespace;
    for usual in [Counting::Hll, Counting::Exact] {
        let store = RedisStore::new(&config, Limits::default(), usual).unwrap();
        let other = if usual == Counting::Hll { Counting::Exact } else { Counting::Hll };
        let [chosen, begun, plain] = ["chosen", "begun", "plain"]
            .map(|name| event("ns", &format!("{name} {usual}"), "participate", "v", "1"));
        store.record(vec![begun.clone()]).await.unwrap();
        let choices = [(&chosen, other), (&begun, other)];
        let choices = choices.map(|(event, counting)| (event.experiment.clone(), counting));
        store.count_as(namespace, choices.into());
        let mut more = vec![chosen.clone(), begun.clone(), plain.clone()];
        more.extend(
            more.clone()
                .into_iter()
                .map(|event| Event { goal: Goal::new("buy").unwrap(), ..event }),
        );
        let recorded = store.record(more).await.unwrap();
        assert!(recorded.iter().all(Result::is_ok), "{recorded:?}");
        let scope = [&chosen, &begun, &plain].map(|event| event.experiment.clone());
        let tallies = store.read(namespace, Some(&scope), Include::COUNTS).await.unwrap();
        let modes: Vec<Counting> = tallies.iter().map(|tally| tally.counting).collect();
        assert_eq!(modes, [other, usual, usual]);
        for tally in &tallies {
            assert_eq!(tally.count("participate", &chosen.variant), 1);
        }
        // Another process that was told nothing counts on in the same mode.
        let stranger = RedisStore::new(&config, Limits::default(), usual).unwrap();
        let second = Event { uuid: Uuid::new("2").unwrap(), ..chosen.clone() };
        stranger.record(vec![second]).await.unwrap();
        let tallies = store.read(namespace, Some(&scope[..1]), Include::COUNTS).await.unwrap();
        assert_eq!(
            (tallies[0].counting, tallies[0].count("participate", &chosen.variant)),
            (other, 2)
        );
    }
}

#[tokio::test]
async fn looks_controls_and_baselines_of_older_versions_become_documents() {
    let server = Server::new();
    let look = |participants: u32| {
        format!(
            "{{\"participants\":{participants},\"planned\":900,\"control\":\"red\",\"statistics\":[]}}"
        )
    };
    let (looks, before) = ("abtest:looks:n%3As:a%3Ab", "abtest:before:n%3As:a%3Ab");
    server.0.command(&["SADD", "n%3As:experiments", "a%3Ab", "other"]);
    server.0.command(&["HSET", looks, "200", &look(200), "100", &look(100), "300", "damaged"]);
    server.0.command(&["HSET", "abtest:controls:n%3As", "a%3Ab", "red", "other", "blue"]);
    server.0.command(&["HSET", before, "g%3A:red", "hll:7", "participate:red", "exact:9"]);
    let one = event("n:s", "a:b", "g", "red", "1");
    for _ in 0..2 {
        let store = server.open(Limits::default());
        let found = store.list(&one.namespace, &Kind::ALL, None).await.unwrap();
        let keys: Vec<_> = found.iter().map(|found| (found.key.kind, &*found.key.name)).collect();
        let expected = [
            (Kind::Looks, "a:b"),
            (Kind::Control, "a:b"),
            (Kind::Control, "other"),
            (Kind::Baseline, "a:b"),
        ];
        assert_eq!(keys, expected);
        assert!(found.iter().all(|found| found.version == 1));
        let looks: Looks = found[0].parse().unwrap();
        let participants: Vec<u64> = looks.looks.iter().map(|look| look.participants).collect();
        assert_eq!(participants, [100, 200]);
        let control: Control = found[2].parse().unwrap();
        assert_eq!(control.control, "blue");
        let mut baselines = found[3].parse::<Baselines>().unwrap().baselines;
        baselines.sort_by_key(|baseline| baseline.count);
        let counted =
            |at: usize| (&*baselines[at].goal, baselines[at].count, baselines[at].counting);
        assert_eq!(counted(0), ("g:", 7, Counting::Hll));
        assert_eq!(counted(1), ("participate", 9, Counting::Exact));
    }
    let store = server.open(Limits::default());
    store.delete(&one.namespace, &one.experiment).await.unwrap();
    let found = store.list(&one.namespace, &Kind::ALL, None).await.unwrap();
    assert_eq!(found.len(), 1, "the control of the other experiment");
    assert_eq!(server.0.command(&["EXISTS", looks, before]), "0");
    assert_eq!(server.0.command(&["HKEYS", "abtest:controls:n%3As"]), "other");
}

#[tokio::test]
async fn baselines_of_an_experiment_that_is_not_counted_yet_become_documents() {
    let server = Server::new();
    for key in ["abtest:before:n%3As:a%3Ab", "abtest:before:n%3As2:other"] {
        server.0.command(&["HSET", key, "participate:red", "exact:9"]);
    }
    server.0.command(&["SADD", "n%3As:experiments", "counted"]);
    let one = event("n:s", "a:b", "g", "red", "1");
    for _ in 0..2 {
        let store = server.open(Limits::default());
        let found = store.list(&one.namespace, &Kind::ALL, None).await.unwrap();
        let keys: Vec<_> = found.iter().map(|found| (found.key.kind, &*found.key.name)).collect();
        assert_eq!(keys, [(Kind::Baseline, "a:b")]);
        assert_eq!(found[0].parse::<Baselines>().unwrap().baselines[0].count, 9);
    }
}

#[tokio::test]
async fn an_experiment_deleted_during_the_migration_stays_deleted() {
    const EXPERIMENTS: usize = 400;
    let server = Server::new();
    let (migrating, deleting) = (server.open(Limits::default()), server.open(Limits::default()));
    let of = |number: usize| event("ns", &format!("e{number:03}"), "g", "red", "1");
    let namespace = of(0).namespace;
    // It remembers that there is nothing to migrate, so it deletes at once.
    deleting.list(&namespace, &Kind::ALL, None).await.unwrap();
    for number in 0..EXPERIMENTS {
        let name = of(number).experiment.to_string();
        server.0.command(&["SADD", "ns:experiments", &name]);
        server.0.command(&["HSET", "abtest:controls:ns", &name, "red"]);
    }
    let migration = async { migrating.list(&namespace, &Kind::ALL, None).await };
    let deletion = async {
        // The last experiments are migrated last.
        for number in (0..EXPERIMENTS).rev().step_by(20) {
            deleting.delete(&namespace, &of(number).experiment).await.unwrap();
        }
    };
    let (migrated, ()) = tokio::join!(migration, deletion);
    migrated.unwrap();
    let found = deleting.list(&namespace, &Kind::ALL, None).await.unwrap();
    assert_eq!(found.len(), EXPERIMENTS - EXPERIMENTS / 20);
}

#[tokio::test]
async fn asking_for_a_namespace_that_nobody_counts_in_writes_no_key() {
    let server = Server::new();
    let store = server.open(Limits::default());
    let nobody = event("nobody", "e", "g", "v", "1").namespace;
    assert!(store.snapshot(&nobody, None).await.unwrap().is_some());
    assert_eq!(server.0.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn the_script_is_loaded_again_when_redis_has_forgotten_it() {
    let server = Server::new();
    let store = server.open(Limits::default());
    let one = event("ns", "e", "g", "v", "1");
    store.record(vec![one.clone()]).await.unwrap();
    server.0.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(store.record(vec![one.clone()]).await.unwrap(), [Ok(())]);
}

#[tokio::test]
async fn keys_that_gimel_wrote_with_colons_are_read_where_they_are_unambiguous() {
    let server = Server::new();
    let store = server.open(Limits::default());
    let gimel = |experiment: &str, goal: &str, variant: &str, uuid: &str| {
        let key = format!("ns:counters:{experiment}:{goal}:{variant}");
        server.0.command(&["SADD", "ns:experiments", experiment]);
        server.0.command(&["SADD", "ns:counter_keys", &key]);
        server.0.command(&["SADD", &format!("ns:{experiment}:counter_keys"), &key]);
        server.0.command(&["PFADD", &key, uuid]);
    };
    // An experiment with a colon: Gimel's raw form and ours are one.
    gimel("a:b", "g", "v", "1");
    gimel("a:b", "g", "v", "2");
    let ours = event("ns", "a:b", "g", "v", "2");
    store.record(vec![ours.clone(), event("ns", "a:b", "g", "v", "3")]).await.unwrap();
    // A goal with a colon is ambiguous, until ours tells how to read it.
    gimel("c", "x:y", "z", "1");
    let goal = event("ns", "c", "x:y", "z", "2");
    let namespace = &ours.namespace;
    let count = async |event: &abtest_model::Event| {
        let scope = [event.experiment.clone()];
        let tallies = store.read(namespace, Some(&scope), Include::COUNTS).await.unwrap();
        tallies[0].count(event.goal.as_str(), &event.variant)
    };
    assert_eq!(count(&ours).await, 3);
    assert_eq!(count(&goal).await, 0);
    store.record(vec![goal.clone()]).await.unwrap();
    assert_eq!(count(&goal).await, 2);
    assert_eq!(store.read(namespace, None, Include::COUNTS).await.unwrap().len(), 2);
    for experiment in [&ours.experiment, &goal.experiment] {
        assert!(store.delete(namespace, experiment).await.unwrap());
    }
    let left = ["abtest:{documents:ns}:migrated", "abtest:{documents:ns}:version"];
    let mut keys = server.0.keys();
    keys.retain(|key| !key.contains(":commit:")); // they expire after a minute
    keys.sort();
    assert_eq!(keys, left);
}

#[tokio::test]
async fn a_key_of_another_type_refuses_its_event_and_stops_no_other() {
    let server = Server::new();
    let store = server.open(Limits::default());
    server.0.command(&["SET", "ns:counters:e:g:v", "no counter"]);
    let events = vec![event("ns", "e", "g", "v", "1"), event("ns", "e", "other", "v", "1")];
    assert_eq!(store.record(events).await.unwrap(), [Err(Refusal::WrongType), Ok(())]);
}

#[tokio::test]
async fn the_time_line_of_estimates_goes_from_one_days_beginning_to_the_next() {
    let server = Server::new();
    let store = server.open(Limits::default());
    let one = event("ns", "e", "participate", "red", "1");
    // Gimel counted two before abtest came; on two days since, the estimate began at 2 and 5.
    let counter = "ns:counters:e:participate:red";
    server.0.command(&["PFADD", counter, "a", "b", "c", "d", "e", "f", "g"]);
    for (set, member) in
        [("ns:experiments", "e"), ("ns:counter_keys", counter), ("ns:e:counter_keys", counter)]
    {
        server.0.command(&["SADD", set, member]);
    }
    server.0.command(&["HSET", &format!("abtest:days:{counter}"), "20000", "2", "20003", "5"]);
    store.record(vec![one.clone(), one.clone()]).await.unwrap();
    let days = Include { days: true, ..Include::COUNTS };
    let mut tallies = store.read(&one.namespace, None, days).await.unwrap();
    let timeline = tallies.remove(0).timeline.unwrap();
    let new = |day| timeline.new_on(&one.goal, &one.variant, Day(day));
    assert_eq!([new(20_000), new(20_001), new(20_003)], [3, 0, 2]);
    let total: u64 = (20_000..Day::today().0 + 2).map(new).sum();
    assert_eq!(total, 6, "8 in all, of which 2 came before there were days");
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_stored_once_and_answered_as_stored() {
    let redis = Redis::start();
    let proxy = LossyProxy::new(redis.port());
    let url = Some(Secret::new(proxy.url()));
    let config = RedisConfig { url, ..RedisConfig::default() };
    let store = RedisStore::new(&config, Limits::default(), Counting::Hll).unwrap();
    let namespace = event("ns", "e", "g", "v", "1").namespace;
    let put = |expected, content: &str| {
        let write = Write::put(DocumentKey::new(Kind::Layer, "one"), expected, content);
        vec![write.with_entry("{}")]
    };
    // From now on Redis knows the script, so its next answer is that of the commit.
    store.commit(&namespace, None, put(Expected::Absent, "1")).await.unwrap();
    let version = store.version(&namespace).await.unwrap();

    proxy.drop_next_answer();
    let stored = store.commit(&namespace, Some(version), put(Expected::Version(1), "2")).await;
    assert!(proxy.has_dropped());
    let stored = stored.unwrap();
    assert_eq!(stored.versions, [2]);
    assert_eq!(stored.version, store.version(&namespace).await.unwrap());
    let key = DocumentKey::new(Kind::Layer, "one");
    assert_eq!(store.history(&namespace, &key).await.unwrap().len(), 2);
    let kept = redis.command(&["KEYS", "abtest:{documents:ns}:commit:*"]);
    for key in kept.lines() {
        let left: u64 = redis.command(&["PTTL", key]).parse().unwrap();
        assert!((1..=60_000).contains(&left), "{key} stays for {left} ms");
    }
    assert_eq!(kept.lines().count(), 2);
}

#[tokio::test]
async fn a_damaged_record_spoils_no_other_stands_in_the_way_and_is_kept_when_it_is_replaced() {
    let redis = Redis::start();
    let url = Some(Secret::new(redis.url()));
    let config = RedisConfig { url, ..RedisConfig::default() };
    let store = RedisStore::new(&config, Limits::default(), Counting::Hll).unwrap();
    let namespace = event("ns", "e", "g", "v", "1").namespace;
    let key = |name| DocumentKey::new(Kind::Looks, name);
    for damage in ["x", "3x {}", "99999999999999999999 {}"] {
        for name in ["good", "bad"] {
            let put = Write::put(key(name), Expected::Any, "{}");
            store.commit(&namespace, None, vec![put]).await.unwrap();
        }
        redis.command(&["HSET", "abtest:{documents:ns}:looks", "bad", damage]);
        let found = store.list(&namespace, &[Kind::Looks], None).await.unwrap();
        assert_eq!(found.len(), 2, "{damage}");
        let damaged = StoreError::Damaged { what: "the looks of `bad`".into() };
        assert_eq!(found[0].content(), Err(damaged.clone()), "{damage}");
        assert_eq!(&**found[1].content().unwrap(), "{}", "{damage}");
        let got = store.get(&namespace, &key("bad")).await.unwrap().unwrap();
        assert_eq!(got.content(), Err(damaged), "{damage}");

        let anew = Write::put(key("bad"), Expected::Absent, "{}");
        let refused = store.commit(&namespace, None, vec![anew]).await.unwrap_err();
        assert!(matches!(refused, CommitError::Conflict { .. }), "{damage}: {refused}");
        let delete = Write::delete(key("bad"), Expected::found(Some(&got)));
        store.commit(&namespace, None, vec![delete]).await.unwrap();
        assert_eq!(store.get(&namespace, &key("bad")).await.unwrap(), None, "{damage}");
        let kept = redis.command(&["LRANGE", "abtest:{documents:ns}:damaged", "-1", "-1"]);
        assert!(kept.trim().ends_with(&format!(" {damage}")), "{damage}: {kept}");
    }
}

#[tokio::test]
async fn a_setting_that_redis_refuses_is_named_and_not_called_temporary_trouble() {
    let redis = Redis::start_with(&["--requirepass", "right"]);
    redis.command(&["ACL", "SETUSER", "weak", "on", ">weak", "~*", "+ping", "+select"]);
    let base = RedisConfig { port: redis.port(), ..RedisConfig::default() };
    let login = |user: Option<&str>, password: Option<&str>, db| RedisConfig {
        username: user.map(str::to_owned),
        password: password.map(Secret::new),
        db,
        ..base.clone()
    };
    let cases = [
        (login(None, None, 0), WrongSetting::NoPassword, "redis.password"),
        (login(None, None, 3), WrongSetting::NoPassword, "redis.password"),
        (login(None, Some("wrong"), 0), WrongSetting::Password, "redis.password"),
        (login(Some("nobody"), Some("right"), 0), WrongSetting::Password, "redis.username"),
        (login(None, Some("right"), 99), WrongSetting::Database, "redis.db"),
        (login(Some("weak"), Some("weak"), 0), WrongSetting::Permissions, "ACL SETUSER"),
    ];
    for (config, setting, member) in cases {
        let store = RedisStore::new(&config, Limits::default(), Counting::Hll).unwrap();
        let one = event("ns", "e", "g", "v", "1");
        let recorded = store.record(vec![one.clone()]).await.unwrap_err();
        let read = store.read(&one.namespace, None, Include::COUNTS).await.unwrap_err();
        let listed = store.list(&one.namespace, &Kind::ALL, None).await.unwrap_err();
        for error in [recorded, read, listed] {
            assert_eq!(error, StoreError::Settings(setting));
            let text = error.to_string();
            assert!(text.contains(member) && !text.contains("try again"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_redis_that_is_down_is_named_with_its_host_and_port() {
    let mut redis = Redis::start();
    redis.stop();
    let config = RedisConfig { port: redis.port(), ..RedisConfig::default() };
    let store = RedisStore::new(&config, Limits::default(), Counting::Hll).unwrap();
    let error = store.health().await.unwrap_err().to_string();
    let address = format!("Redis at 127.0.0.1:{}", redis.port());
    assert!(error.contains(&address) && error.contains("refused"), "{error}");
}

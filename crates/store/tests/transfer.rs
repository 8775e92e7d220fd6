//! An experiment moves between stores with all that it knows, or is refused: an event that was
//! counted before the move does not count after it.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::sync::Arc;

use abtest_config::{Limits, RedisConfig};
use abtest_model::{
    AllocationNumber, Amount, Baseline, Counting, Event, EventId, Experiment, Goal, GoalValues,
    Look, Namespace, Secret, Stated, Uuid, Variant,
};
use abtest_store::contents::{Baselines, Control, Looks, put_baselines, to_json};
use abtest_store::embedded::{self, EmbeddedStore};
use abtest_store::redis::RedisStore;
use abtest_store::transfer::{Export, ExportedDocument, Import, Seen, Step, TransferError};
use abtest_store::{
    Counters, Document, Documents, Expected, Include, Kind, Recorder, Refusal, Store, Write,
};
use abtest_tests::redis::Redis;

const UUIDS: u32 = 20_000;

fn events(goal: &str, uuids: std::ops::Range<u32>) -> Vec<Event> {
    uuids
        .map(|number| Event {
            namespace: Namespace::default(),
            experiment: Experiment::new("a:b").unwrap(),
            variant: Variant::new("red").unwrap(),
            goal: Goal::new(goal).unwrap(),
            uuid: Uuid::new(number.to_string()).unwrap(),
            allocation: None,
            value: None,
            id: None,
        })
        .collect()
}

fn redis_store(redis: &Redis, counting: Counting) -> RedisStore {
    let config = RedisConfig { url: Some(Secret::new(redis.url())), ..RedisConfig::default() };
    RedisStore::new(&config, Limits::default(), counting).unwrap()
}

async fn fill(store: &impl Recorder) {
    for from in (0..UUIDS).step_by(500) {
        store.record(events("participate", from..from + 500)).await.unwrap();
    }
    store.record(events("goal", 0..300)).await.unwrap();
}

/// Stores two looks and a control.
async fn keep(store: &impl Store) {
    let Event { namespace, experiment, variant, .. } = events("goal", 0..1).remove(0);
    let look = |participants| Look {
        participants,
        planned: 9_000,
        control: "red".into(),
        statistics: Vec::new(),
    };
    let looks = to_json(&Looks { looks: vec![look(1_000), look(2_000)] }).unwrap();
    let control = to_json(&Control { control: variant.to_string() }).unwrap();
    let writes = [(Kind::Looks, looks), (Kind::Control, control)]
        .map(|(kind, json)| Write::put(kind.of(&experiment), Expected::Absent, json));
    store.commit(&namespace, None, writes.to_vec()).await.unwrap();
}

/// How many participants each look had, the chosen control, and what others counted.
async fn kept(store: &impl Store) -> (Vec<u64>, Option<String>, Vec<Baseline>) {
    let Event { namespace, experiment, .. } = events("goal", 0..1).remove(0);
    let names = [experiment];
    let documents = store.list(&namespace, &Kind::OF_EXPERIMENTS, Some(&names)).await.unwrap();
    let find = |kind| documents.iter().find(|document| document.key.kind == kind);
    let looks: Option<Looks> = find(Kind::Looks).map(|looks| looks.parse().unwrap());
    let control: Option<Control> = find(Kind::Control).map(|control| control.parse().unwrap());
    let looks = looks.unwrap_or_default().looks;
    let participants = looks.iter().map(|look| look.participants).collect();
    (participants, control.map(|control| control.control), baselines(find(Kind::Baseline)))
}

fn baselines(document: Option<&Document>) -> Vec<Baseline> {
    document.map(|found| found.parse::<Baselines>().unwrap()).unwrap_or_default().baselines
}

async fn counts(store: &impl Counters) -> (Counting, u64, u64) {
    let one = &events("goal", 0..1)[0];
    let scope = [one.experiment.clone()];
    let tally = store.read(&one.namespace, Some(&scope), Include::COUNTS).await.unwrap().remove(0);
    (tally.counting, tally.trials(&one.variant), tally.count("goal", &one.variant))
}

/// Through its text, as a file has it.
fn through_a_file(export: Option<Export>) -> Export {
    let text = serde_json::to_string(&export.unwrap()).unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn redis_export(store: &RedisStore) -> Export {
    let one = &events("goal", 0..1)[0];
    through_a_file(store.export(&one.namespace, &one.experiment, &|_| ()).await.unwrap())
}

#[tokio::test]
async fn an_exact_experiment_moves_to_another_redis_and_knows_every_uuid_there() {
    let (here, there) = (Redis::start(), Redis::start());
    let store = redis_store(&here, Counting::Exact);
    fill(&store).await;
    keep(&store).await;
    let Event { namespace, experiment, .. } = events("goal", 0..1).remove(0);
    let before =
        Baseline { goal: "goal".into(), label: "red".into(), count: 7, counting: Counting::Hll };
    let baseline = std::slice::from_ref(&before);
    put_baselines(&store, &namespace, &experiment, baseline).await.unwrap();
    let export = redis_export(&store).await;
    // The other Redis's config says otherwise; the experiment goes on as it began.
    let other = redis_store(&there, Counting::Hll);
    other.import(&Namespace::default(), &export, &|_| ()).await.unwrap();
    assert_eq!(counts(&other).await, (Counting::Exact, 20_000, 300));
    assert_eq!(kept(&other).await, (vec![1_000, 2_000], Some("red".into()), vec![before]));
    fill(&other).await;
    other.record(events("goal", 200..400)).await.unwrap();
    assert_eq!(counts(&other).await, (Counting::Exact, 20_000, 400));
    let timeline = async |store: &RedisStore| {
        let one = &events("goal", 0..1)[0];
        let days = Include { days: true, ..Include::COUNTS };
        let mut tallies = store.read(&one.namespace, None, days).await.unwrap();
        tallies.remove(0).timeline.unwrap()
    };
    store.record(events("goal", 300..400)).await.unwrap();
    assert_eq!(timeline(&other).await, timeline(&store).await);
    other.finish_import(&Namespace::default(), &experiment).await.unwrap();
    let again = other.import(&Namespace::default(), &export, &|_| ()).await;
    assert!(matches!(again, Err(TransferError::Exists)));
    assert_eq!(counts(&other).await.1, 20_000, "what is there stays");
}

#[tokio::test]
async fn hyperloglogs_move_as_they_are() {
    let (here, there) = (Redis::start(), Redis::start());
    let store = redis_store(&here, Counting::Hll);
    fill(&store).await;
    let before = counts(&store).await;
    let other = redis_store(&there, Counting::Exact);
    other.import(&Namespace::default(), &redis_export(&store).await, &|_| ()).await.unwrap();
    fill(&other).await;
    assert_eq!(counts(&other).await, before);
}

#[tokio::test]
async fn a_folders_uuids_move_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    fill(&store).await;
    keep(&store).await;
    let before = kept(&store).await;
    assert_eq!((before.0.len(), before.1.is_some()), (2, true));
    drop(store);
    let one = &events("goal", 0..1)[0];
    let export = through_a_file(
        embedded::export(folder.path(), &one.namespace, &one.experiment, &|_| ()).unwrap(),
    );
    let other = tempfile::tempdir().unwrap();
    let other = EmbeddedStore::open(other.path(), Limits::default()).unwrap();
    other.import(&one.namespace, &export, &|_| ()).await.unwrap();
    assert_eq!(kept(&other).await, before);
    fill(&other).await;
    assert_eq!(counts(&other).await, (Counting::Exact, 20_000, 300));
    for counting in [Counting::Exact, Counting::Hll] {
        let redis = Redis::start();
        let store = redis_store(&redis, counting);
        store.import(&one.namespace, &export, &|_| ()).await.unwrap();
        let imported = counts(&store).await;
        assert_eq!(kept(&store).await, before);
        fill(&store).await;
        assert_eq!(counts(&store).await, imported);
        assert_eq!(imported.0, counting);
        if counting == Counting::Exact {
            assert_eq!((imported.1, imported.2), (20_000, 300));
        }
    }
}

/// Counts two uuids under allocation 2, one of which this allocation gives another variant.
async fn state_allocations(store: &impl Recorder) {
    let mut two = events("participate", 0..2);
    for (event, text) in two.iter_mut().zip(["2", "2x"]) {
        event.allocation = Some(Stated::from_text(text).unwrap());
    }
    store.record(two).await.unwrap();
}

async fn stated(store: &impl Counters) -> Vec<(String, u64)> {
    let one = &events("participate", 0..1)[0];
    let include = Include { allocations: true, ..Include::COUNTS };
    let tally = store.read(&one.namespace, None, include).await.unwrap().remove(0);
    let allocations = tally.allocations.unwrap();
    let found = allocations.of(&one.goal, &one.variant);
    found.map(|(stated, count)| (stated.to_string(), count)).collect()
}

#[tokio::test]
async fn what_events_stated_of_their_assignment_moves_along() {
    let expected = [("2".to_owned(), 1), ("2x".to_owned(), 1)];
    for counting in [Counting::Exact, Counting::Hll] {
        let (here, there) = (Redis::start(), Redis::start());
        let (store, other) = (redis_store(&here, counting), redis_store(&there, counting));
        state_allocations(&store).await;
        let export = redis_export(&store).await;
        other.import(&Namespace::default(), &export, &|_| ()).await.unwrap();
        assert_eq!(stated(&other).await, expected, "{counting}");
    }
    let (folder, there) = (tempfile::tempdir().unwrap(), Redis::start());
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    state_allocations(&store).await;
    let one = &events("goal", 0..1)[0];
    drop(store);
    let export = embedded::export(folder.path(), &one.namespace, &one.experiment, &|_| ());
    let export = through_a_file(export.unwrap());
    let other = redis_store(&there, Counting::Exact);
    other.import(&one.namespace, &export, &|_| ()).await.unwrap();
    assert_eq!(stated(&other).await, expected);
    let folder = tempfile::tempdir().unwrap();
    let other = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    other.import(&one.namespace, &export, &|_| ()).await.unwrap();
    assert_eq!(stated(&other).await, expected);
}

#[tokio::test]
async fn a_folders_uuids_are_counted_as_the_imported_definition_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    store.record(events("participate", 0..300)).await.unwrap();
    drop(store);
    let one = &events("participate", 0..1)[0];
    let export = embedded::export(folder.path(), &one.namespace, &one.experiment, &|_| ()).unwrap();
    let mut export = export.unwrap();
    for (usual, asked) in [(Counting::Hll, Counting::Exact), (Counting::Exact, Counting::Hll)] {
        let content = serde_json::json!({"counting": asked});
        export.documents = vec![ExportedDocument { kind: Kind::Definition, content }];
        let redis = Redis::start();
        let store = redis_store(&redis, usual);
        store.import(&one.namespace, &export, &|_| ()).await.unwrap();
        assert_eq!(counts(&store).await.0, asked);
    }
}

#[tokio::test]
async fn an_import_keeps_the_limits_whichever_way_it_counts() {
    let usual = Limits::default();
    for (counting, other) in [(Counting::Hll, Counting::Exact), (Counting::Exact, Counting::Hll)] {
        let here = Redis::start();
        let store = redis_store(&here, counting);
        store.record(events("a", 0..5)).await.unwrap();
        store.record(events("b", 0..5)).await.unwrap();
        let export = redis_export(&store).await;
        let one = events("a", 0..1).remove(0);
        let elsewhere = Event { namespace: Namespace::new("other").unwrap(), ..one.clone() };
        let beside = Event { experiment: Experiment::new("beside").unwrap(), ..one.clone() };
        for (limits, before, refusal) in [
            (Limits { namespaces: 1, ..usual }, Some(&elsewhere), Refusal::Namespaces { limit: 1 }),
            (Limits { experiments: 1, ..usual }, Some(&beside), Refusal::Experiments { limit: 1 }),
            (Limits { counters: 2, ..usual }, Some(&beside), Refusal::Counters { limit: 2 }),
            (
                Limits { counters_per_experiment: 1, ..usual },
                None,
                Refusal::CountersPerExperiment { limit: 1 },
            ),
        ] {
            let redis = Redis::start();
            // What is there counts the other way, and is in the other registry.
            let store = redis_store(&redis, other);
            store.record(before.into_iter().cloned().collect()).await.unwrap();
            let config =
                RedisConfig { url: Some(Secret::new(redis.url())), ..RedisConfig::default() };
            let store = RedisStore::new(&config, limits, counting).unwrap();
            let error = store.import(&one.namespace, &export, &|_| ()).await.unwrap_err();
            assert!(
                matches!(&error, TransferError::Refused(found) if *found == refusal),
                "{error}"
            );
            assert_eq!(counts(&store).await.2, 0);
        }
    }
}

#[tokio::test]
async fn what_would_count_twice_is_refused_and_leaves_nothing() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let folder = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    let namespace = Namespace::default();
    for (counting, refused) in [(Counting::Exact, "Marks"), (Counting::Hll, "Estimates")] {
        let store = redis_store(&redis, counting);
        store.record(events("goal", 0..300)).await.unwrap();
        let export = redis_export(&store).await;
        let error = folder.import(&namespace, &export, &|_| ()).await.unwrap_err();
        assert!(format!("{error:?}").contains(refused));
        assert_eq!(counts(&folder).await.2, 0);
        store.delete(&namespace, &export.name().unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_export_is_refused_and_leaves_nothing() {
    let (here, there) = (Redis::start(), Redis::start());
    let store = redis_store(&here, Counting::Exact);
    fill(&store).await;
    let text = serde_json::to_string(&redis_export(&store).await).unwrap();
    let other = redis_store(&there, Counting::Exact);
    for (damage, reason) in [
        (Damage::Count, "marks for a count of"),
        (Damage::Group, "above 127"),
        (Damage::Mark, "not a multiple of 4"),
    ] {
        let damaged = damage.apply(&text);
        assert_ne!(damaged, text);
        let export: Export = serde_json::from_str(&damaged).unwrap();
        let error = other.import(&Namespace::default(), &export, &|_| ()).await.unwrap_err();
        assert!(matches!(error, TransferError::Invalid(_)), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert_eq!(counts(&other).await, (Counting::Hll, 0, 0));
    for key in there.keys().iter().filter(|key| !key.contains("{documents:")) {
        assert!(there.command(&["TTL", key]).parse::<i64>().unwrap() > 0, "{key} stays");
    }
}

#[tokio::test]
async fn a_damaged_sketch_is_refused_and_leaves_nothing() {
    let (here, there) = (Redis::start(), Redis::start());
    let store = redis_store(&here, Counting::Hll);
    fill(&store).await;
    let mut export = redis_export(&store).await;
    export.counters.last_mut().unwrap().seen = Seen::Hll(vec!["AAAA".into()]);
    let other = redis_store(&there, Counting::Hll);
    let error = other.import(&Namespace::default(), &export, &|_| ()).await.unwrap_err();
    assert!(matches!(error, TransferError::Invalid(_)), "{error}");
    assert_eq!(counts(&other).await, (Counting::Hll, 0, 0));
}

/// Records events while an import waits for its `on_step`.
fn record_meanwhile(store: &impl Recorder, events: Vec<Event>) {
    tokio::task::block_in_place(|| {
        let outcomes = tokio::runtime::Handle::current().block_on(store.record(events)).unwrap();
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_fails_keeps_what_was_counted_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    store.record(events("a", 0..5)).await.unwrap();
    store.record(events("b", 0..5)).await.unwrap();
    drop(store);
    let one = &events("a", 0..1)[0];
    let export = embedded::export(folder.path(), &one.namespace, &one.experiment, &|_| ()).unwrap();
    let mut export = export.unwrap();
    export.counters.sort_by(|one, other| one.goal.cmp(&other.goal));
    let other = tempfile::tempdir().unwrap();
    // There is no room for the second counter.
    let limits = Limits { counters_per_experiment: 1, ..Limits::default() };
    let other = EmbeddedStore::open(other.path(), limits).unwrap();
    let meanwhile = |_| record_meanwhile(&other, events("a", 100..103));
    let error = other.import(&one.namespace, &export, &meanwhile).await.unwrap_err();
    assert!(matches!(error, TransferError::Exists), "{error}");
    let counted = async || other.read(&one.namespace, None, Include::COUNTS).await.unwrap();
    assert_eq!(counted().await[0].count("a", &one.variant), 3, "only what was counted meanwhile");
    other.delete(&one.namespace, &one.experiment).await.unwrap();
    let error = other.import(&one.namespace, &export, &|_| ()).await.unwrap_err();
    assert!(matches!(error, TransferError::Refused(_)), "{error}");
    assert!(counted().await.is_empty(), "nothing is imported");
    other.record(events("a", 0..9)).await.unwrap();
    assert_eq!(counted().await[0].count("a", &one.variant), 9);
}

#[tokio::test]
async fn an_import_keeps_to_the_limits_in_total_also_when_those_per_hour_are_used_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    store.record(events("a", 0..5)).await.unwrap();
    store.record(events("b", 0..5)).await.unwrap();
    drop(store);
    let one = &events("a", 0..1)[0];
    let export = embedded::export(folder.path(), &one.namespace, &one.experiment, &|_| ()).unwrap();
    let export = export.unwrap();
    for (counters, fits) in [(1, false), (2, true)] {
        let other = tempfile::tempdir().unwrap();
        let limits =
            Limits { counters, counters_per_hour: 0, experiments_per_hour: 0, ..Limits::default() };
        let other = EmbeddedStore::open(other.path(), limits).unwrap();
        let imported = other.import(&one.namespace, &export, &|_| ()).await;
        assert_eq!(imported.is_ok(), fits, "{counters} counters: {imported:?}");
    }
}

/// An import that ends after some steps, as if its process was killed.
async fn cut_off<S: Import + Send + Sync + 'static>(store: S, export: &Export, after: u64) -> S {
    let (store, export) = (Arc::new(store), export.clone());
    let killed = {
        let store = Arc::clone(&store);
        tokio::task::spawn_blocking(move || {
            let on_step = |step: Step| assert!(step.done < after, "killed");
            let namespace = Namespace::default();
            let import = store.import(&namespace, &export, &on_step);
            tokio::runtime::Handle::current().block_on(import)
        })
    };
    assert!(killed.await.unwrap_err().is_panic());
    Arc::into_inner(store).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_cut_off_leaves_nothing_to_see_and_can_be_repeated() {
    let Event { namespace, experiment, .. } = events("goal", 0..1).remove(0);
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    fill(&store).await;
    keep(&store).await;
    drop(store);
    let uuids = embedded::export(folder.path(), &namespace, &experiment, &|_| ()).unwrap().unwrap();
    let other = tempfile::tempdir().unwrap();
    let open = || EmbeddedStore::open(other.path(), Limits::default()).unwrap();
    drop(cut_off(open(), &uuids, 4_000).await);
    let store = open();
    assert!(store.read(&namespace, None, Include::COUNTS).await.unwrap().is_empty());
    store.import(&namespace, &uuids, &|_| ()).await.unwrap();
    assert_eq!(counts(&store).await, (Counting::Exact, 20_000, 300));
    assert_eq!(kept(&store).await.0, [1_000, 2_000]);
    drop(store);
    let store = open();
    assert_eq!(counts(&store).await, (Counting::Exact, 20_000, 300));
    assert!(store.is_published(&namespace, &uuids).await.unwrap());
    store.import(&namespace, &uuids, &|_| ()).await.unwrap();
    store.finish_import(&namespace, &experiment).await.unwrap();
    let again = store.import(&namespace, &uuids, &|_| ()).await;
    assert!(matches!(again, Err(TransferError::Exists)));

    for counting in [Counting::Exact, Counting::Hll] {
        let here = Redis::start();
        let store = redis_store(&here, counting);
        fill(&store).await;
        keep(&store).await;
        let before = counts(&store).await;
        let sketches = redis_export(&store).await;
        for (export, after) in [(&uuids, 2_000), (&sketches, 2)] {
            let redis = Redis::start();
            let store = cut_off(redis_store(&redis, counting), export, after).await;
            assert!(store.read(&namespace, None, Include::COUNTS).await.unwrap().is_empty());
            store.import(&namespace, export, &|_| ()).await.unwrap();
            assert_eq!(counts(&store).await, before);
            assert_eq!(kept(&store).await.0, [1_000, 2_000]);
            store.delete(&namespace, &experiment).await.unwrap();
            assert!(!store.is_published(&namespace, export).await.unwrap());
            // What was left alone for long is removed by the next import.
            for import in redis.command(&["HKEYS", "{abtest}:imports"]).lines() {
                redis.command(&["HSET", "{abtest}:imports", import, "1"]);
            }
            store.import(&namespace, export, &|_| ()).await.unwrap();
            store.delete(&namespace, &experiment).await.unwrap();
            for key in redis.keys().iter().filter(|key| !key.contains("documents:")) {
                let expiry: i64 = redis.command(&["TTL", key]).parse().unwrap();
                assert!(expiry > 0, "{counting}: {key} stays");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_hyperloglog_keeps_what_was_counted_meanwhile() {
    let (here, there) = (Redis::start(), Redis::start());
    let store = redis_store(&here, Counting::Hll);
    store.record(events("goal", 0..5)).await.unwrap();
    store.record(events("participate", 0..9)).await.unwrap();
    let mut export = redis_export(&store).await;
    export.counters.sort_by(|one, other| other.goal.cmp(&one.goal));
    let other = redis_store(&there, Counting::Hll);
    let meanwhile = |_| record_meanwhile(&other, events("goal", 3..7));
    other.import(&Namespace::default(), &export, &meanwhile).await.unwrap();
    assert_eq!(counts(&other).await, (Counting::Hll, 9, 7));
}

#[tokio::test]
async fn what_gimel_and_lamed_counted_stands_beside_as_what_it_is_and_is_never_added() {
    let (gimel, here) = (Redis::start(), Redis::start());
    let counter = |goal: &str| format!("alephbet:counters:a b:{goal}:red");
    for goal in ["participate", "goal"] {
        gimel.command(&["SADD", "alephbet:experiments", "a b"]);
        gimel.command(&["SADD", "alephbet:a b:counter_keys", &counter(goal)]);
    }
    gimel.command(&["PFADD", &counter("participate"), "1", "2", "3"]);
    gimel.command(&["SET", &counter("goal"), "41234"]);
    let (namespace, experiment) = (Namespace::default(), Experiment::new("a b").unwrap());
    let from = redis_store(&gimel, Counting::Hll);
    let values = from.counted_by_others(&namespace, &experiment).await.unwrap();
    let store = redis_store(&here, Counting::Exact);
    for _ in 0..2 {
        put_baselines(&store, &namespace, &experiment, &values).await.unwrap();
    }
    let one = Event { experiment: experiment.clone(), ..events("goal", 1..2).remove(0) };
    store.record(vec![one.clone()]).await.unwrap();
    let scope = [experiment.clone()];
    let tally = store.read(&namespace, Some(&scope), Include::COUNTS).await.unwrap().remove(0);
    assert_eq!((tally.counting, tally.count("goal", &one.variant)), (Counting::Exact, 1));
    let read = async || {
        let found = store.list(&namespace, &[Kind::Baseline], None).await.unwrap();
        baselines(found.first())
    };
    let mut found = read().await;
    found.sort_by(|one, other| one.goal.cmp(&other.goal));
    let found: Vec<_> = found
        .iter()
        .map(|value| (&*value.goal, &*value.label, value.count, value.counting))
        .collect();
    assert_eq!(
        found,
        [("goal", "red", 41_234, Counting::Exact), ("participate", "red", 3, Counting::Hll)]
    );
    store.delete(&namespace, &experiment).await.unwrap();
    assert_eq!(read().await, []);
}

/// Ways to damage an export of exact counters.
enum Damage {
    Count,
    Group,
    Mark,
}

impl Damage {
    fn apply(&self, text: &str) -> String {
        if let Self::Count = self {
            return text.replace("\"count\":20000", "\"count\":19999");
        }
        let mut export: serde_json::Value = serde_json::from_str(text).unwrap();
        let counters = export["counters"].as_array_mut().unwrap();
        let counter = counters.iter_mut().find(|counter| counter["goal"] == "participate").unwrap();
        let buckets = counter["seen"]["exact"]["buckets"].as_object_mut().unwrap();
        let groups = buckets.values_mut().next().unwrap().as_object_mut().unwrap();
        let name = groups.keys().next().unwrap().clone();
        let marks = groups.remove(&name).unwrap();
        match self {
            Self::Group => groups.insert("128".into(), marks),
            _ => groups.insert(name, "AAAAAAA=".into()),
        };
        export.to_string()
    }
}

fn paid(variant: &str, uuid: u32, value: &str, id: &str) -> Event {
    let mut event = events("reve:nue", uuid..uuid + 1).remove(0);
    event.variant = Variant::new(variant).unwrap();
    event.value = Some(Amount::from_text(value).unwrap());
    event.id = (!id.is_empty()).then(|| EventId::new(id).unwrap());
    event.allocation = Some(AllocationNumber::from_number(1 + u64::from(uuid % 2)).unwrap().into());
    event
}

/// Orders of 400 units, values without an id, and refunds.
async fn sell(store: &impl Recorder) {
    for from in (0..400).step_by(100) {
        let orders = (from..from + 100).flat_map(|unit| {
            let variant = if unit % 3 == 0 { "red" } else { "blue" };
            [
                paid(variant, unit, "19.99", &format!("order {unit}")),
                paid(variant, unit, "-5.5", &format!("refund {unit}")),
                paid(variant, unit, "0.01", ""),
            ]
        });
        let outcomes = store.record(orders.collect()).await.unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
    }
}

async fn values(store: &impl Counters) -> GoalValues {
    let one = &events("goal", 0..1)[0];
    let scope = [one.experiment.clone()];
    let include = Include { values: true, ..Include::COUNTS };
    let tally = store.read(&one.namespace, Some(&scope), include).await.unwrap().remove(0);
    tally.values.unwrap().0.remove("reve:nue").unwrap()
}

async fn sells_on_as_before(there: &impl Counters, before: &GoalValues) {
    let mut found = values(there).await;
    // A change of place finds the largest totals anew.
    for (variant, values) in &mut found.variants {
        let known = &before.variants[variant];
        assert_eq!(values.total.largest, 145_000, "the largest total that there is");
        values.total.largest = known.total.largest;
        for (allocation, sums) in &mut values.allocations {
            sums.largest = known.allocations[allocation].largest;
        }
    }
    assert_eq!(found, *before);
    sell(there).await;
    assert_eq!(values(there).await.variants["red"].total.sum, before.variants["red"].total.sum);
    there.record(vec![paid("red", 0, "1", "new")]).await.unwrap();
    let after = values(there).await.variants["red"].total;
    assert_eq!(after.sum, before.variants["red"].total.sum + 10_000);
}

#[tokio::test]
async fn values_move_between_all_stores_that_can_take_the_experiment() {
    let one = events("reve:nue", 0..1).remove(0);
    let cap = Some(Amount::from_text("100").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    sell(&store).await;
    store.set_cap(&one.namespace, &one.experiment, &one.goal, cap).await.unwrap();
    let before = values(&store).await;
    assert_eq!(before.variants["red"].total.units, 134);
    drop(store);
    let export = embedded::export(folder.path(), &one.namespace, &one.experiment, &|_| ()).unwrap();
    let export = through_a_file(export);
    let other = tempfile::tempdir().unwrap();
    let there = EmbeddedStore::open(other.path(), Limits::default()).unwrap();
    there.import(&one.namespace, &export, &|_| ()).await.unwrap();
    sells_on_as_before(&there, &before).await;
    for counting in [Counting::Exact, Counting::Hll] {
        let (first, second) = (Redis::start(), Redis::start());
        let there = redis_store(&first, counting);
        there.import(&one.namespace, &export, &|_| ()).await.unwrap();
        let moved = redis_export(&there).await;
        sells_on_as_before(&there, &before).await;
        let there = redis_store(&second, counting);
        there.import(&one.namespace, &moved, &|_| ()).await.unwrap();
        sells_on_as_before(&there, &before).await;
        assert!(there.delete(&one.namespace, &one.experiment).await.unwrap());
        let left = second.keys().into_iter().filter(|key| !key.contains("{documents:"));
        let left: Vec<String> = left.filter(|key| second.command(&["TTL", key]) == "-1").collect();
        assert_eq!(left, ["abtest:{deleted}"; 0], "what stays of an experiment expires");
    }
}

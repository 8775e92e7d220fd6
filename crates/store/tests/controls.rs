//! Chosen controls are kept by both backends, until their experiment is deleted.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails
#![cfg(all(feature = "embedded", feature = "redis"))]

use abtest_model::{
    Counting, Experiment, Goal, Limits, Namespace, RedisConfig, Secret, Tally, Variant,
};
use abtest_store::Store;
use abtest_store::embedded::EmbeddedStore;
use abtest_store::redis::RedisStore;
use abtest_tests::redis::Redis;

/// The control that is kept for each of these experiments.
async fn kept<S: Store>(store: &S, namespace: &Namespace, names: &[&str]) -> Vec<Option<String>> {
    let tally = |name: &&str| {
        let mut tally = Tally::new(Experiment::new(*name).unwrap(), Counting::Exact);
        tally.set(Goal::new("participate").unwrap(), Variant::new("a").unwrap(), 1);
        tally
    };
    let mut tallies: Vec<Tally> = names.iter().map(tally).collect();
    store.controls(namespace, &mut tallies).await.unwrap();
    tallies.into_iter().map(|tally| tally.control.map(|control| control.to_string())).collect()
}

async fn are_kept<S: Store>(open: impl Fn() -> S) {
    let namespace = Namespace::new("a:b").unwrap();
    let other = Namespace::new("a%3Ab").unwrap();
    let names = ["a:b", "a%3Ab", "none"];
    let keep = async |store: &S, name: &str, control: Option<&str>| {
        let (experiment, control) =
            (Experiment::new(name).unwrap(), control.map(|name| Variant::new(name).unwrap()));
        store.keep_control(&namespace, &experiment, control.as_ref()).await.unwrap();
    };
    let some = |name: &str| Some(name.to_owned());
    {
        let store = open();
        assert_eq!(kept(&store, &namespace, &names).await, [None, None, None]);
        keep(&store, "a:b", Some("50% off: now")).await;
        keep(&store, "a:b", Some("red")).await;
        keep(&store, "a%3Ab", Some("50% off: now")).await;
    }
    // Another process sees them, too.
    let store = open();
    let expected = [some("red"), some("50% off: now"), None];
    assert_eq!(kept(&store, &namespace, &names).await, expected);
    assert_eq!(kept(&store, &other, &names).await, [None, None, None]);
    assert_eq!(kept(&store, &namespace, &[]).await, []);
    keep(&store, "a%3Ab", None).await;
    assert_eq!(kept(&store, &namespace, &names).await, [some("red"), None, None]);
    store.delete(&namespace, &Experiment::new("a:b").unwrap()).await.unwrap();
    assert_eq!(kept(&store, &namespace, &names).await, [None, None, None]);
}

#[tokio::test]
async fn on_redis_a_control_is_kept_until_the_experiment_is_deleted() {
    let redis = Redis::start();
    for counting in [Counting::Hll, Counting::Exact] {
        are_kept(|| {
            let url = Some(Secret::new(redis.url()));
            let config = RedisConfig { url, ..RedisConfig::default() };
            RedisStore::new(&config, Limits::default(), counting).unwrap()
        })
        .await;
    }
    assert_eq!(redis.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn in_a_folder_a_control_is_kept_until_the_experiment_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counters");
    are_kept(|| EmbeddedStore::open(&path, Limits::default()).unwrap()).await;
}

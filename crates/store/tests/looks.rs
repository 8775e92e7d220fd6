//! Looks are remembered by both backends, until their experiment is deleted.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails
#![cfg(all(feature = "embedded", feature = "redis"))]

use abtest_model::look::Statistic;
use abtest_model::{Counting, Experiment, Limits, Look, Namespace, RedisConfig, Secret};
use abtest_store::Store;
use abtest_store::embedded::EmbeddedStore;
use abtest_store::redis::RedisStore;
use abtest_tests::redis::Redis;

fn look(participants: u64) -> Look {
    let statistic = Statistic {
        goal: "50% off: now".into(),
        variant: "b".into(),
        z: -1.25,
        standard_error: 0.0625,
    };
    Look { participants, planned: 1_000, control: "a".into(), statistics: vec![statistic] }
}

async fn are_remembered(open: impl Fn() -> Opened) {
    let names = |text: &str| (Namespace::new(text).unwrap(), Experiment::new(text).unwrap());
    let ((a, b), (colon, percent)) = (names("a:b"), names("a%3Ab"));
    {
        let store = open();
        assert_eq!(store.looks(&a, &b).await, []);
        for participants in [300, 100, 300, 200] {
            store.take(&a, &b, look(participants)).await;
        }
        store.take(&colon, &percent, look(7)).await;
        assert_eq!(store.looks(&a, &b).await, [look(100), look(200), look(300)]);
    }
    // Another process sees them, too.
    let store = open();
    assert_eq!(store.looks(&a, &b).await, [look(100), look(200), look(300)]);
    store.delete(&a, &b).await;
    assert_eq!(store.looks(&a, &b).await, []);
    assert_eq!(store.looks(&colon, &percent).await, [look(7)]);
    store.take(&a, &b, look(5)).await;
    assert_eq!(store.looks(&a, &b).await, [look(5)]);
}

/// Either backend.
enum Opened {
    Redis(RedisStore),
    Embedded(EmbeddedStore),
}

impl Opened {
    async fn looks(&self, namespace: &Namespace, experiment: &Experiment) -> Vec<Look> {
        match self {
            Self::Redis(store) => store.looks(namespace, experiment).await.unwrap(),
            Self::Embedded(store) => store.looks(namespace, experiment).await.unwrap(),
        }
    }

    async fn take(&self, namespace: &Namespace, experiment: &Experiment, look: Look) {
        match self {
            Self::Redis(store) => store.take_look(namespace, experiment, look).await.unwrap(),
            Self::Embedded(store) => store.take_look(namespace, experiment, look).await.unwrap(),
        }
    }

    async fn delete(&self, namespace: &Namespace, experiment: &Experiment) {
        match self {
            Self::Redis(store) => store.delete(namespace, experiment).await.unwrap(),
            Self::Embedded(store) => store.delete(namespace, experiment).await.unwrap(),
        };
    }
}

#[tokio::test]
async fn on_redis_looks_are_remembered_until_the_experiment_is_deleted() {
    let redis = Redis::start();
    let url = redis.url();
    are_remembered(|| {
        let url = Some(Secret::new(url.clone()));
        let config = RedisConfig { url, ..RedisConfig::default() };
        Opened::Redis(RedisStore::new(&config, Limits::default(), Counting::Hll).unwrap())
    })
    .await;
}

#[tokio::test]
async fn in_a_folder_looks_are_remembered_until_the_experiment_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counters");
    are_remembered(|| Opened::Embedded(EmbeddedStore::open(&path, Limits::default()).unwrap()))
        .await;
}

#[tokio::test]
async fn a_line_that_a_power_cut_left_unfinished_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    let (namespace, experiment) = (Namespace::default(), Experiment::new("e").unwrap());
    store.take_look(&namespace, &experiment, look(1)).await.unwrap();
    let file = folder.path().join("looks.jsonl");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text += "\n{\"namespace\": \"alephbet\", \"exp";
    std::fs::write(&file, text).unwrap();
    store.take_look(&namespace, &experiment, look(2)).await.unwrap();
    assert_eq!(store.looks(&namespace, &experiment).await.unwrap(), [look(1), look(2)]);
}

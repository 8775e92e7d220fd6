//! Exact counting keeps the contract on a real Redis Cluster of three nodes.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod contract;

use abtest_config::{Limits, RedisConfig};
use abtest_model::{Counting, Event, Secret};
use abtest_store::redis::{Boundaries, RedisStore, SettingsError};
use abtest_store::{Counters, Include, Recorder};
use abtest_tests::cluster::Cluster;
use contract::{Backend, event};

impl Backend for Cluster {
    type Store = RedisStore;

    fn new() -> Self {
        Self::start()
    }

    fn open(&self, limits: Limits) -> RedisStore {
        RedisStore::new(&config(self), limits, Counting::Exact).unwrap()
    }

    fn spoil(&self) -> bool {
        let key = "{abtest}:ns:spoiled:counters";
        // One node has the key; the others say where it is.
        for node in self.nodes() {
            node.command(&["SET", key, "no hash"]);
        }
        true
    }
}

contract!(Cluster);

fn config(cluster: &Cluster) -> RedisConfig {
    let url = Some(Secret::new(cluster.url()));
    RedisConfig { url, cluster: true, ..RedisConfig::default() }
}

#[tokio::test]
async fn the_counters_spread_over_the_nodes_and_a_deletion_leaves_none() {
    let cluster = Cluster::start();
    let low = Boundaries { first: 8, group: 2 };
    let store =
        RedisStore::with_boundaries(&config(&cluster), Limits::default(), Counting::Exact, low)
            .unwrap();
    let batch: Vec<Event> = (0..1_200)
        .map(|number| event("ns", "e", "g", &(number % 48).to_string(), &number.to_string()))
        .collect();
    for part in batch.chunks(400) {
        store.record(part.to_vec()).await.unwrap();
        for node in cluster.nodes() {
            node.command(&["SCRIPT", "FLUSH"]);
        }
        store.record(part.to_vec()).await.unwrap();
    }
    let (namespace, experiment) = (&batch[0].namespace, &batch[0].experiment);
    let tally = store.read(namespace, None, Include::COUNTS).await.unwrap().remove(0);
    assert_eq!(tally.counting, Counting::Exact);
    for variant in tally.variants() {
        assert_eq!(tally.count("g", variant), 25);
    }
    // All 48 counters on one or two nodes are less likely than one in ten million.
    assert!(cluster.nodes().iter().all(|node| node.keys().len() > 10));
    assert!(store.delete(namespace, experiment).await.unwrap());
    let left = cluster.nodes().iter().flat_map(|node| {
        let keys = node.keys().into_iter().filter(|key| !key.contains("{documents:"));
        keys.map(move |key| node.command(&["TTL", &key]).parse::<i64>().unwrap())
    });
    assert!(left.into_iter().all(|expiry| expiry > 0), "all that is left expires");
}

#[tokio::test]
async fn hyperloglogs_on_a_cluster_are_refused_with_a_word_on_what_to_do() {
    let config = RedisConfig { cluster: true, ..RedisConfig::default() };
    let refused = RedisStore::new(&config, Limits::default(), Counting::Hll).err().unwrap();
    assert!(matches!(refused, SettingsError::ClusterEstimates));
    assert!(refused.to_string().contains("\"counting\": \"exact\""));
}

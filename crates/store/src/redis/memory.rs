//! Measures how much memory experiments use, with MEMORY USAGE. The buckets on a level of an exact
//! counter are alike, so a sample of them is measured.

use redis::{cmd, pipe};

use super::connection::Connection;
use super::exact::layout::{Identity, buckets};
use super::keys::NamespaceKeys;
use super::read::{CounterKeys, query};
use super::values::layout as ledger;
use crate::StoreError;

/// Most buckets that are measured per level. With a Poisson number of marks, 100 on average, the
/// level's memory is then known to about 2%.
const SAMPLE: u64 = 32;

/// The keys of an experiment that are measured.
pub(super) struct Usage {
    /// Each key, and how many keys it stands for.
    keys: Vec<(String, f64)>,
}

impl Usage {
    /// Of estimated counters, and of exact ones and ledgers with their deepest levels.
    pub(super) fn of(
        estimated: &CounterKeys,
        exact: Vec<(&Identity, u8)>,
        ledgers: Vec<(&Identity, u8)>,
    ) -> Self {
        let estimated = estimated.values().flatten();
        let mut keys: Vec<_> = estimated
            .flat_map(|key| [key.clone(), NamespaceKeys::days(key)])
            .map(|key| (key, 1.0))
            .collect();
        keys.extend(exact.into_iter().flat_map(|(identity, deepest)| {
            sample(identity, deepest, buckets, |level, number| {
                identity.numbered_bucket_key(level, number)
            })
        }));
        keys.extend(ledgers.into_iter().flat_map(|(identity, deepest)| {
            sample(identity, deepest, ledger::buckets, |level, number| {
                ledger::numbered_bucket_key(identity.id(), level, number)
            })
        }));
        Self { keys }
    }
}

/// The bytes of memory that each experiment uses.
pub(super) async fn measure(
    connection: &Connection,
    usages: Vec<Usage>,
) -> Result<Vec<u64>, StoreError> {
    let mut measured = pipe();
    for (key, _) in usages.iter().flat_map(|usage| &usage.keys) {
        measured.add_command(cmd("MEMORY").arg("USAGE").arg(key).take());
    }
    let bytes: Vec<Option<u64>> = query(connection, measured).await?;
    let mut bytes = bytes.into_iter().map(|bytes| bytes.unwrap_or(0) as f64);
    let total = |usage: &Usage| -> u64 {
        let weights = usage.keys.iter().map(|(_, weight)| weight);
        weights.zip(bytes.by_ref()).map(|(weight, bytes)| weight * bytes).sum::<f64>() as u64
    };
    Ok(usages.iter().map(total).collect())
}

/// Keys of an exactly counted counter or a ledger, and how many of its keys each stands for.
fn sample(
    identity: &Identity,
    deepest: u8,
    buckets: impl Fn(u8) -> u64,
    bucket_key: impl Fn(u8, u64) -> String,
) -> Vec<(String, f64)> {
    let mut keys = vec![(identity.state_key(), 1.0)];
    for level in 0..=deepest {
        let all = buckets(level);
        let taken = all.min(SAMPLE);
        let spread = (0..taken).map(|number| number * all / taken);
        let weight = all as f64 / taken as f64;
        keys.extend(spread.map(|number| (bucket_key(level, number), weight)));
    }
    keys
}

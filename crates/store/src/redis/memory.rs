//! How much memory experiments use, as Redis says. The buckets of an exactly counted counter are
//! alike, so of the many on a level some are measured.

use abtest_model::Tally;
use redis::{Cmd, cmd, pipe};

use super::connection::Connection;
use super::exact::layout::{Identity, LAST_LEVEL, buckets};
use super::keys::NamespaceKeys;
use super::read::{counters, named, query};
use crate::StoreError;

/// Most buckets of a level that are measured: of Poisson-spread marks a hundred on average, that
/// gives the level's memory to about 2%.
const SAMPLE: u64 = 32;

/// Puts the memory of their counters into tallies.
pub(super) async fn measure(
    connection: &Connection,
    keys: &NamespaceKeys,
    tallies: &mut [Tally],
) -> Result<(), StoreError> {
    let experiments: Vec<_> = tallies.iter().map(|tally| named(&tally.experiment)).collect();
    let counters = counters(connection, keys, &experiments).await?;
    let mut deepest = pipe();
    for identity in counters.iter().flat_map(|counters| counters.exact.values()) {
        deepest.hget(identity.state_key(), "deepest");
    }
    let deepest: Vec<Option<u8>> = query(connection, deepest).await?;
    let mut deepest = deepest.into_iter().map(|level| level.unwrap_or(0).min(LAST_LEVEL));
    let mut usage = pipe();
    // For each of the tallies, how many keys one measured key stands for.
    let mut weights = Vec::with_capacity(tallies.len());
    for counters in &counters {
        let mut weighed = Vec::new();
        for key in counters.estimated.values().flatten() {
            for key in [key, &NamespaceKeys::days(key)] {
                usage.add_command(memory_usage(key));
                weighed.push(1.0);
            }
        }
        for (identity, deepest) in counters.exact.values().zip(deepest.by_ref()) {
            for (key, weight) in sample(identity, deepest) {
                usage.add_command(memory_usage(&key));
                weighed.push(weight);
            }
        }
        weights.push(weighed);
    }
    let usage: Vec<Option<u64>> = query(connection, usage).await?;
    let mut usage = usage.into_iter().map(|bytes| bytes.unwrap_or(0) as f64);
    for (tally, weights) in tallies.iter_mut().zip(weights) {
        let bytes: f64 =
            weights.iter().zip(usage.by_ref()).map(|(weight, bytes)| weight * bytes).sum();
        tally.memory = Some(bytes as u64);
    }
    Ok(())
}

/// Keys of an exactly counted counter, and how many of its keys each stands for.
fn sample(identity: &Identity, deepest: u8) -> Vec<(String, f64)> {
    let mut keys = vec![(identity.state_key(), 1.0)];
    for level in 0..=deepest {
        let all = buckets(level);
        let taken = all.min(SAMPLE);
        let spread = (0..taken).map(|number| number * all / taken);
        let weight = all as f64 / taken as f64;
        keys.extend(spread.map(|number| (identity.numbered_bucket_key(level, number), weight)));
    }
    keys
}

fn memory_usage(key: &str) -> Cmd {
    cmd("MEMORY").arg("USAGE").arg(key).take()
}

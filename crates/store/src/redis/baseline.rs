//! Baselines: reads what Gimel or Lamed counted under their keys.

use abtest_model::{Baseline, Counting, Experiment, Namespace};
use redis::pipe;

use super::RedisStore;
use super::keys::NamespaceKeys;
use super::read::{counters, named, query};
use crate::StoreError;

/// What a HyperLogLog's value begins with.
const HLL_MAGIC: &[u8] = b"HYLL";

impl RedisStore {
    /// What Gimel or Lamed counted for an experiment under their keys on this Redis: an estimate
    /// where the counter is a HyperLogLog (Gimel), exact where it is a number (Lamed).
    ///
    /// # Errors
    /// When Redis cannot be read.
    pub async fn counted_by_others(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<Vec<Baseline>, StoreError> {
        let connection = &self.server.connection;
        let keys = NamespaceKeys::new(namespace);
        let found = counters(connection, &keys, &[named(experiment)], false).await?;
        let estimated = || found.iter().flat_map(|found| &found.estimated);
        let each_key =
            || estimated().flat_map(|(names, keys)| keys.iter().map(move |key| (names, key)));
        let mut read = pipe();
        each_key().for_each(|(_, key)| {
            read.get(key);
        });
        let values: Vec<Option<Vec<u8>>> = query(connection, read).await?;
        let mut sketches = pipe();
        let is_sketch = |value: &Option<Vec<u8>>| {
            value.as_ref().is_some_and(|value| value.starts_with(HLL_MAGIC))
        };
        for ((_, key), _) in each_key().zip(&values).filter(|(_, value)| is_sketch(value)) {
            sketches.pfcount(key);
        }
        let mut estimates = query::<u64>(connection, sketches).await?.into_iter();
        let mut counted = Vec::with_capacity(values.len());
        for (((goal, variant), _), value) in each_key().zip(&values) {
            let (count, counting) = if is_sketch(value) {
                (estimates.next(), Counting::Hll)
            } else {
                let text = value.as_ref().and_then(|value| std::str::from_utf8(value).ok());
                (text.and_then(|text| text.parse().ok()), Counting::Exact)
            };
            counted.extend(count.map(|count| Baseline {
                goal: goal.to_string(),
                label: variant.to_string(),
                count,
                counting,
            }));
        }
        Ok(counted)
    }
}

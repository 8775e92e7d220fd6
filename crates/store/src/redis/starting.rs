//! Starting values: what Gimel or Lamed had counted, in a hash `abtest:before:NS:EXP`, by
//! `GOAL:VARIANT`. They came without uuids, so they are kept apart from what is counted here.

use abtest_model::{Counting, Experiment, Namespace, StartingValue, Tally};
use redis::{AsyncCommands as _, pipe};

use super::RedisStore;
use super::connection::Connection;
use super::exact::keys::read as read_names;
use super::keys::{self, NamespaceKeys, escape};
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
    ) -> Result<Vec<StartingValue>, StoreError> {
        let connection = &self.server.connection;
        let keys = NamespaceKeys::new(namespace);
        let found = counters(connection, &keys, &[named(experiment)]).await?;
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
            counted.extend(count.map(|count| StartingValue {
                goal: goal.to_string(),
                label: variant.to_string(),
                count,
                counting,
            }));
        }
        Ok(counted)
    }

    /// Puts starting values beside an experiment; what it had for the same counters is replaced.
    ///
    /// # Errors
    /// When Redis cannot be written.
    pub async fn put_starting_values(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        values: &[StartingValue],
    ) -> Result<(), StoreError> {
        let key = key(namespace, experiment);
        let mut write = pipe();
        for StartingValue { goal, label, count, counting } in values {
            let counter = format!("{}:{}", escape(goal), escape(label));
            write.hset(&key, counter, format!("{counting}:{count}"));
        }
        let _: Vec<redis::Value> = query(&self.server.connection, write).await?;
        Ok(())
    }
}

/// Puts the starting values into tallies.
pub(super) async fn read(
    connection: &Connection,
    namespace: &Namespace,
    tallies: &mut [Tally],
) -> Result<(), StoreError> {
    let mut hashes = pipe();
    for tally in tallies.iter() {
        hashes.hgetall(key(namespace, &tally.experiment));
    }
    let hashes: Vec<std::collections::BTreeMap<String, String>> = query(connection, hashes).await?;
    for (tally, values) in tallies.iter_mut().zip(hashes) {
        let value = |(counter, value): (&String, &String)| {
            let (goal, variant) = read_names(counter)?;
            let (counting, count) = value.split_once(':')?;
            Some(StartingValue {
                goal: goal.to_string(),
                label: variant.to_string(),
                count: count.parse().ok()?,
                counting: counting.parse().ok()?,
            })
        };
        tally.starting_values = values.iter().filter_map(value).collect();
    }
    Ok(())
}

pub(super) async fn forget(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
) -> Result<(), StoreError> {
    let key = &key(namespace, experiment);
    connection
        .run(connection.response_timeout(), |mut connection| async move {
            connection.unlink::<_, ()>(key).await
        })
        .await
}

fn key(namespace: &Namespace, experiment: &Experiment) -> String {
    let namespace = NamespaceKeys::new(namespace);
    format!("abtest:before:{}:{}", namespace.member(), keys::member(experiment))
}

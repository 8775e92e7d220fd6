//! Deletion: the name goes at once, the keys in steps that Redis does not notice. Cut off at any
//! point, the next deletion, of whatever experiment, goes on with it.

use std::sync::LazyLock;

use abtest_model::{Experiment, Namespace};
use redis::{FromRedisValue, Script, cmd};

use super::keys::{self, DELETED};
use super::layout::{bucket_keys, state_key};
use crate::StoreError;
use crate::redis::connection::Connection;
use crate::redis::keys as gimel;

static UNREGISTER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("unregister.lua")));
static CLOSE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("close.lua")));

/// Most buckets, of up to 9 kB, in one UNLINK.
const STEP: usize = 100;

/// How long a deleted counter's state says that it is deleted, in seconds: longer than any
/// process could sleep between asking the registry and counting.
const FAREWELL: u64 = 86_400;

pub(super) async fn experiment(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
) -> Result<bool, StoreError> {
    let namespace = gimel::NamespaceKeys::new(namespace);
    let member = gimel::member(experiment);
    let mut script = UNREGISTER.key(keys::NAMESPACES);
    script
        .key(keys::experiments(namespace.member()))
        .key(keys::count(namespace.member()))
        .key(keys::counters(namespace.member(), &member))
        .key(DELETED)
        .arg(namespace.member())
        .arg(&*member)
        .arg(format!("{}:{member}", namespace.member()));
    let script = &script;
    let (found, waiting): (i64, Vec<String>) = connection
        .run(connection.response_timeout(), |mut connection| async move {
            let answer: Vec<redis::Value> = script.invoke_async(&mut connection).await?;
            let mut answer = answer.into_iter();
            let found = i64::from_redis_value(answer.next().unwrap_or(redis::Value::Int(0)))?;
            let waiting = answer.map(String::from_redis_value).collect::<Result<_, _>>()?;
            Ok((found, waiting))
        })
        .await?;
    for id in waiting {
        remove(connection, &id).await?;
    }
    Ok(found == 1)
}

/// Removes a counter's keys. What was removed before is passed over.
pub(super) async fn remove(connection: &Connection, id: &str) -> Result<(), StoreError> {
    let script = &CLOSE.key(state_key(id));
    let deepest: u8 = connection
        .run(connection.response_timeout(), |mut connection| async move {
            script.invoke_async(&mut connection).await
        })
        .await?;
    for level in 0..=deepest {
        let mut keys = bucket_keys(id, level);
        loop {
            let step: Vec<String> = keys.by_ref().take(STEP).collect();
            if step.is_empty() {
                break;
            }
            run(connection, cmd("UNLINK").arg(step).take()).await?;
        }
    }
    run(connection, cmd("EXPIRE").arg(state_key(id)).arg(FAREWELL).take()).await?;
    run(connection, cmd("HDEL").arg(DELETED).arg(id).take()).await
}

async fn run(connection: &Connection, command: redis::Cmd) -> Result<(), StoreError> {
    let command = &command;
    connection
        .run(connection.response_timeout(), |mut connection| async move {
            command.exec_async(&mut connection).await
        })
        .await
}

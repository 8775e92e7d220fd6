//! Looks at an experiment: a hash `abtest:looks:NS:EXP`, by participants. So a look that is told
//! twice, on a connection that broke, is one.

use abtest_model::{Experiment, Look, Namespace, look};
use redis::AsyncCommands;

use super::connection::Connection;
use super::keys::{self, NamespaceKeys};
use crate::StoreError;

pub(super) async fn read(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
) -> Result<Vec<Look>, StoreError> {
    let key = &key(namespace, experiment);
    let found: Vec<String> = connection
        .run(
            connection.response_timeout(),
            |mut connection| async move { connection.hvals(key).await },
        )
        .await?;
    // One that cannot be read was written by a newer abtest, or by nobody of ours.
    Ok(look::in_order(found.iter().filter_map(|text| serde_json::from_str(text).ok())))
}

pub(super) async fn take(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
    look: &Look,
) -> Result<(), StoreError> {
    let key = &key(namespace, experiment);
    let text =
        &serde_json::to_string(look).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    connection
        .run(connection.response_timeout(), |mut connection| async move {
            connection.hset_nx::<_, _, _, ()>(key, look.participants, text).await
        })
        .await
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
    format!("abtest:looks:{}:{}", namespace.member(), keys::member(experiment))
}

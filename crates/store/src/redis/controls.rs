//! Chosen controls: a hash `abtest:controls:NS` from experiment to variant. One that Gimel deleted
//! an experiment of is left, and is of no use until a variant of that name is there again.

use abtest_model::{Experiment, Namespace, Tally, Variant};
use redis::cmd;

use super::connection::Connection;
use super::keys::{self, NamespaceKeys};
use crate::StoreError;

pub(super) async fn read(
    connection: &Connection,
    namespace: &Namespace,
    tallies: &mut [Tally],
) -> Result<(), StoreError> {
    if tallies.is_empty() {
        return Ok(());
    }
    let mut get = cmd("HMGET");
    get.arg(key(namespace));
    for tally in &*tallies {
        get.arg(keys::member(&tally.experiment));
    }
    let get = &get;
    let found: Vec<Option<String>> = connection
        .run(connection.response_timeout(), |mut connection| async move {
            get.query_async(&mut connection).await
        })
        .await?;
    for (tally, name) in tallies.iter_mut().zip(found) {
        tally.control = name.and_then(|name| Variant::new(name).ok());
    }
    Ok(())
}

pub(super) async fn keep(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
    control: Option<&Variant>,
) -> Result<(), StoreError> {
    let mut set = cmd(if control.is_some() { "HSET" } else { "HDEL" });
    set.arg(key(namespace)).arg(keys::member(experiment));
    set.arg(control.map(Variant::as_str));
    let set = &set;
    connection
        .run(connection.response_timeout(), |mut connection| async move {
            set.exec_async(&mut connection).await
        })
        .await
}

fn key(namespace: &Namespace) -> String {
    format!("abtest:controls:{}", NamespaceKeys::new(namespace).member())
}

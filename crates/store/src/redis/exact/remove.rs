//! Removes counters of an experiment. Each step can be cut off without losing an event that was answered
//! with 200:
//!
//! 1. All counters are closed. Other processes that remember them cannot count into them any more.
//! 2. The counters leave the registry at once, so that nobody reads them and the name is free.
//! 3. Their keys are removed in small steps ([`garbage`]).

use std::collections::HashMap;
use std::sync::LazyLock;

use abtest_model::{Experiment, Namespace};
use futures_util::future::try_join_all;
use redis::{Script, pipe};

use super::garbage;
use super::keys::{self, DELETED};
use super::layout::{Identity, state_key};
use crate::StoreError;
use crate::redis::connection::Connection;
use crate::redis::import::mark_key;
use crate::redis::keys as gimel;
use crate::redis::read::query;

static CLOSE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("close.lua")));
static UNREGISTER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("unregister.lua")));

/// Attempts to close all counters while other processes register new ones.
const ATTEMPTS: usize = 5;

/// Which counters and ledgers of an experiment are removed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chosen<'a> {
    /// All of them, with the ledgers and the mark of an unfinished import.
    All,
    /// Counters with these names, and ledgers of these goals. There may be none.
    Named { counters: &'a [String], goals: &'a [String] },
}

/// Removes counters of an experiment, and what an earlier removal left. Says whether there was any.
///
/// # Errors
/// [`StoreError::Unfinished`] when removing their keys takes too long. They are not counted any more.
/// Calling it again continues.
pub(super) async fn counters(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
    chosen: Chosen<'_>,
) -> Result<bool, StoreError> {
    for _ in 0..ATTEMPTS {
        let ids = close(connection, namespace, experiment, chosen).await?;
        match &*unregister(connection, namespace, experiment, chosen, &ids).await? {
            "open" => {}
            answer => {
                garbage::collect(connection, &tag(namespace, experiment)).await?;
                return Ok(answer == "removed");
            }
        }
    }
    Err(StoreError::Unfinished)
}

/// How `{abtest}:deleted` names an experiment.
pub(super) fn tag(namespace: &Namespace, experiment: &Experiment) -> String {
    let namespace = gimel::NamespaceKeys::new(namespace);
    format!("{}:{}", namespace.member(), gimel::member(experiment))
}

/// Closes the chosen counters, all at the same time. Returns their ids.
async fn close(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
    chosen: Chosen<'_>,
) -> Result<Vec<String>, StoreError> {
    if matches!(chosen, Chosen::Named { counters: [], goals: [] }) {
        return Ok(Vec::new());
    }
    let of_namespace = gimel::NamespaceKeys::new(namespace);
    let member = gimel::member(experiment);
    let mut registered = pipe();
    registered
        .hgetall(keys::values(of_namespace.member(), &member))
        .hgetall(keys::counters(of_namespace.member(), &member));
    let registered: Vec<HashMap<String, String>> = query(connection, registered).await?;
    let (goals, counters) = match chosen {
        Chosen::All => (None, None),
        Chosen::Named { counters, goals } => (Some(goals), Some(counters)),
    };
    let mut closed = Vec::new();
    // Ledgers come first: an event that finds its counter closed adds its value again later.
    for (registered, chosen) in registered.into_iter().zip([goals, counters]) {
        let is_chosen = |name: &String| chosen.is_none_or(|chosen| chosen.contains(name));
        let chosen = registered.into_iter().filter(|(name, _)| is_chosen(name));
        let ids: Vec<String> = chosen
            .filter_map(|(_, identity)| Some(Identity::read(&identity)?.id().to_owned()))
            .collect();
        let close = async |id: &String| connection.invoke::<()>(&CLOSE.key(state_key(id))).await;
        try_join_all(ids.iter().map(close)).await?;
        closed.extend(ids);
    }
    Ok(closed)
}

async fn unregister(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
    chosen: Chosen<'_>,
    closed: &[String],
) -> Result<String, StoreError> {
    let of_namespace = gimel::NamespaceKeys::new(namespace);
    let member = gimel::member(experiment);
    let mut script = UNREGISTER.key(keys::NAMESPACES);
    script
        .key(keys::experiments(of_namespace.member()))
        .key(keys::count(of_namespace.member()))
        .key(keys::counters(of_namespace.member(), &member))
        .key(DELETED)
        .key(mark_key(namespace, experiment))
        .key(keys::values(of_namespace.member(), &member))
        .arg(of_namespace.member())
        .arg(&*member)
        .arg(tag(namespace, experiment))
        .arg(match chosen {
            Chosen::All => "all",
            Chosen::Named { .. } => "some",
        })
        .arg(closed);
    connection.invoke(&script).await
}

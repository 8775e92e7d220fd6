//! The keys in which versions before 0.2 kept looks, controls and baselines. They are read once
//! per namespace and become documents. They stay until their experiment is deleted, so that the
//! version before still finds them after a rollback.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `abtest:looks:NS:EXP` | hash | by participants, a look's JSON |
//! | `abtest:controls:NS` | hash | by experiment, the chosen control |
//! | `abtest:before:NS:EXP` | hash | by `GOAL:VARIANT`, `COUNTING:COUNT` |

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use abtest_model::{Baseline, Experiment, Look, Namespace, look};
use redis::{Value, pipe};
use tokio::sync::OnceCell;

use super::keys::Keys;
use super::{commit, read_answer, version};
use crate::contents::{Baselines, Control, Looks};
use crate::redis::connection::Connection;
use crate::redis::exact::keys::read as read_names;
use crate::redis::keys::{self, NamespaceKeys};
use crate::redis::read::{experiment_names, query};
use crate::redis::{RedisStore, Server};
use crate::{CommitError, Expected, Kind, StoreError, Write, WrongSetting};

/// Most namespaces that a process remembers as migrated.
const REMEMBERED: usize = 10_000;

/// Experiments whose keys are read in one round trip.
const STEP: usize = 500;

/// Keys that Redis steps over in one round trip of a search.
const SCAN: usize = 2_000;

/// What the keys of baselines begin with.
const BASELINES: &str = "abtest:before:";

/// What a process knows about the migration.
#[derive(Default)]
pub(in crate::redis) struct Migrated {
    /// The namespaces that need no migration any more.
    namespaces: Mutex<HashSet<Namespace>>,
    /// The keys of baselines. A search steps over all keys of Redis, so a process searches once.
    baselines: OnceCell<Vec<String>>,
}

impl Migrated {
    fn contains(&self, namespace: &Namespace) -> bool {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner).contains(namespace)
    }

    fn insert(&self, namespace: &Namespace) {
        let mut all = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(namespace.clone());
    }
}

impl RedisStore {
    /// Turns the old keys of a namespace into documents, unless that was done. A process asks
    /// Redis once per namespace.
    pub(in crate::redis) async fn migrate_documents(
        &self,
        namespace: &Namespace,
    ) -> Result<(), StoreError> {
        if self.server.migrated.contains(namespace) {
            return Ok(());
        }
        let connection = &self.server.connection;
        let marker = Keys::new(namespace).migrated();
        let mut read = pipe();
        read.exists(&marker);
        let migrated: Vec<bool> = query(connection, read).await?;
        if migrated.first() != Some(&true) {
            let experiments = self.experiments_with_old_keys(namespace).await?;
            for some in experiments.chunks(STEP) {
                migrate(connection, namespace, some).await?;
            }
            // A namespace without experiments gets no key: anyone may ask for any name.
            if !experiments.is_empty() {
                let mut mark = pipe();
                mark.set(&marker, "1");
                let _: Vec<Value> = query(connection, mark).await?;
            }
        }
        self.server.migrated.insert(namespace);
        Ok(())
    }

    /// The experiments that may have old keys: those that were counted, and those whose counts in
    /// another program were imported before abtest counted them.
    async fn experiments_with_old_keys(
        &self,
        namespace: &Namespace,
    ) -> Result<Vec<Experiment>, StoreError> {
        let Server { connection, migrated, cluster, .. } = &*self.server;
        let keys = NamespaceKeys::new(namespace);
        let mut experiments: BTreeSet<Experiment> =
            experiment_names(connection, &keys).await?.into_iter().collect();
        // A search would see the keys of one node only.
        if !*cluster {
            let all = migrated.baselines.get_or_try_init(|| search_baselines(connection)).await?;
            let start = format!("{BASELINES}{}:", keys.member());
            let members = all.iter().filter_map(|key| key.strip_prefix(&start));
            experiments.extend(members.filter_map(keys::experiment));
        }
        Ok(experiments.into_iter().collect())
    }
}

/// The keys of all baselines. If the user of Redis may not search, there are none.
async fn search_baselines(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let (mut found, mut cursor) = (Vec::new(), 0_u64);
    loop {
        let mut scan = pipe();
        scan.cmd("SCAN").arg(cursor).arg("MATCH").arg(format!("{BASELINES}*"));
        scan.arg("COUNT").arg(SCAN);
        let answer = match query::<(u64, Vec<Vec<u8>>)>(connection, scan).await {
            Err(StoreError::Settings(WrongSetting::Permissions)) => {
                tracing::warn!(
                    "the user of Redis may not use SCAN, so counts of other programs that an older \
                     version imported are not shown until their experiment is counted; allow SCAN"
                );
                return Ok(found);
            }
            answer => answer?,
        };
        for (next, keys) in answer {
            cursor = next;
            found.extend(keys.into_iter().filter_map(|key| String::from_utf8(key).ok()));
        }
        if cursor == 0 {
            return Ok(found);
        }
    }
}

async fn migrate(
    connection: &Connection,
    namespace: &Namespace,
    mut experiments: &[Experiment],
) -> Result<(), StoreError> {
    while !experiments.is_empty() {
        let done = migrate_some(connection, namespace, experiments).await?;
        experiments = experiments.get(done..).unwrap_or_default();
    }
    Ok(())
}

/// Migrates experiments until another process commits to the namespace, and says how many are
/// done: that process may have deleted an experiment whose old keys were read here.
async fn migrate_some(
    connection: &Connection,
    namespace: &Namespace,
    experiments: &[Experiment],
) -> Result<usize, StoreError> {
    let mut version = version(connection, namespace).await?;
    let mut read = pipe();
    for experiment in experiments {
        read.hvals(looks_key(namespace, experiment));
        read.hget(controls_key(namespace), &*keys::member(experiment));
        read.hgetall(baseline_key(namespace, experiment));
    }
    let mut answers = query::<Value>(connection, read).await?.into_iter();
    for (done, experiment) in experiments.iter().enumerate() {
        let mut answer = || answers.next().unwrap_or(Value::Nil);
        let looks: Vec<String> = read_answer(answer())?;
        let control: Option<String> = read_answer(answer())?;
        let baselines: BTreeMap<String, String> = read_answer(answer())?;
        let looks =
            Looks { looks: look::in_order(looks.iter().filter_map(|text| read_look(text))) };
        let baselines =
            Baselines { baselines: baselines.iter().filter_map(read_baseline).collect() };
        let mut writes = Vec::new();
        if !looks.looks.is_empty() {
            writes.push((Kind::Looks, serde_json::to_string(&looks)));
        }
        if let Some(control) = control {
            writes.push((Kind::Control, serde_json::to_string(&Control { control })));
        }
        if !baselines.baselines.is_empty() {
            writes.push((Kind::Baseline, serde_json::to_string(&baselines)));
        }
        for (kind, content) in writes {
            let content = content.map_err(|error| StoreError::Unexpected(error.to_string()))?;
            let write = Write::put(kind.of(experiment), Expected::Absent, content);
            match commit(connection, namespace, Some(version), &[write]).await {
                Ok(committed) => version = committed.version,
                // It was migrated before.
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Outdated { .. }) => return Ok(done),
                Err(CommitError::Store(error)) => return Err(error),
                Err(error) => return Err(StoreError::Unexpected(error.to_string())),
            }
        }
    }
    Ok(experiments.len())
}

fn read_look(text: &str) -> Option<Look> {
    serde_json::from_str(text)
        .inspect_err(|error| tracing::error!(%error, "a look of an older version is damaged"))
        .ok()
}

fn read_baseline((counter, value): (&String, &String)) -> Option<Baseline> {
    let (goal, variant) = read_names(counter)?;
    let (counting, count) = value.split_once(':')?;
    Some(Baseline {
        goal: goal.to_string(),
        label: variant.to_string(),
        count: count.parse().ok()?,
        counting: counting.parse().ok()?,
    })
}

/// Removes the old keys of an experiment.
pub(in crate::redis) async fn forget(
    connection: &Connection,
    namespace: &Namespace,
    experiment: &Experiment,
) -> Result<(), StoreError> {
    let mut remove = pipe();
    remove
        .unlink(looks_key(namespace, experiment))
        .unlink(baseline_key(namespace, experiment))
        .hdel(controls_key(namespace), &*keys::member(experiment));
    let _: Vec<Value> = query(connection, remove).await?;
    Ok(())
}

fn looks_key(namespace: &Namespace, experiment: &Experiment) -> String {
    let namespace = NamespaceKeys::new(namespace);
    format!("abtest:looks:{}:{}", namespace.member(), keys::member(experiment))
}

fn controls_key(namespace: &Namespace) -> String {
    format!("abtest:controls:{}", NamespaceKeys::new(namespace).member())
}

fn baseline_key(namespace: &Namespace, experiment: &Experiment) -> String {
    let namespace = NamespaceKeys::new(namespace);
    format!("{BASELINES}{}:{}", namespace.member(), keys::member(experiment))
}

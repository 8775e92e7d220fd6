//! Counters and documents in the user's Redis. Counters are HyperLogLogs under Gimel's keys, so
//! that Gimel and abtest can count into the same Redis at the same time, or exact ones: as the
//! definition of an experiment asks for, else as the config says. An experiment keeps the mode in which
//! it began.
//!
//! | module | holds |
//! |---|---|
//! | `connection` | the one connection, and how it is made again |
//! | `link` | one server or a cluster behind one type |
//! | `settings` | from the config to a client |
//! | `failure` | what an error of Redis means |
//! | `keys` | Gimel's keys, and how names are put into them |
//! | `batcher` | lets concurrent requests share a round trip |
//! | `modes` | how each experiment is counted |
//! | `recording`, `record.lua` | records a batch |
//! | `exempt` | finds out which refused events an operator expects |
//! | `new_names.lua` | the limits per hour |
//! | `exact` | counts exactly |
//! | `outcome` | reads the words that the scripts answer with |
//! | `read` | reads tallies in at most three round trips |
//! | `overlaps` | compares the uuids of estimated counters |
//! | `memory` | measures how much memory experiments use |
//! | `delete.lua` | deletes an experiment's HyperLogLogs |
//! | `prune`, `prune.lua` | removes a variant or a goal |
//! | `documents` | keeps definitions, looks, controls and other documents |
//! | `baseline` | reads what Gimel or Lamed counted |
//! | `transfer` | exports experiments |
//! | `import`, `publish.lua` | stages an experiment and publishes it at once |
//! | `import_limits.lua` | the limits of an import |
//! | `values` | the totals of units, and what they add up to |
//! | `health` | whether Redis takes writes, and what it may delete |
//! | [`inspect`] | examines the server before a deployment |

mod baseline;
mod batcher;
mod connection;
mod documents;
mod exact;
mod exempt;
mod failure;
mod health;
mod import;
pub mod inspect;
mod keys;
mod link;
mod memory;
mod modes;
mod outcome;
mod overlaps;
mod prune;
mod read;
mod recording;
mod settings;
mod transfer;
mod values;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use abtest_config::{Limits, RedisConfig};
use abtest_model::{Amount, Counting, Event, Experiment, Goal, Namespace, Tally};
use redis::Script;

pub use exact::layout::Boundaries;
pub use settings::SettingsError;

use crate::documents::{deletion_of, deletion_of_derived};
use crate::{
    CommitError, CountedNamespace, Counters, Danger, Include, Overlaps, Part, Recorder, Refusal,
    StoreError, Write,
};
use batcher::Batcher;
use connection::Connection;
use exact::Exact;
use keys::NamespaceKeys;
use modes::Modes;

static DELETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("delete.lua")));

/// A store on Redis 6.2 or later, or Valkey.
pub struct RedisStore {
    server: Arc<Server>,
    batcher: Arc<Batcher>,
}

/// The connection and everything that recording needs.
struct Server {
    connection: Connection,
    limits: Limits,
    /// Whether this is a Redis Cluster. Then every counter is exact, because the keys that Gimel
    /// gives to one event are on several nodes.
    cluster: bool,
    exact: Exact,
    modes: Modes,
    values: values::Ledgers,
    migrated: documents::Migrated,
    registered: documents::Registered,
}

impl RedisStore {
    /// Takes the settings. The first use connects.
    ///
    /// # Errors
    /// When the settings are wrong by themselves.
    pub fn new(
        config: &RedisConfig,
        limits: Limits,
        counting: Counting,
    ) -> Result<Self, SettingsError> {
        Self::with_boundaries(config, limits, counting, Boundaries::default())
    }

    /// The same, with other boundaries between the levels of exact counters. Only for tests: all
    /// processes that count into one Redis must use the same boundaries.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[doc(hidden)]
    pub fn with_boundaries(
        config: &RedisConfig,
        limits: Limits,
        counting: Counting,
        boundaries: Boundaries,
    ) -> Result<Self, SettingsError> {
        if config.cluster && counting == Counting::Hll {
            return Err(SettingsError::ClusterEstimates);
        }
        let server = Arc::new(Server {
            connection: Connection::new(config)?,
            limits,
            cluster: config.cluster,
            exact: Exact::new(boundaries),
            modes: Modes::new(counting, config.cluster),
            values: values::Ledgers::default(),
            migrated: documents::Migrated::default(),
            registered: documents::Registered::default(),
        });
        Ok(Self { server, batcher: Arc::default() })
    }
}

impl Recorder for RedisStore {
    /// One round trip for the whole batch, shared with other requests that record at the same
    /// time (one more after Redis has forgotten the script).
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let server = Arc::clone(&self.server);
        let record = move |events: Arc<Vec<Event>>| {
            let server = Arc::clone(&server);
            async move { server.record(&events).await }
        };
        self.batcher.record(events, record).await
    }

    fn count_as(&self, namespace: &Namespace, choices: HashMap<Experiment, Counting>) {
        self.server.modes.choose(namespace, choices);
    }

    /// Writes to every node of a cluster, most probably. One round trip.
    async fn health(&self) -> Result<Vec<Danger>, StoreError> {
        health::check(&self.server.connection, self.server.cluster).await
    }
}

impl Counters for RedisStore {
    /// Three round trips, two with a scope, and one more for the memory.
    async fn read(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
        include: Include,
    ) -> Result<Vec<Tally>, StoreError> {
        read::tallies(&self.server.connection, &NamespaceKeys::new(namespace), scope, include).await
    }

    /// Two round trips. The default namespace is among them if only Gimel counted there.
    async fn counted(&self) -> Result<Vec<CountedNamespace>, StoreError> {
        read::counted(&self.server.connection).await
    }

    async fn overlaps(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<Option<Overlaps>, StoreError> {
        self.compared(namespace, experiment).await
    }

    fn counting_of_new(&self, asked: Option<Counting>) -> Counting {
        self.server.modes.of_new(asked)
    }

    async fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        // Looks must never meet the counts of a later experiment, so documents go first.
        self.delete_documents(namespace, experiment).await?;
        let deleted = self.delete_counters(namespace, experiment).await;
        self.free_new_names(namespace).await?;
        // A request that read the counts before may have stored a look or a control since. One that
        // stores it later is refused, because this commit raises the version of the namespace.
        self.commit_deletion(namespace, &deletion_of_derived(experiment)).await?;
        deleted
    }

    async fn set_cap(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        goal: &Goal,
        cap: Option<Amount>,
    ) -> Result<bool, StoreError> {
        self.server
            .values
            .set_cap(&self.server.connection, (namespace, experiment, goal), cap)
            .await
    }

    async fn prune(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        part: &Part,
    ) -> Result<bool, StoreError> {
        let pruned = self.prune_part(namespace, experiment, part).await?;
        self.free_new_names(namespace).await?;
        Ok(pruned)
    }
}

impl RedisStore {
    async fn delete_documents(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<(), StoreError> {
        self.migrate_documents(namespace).await?;
        // Before the commit: a process that migrates and has read the old keys by now is refused
        // after it.
        documents::forget_legacy(&self.server.connection, namespace, experiment).await?;
        self.commit_deletion(namespace, &deletion_of(experiment)).await
    }

    /// Makes the limits per hour of a namespace start again.
    async fn free_new_names(&self, namespace: &Namespace) -> Result<(), StoreError> {
        let keys = NamespaceKeys::new(namespace);
        let fields = ["experiments", "counters"].map(|kind| format!("{}:{kind}", keys.member()));
        let mut free = redis::pipe();
        free.hdel(exact::keys::NEW_NAMES, &[&fields[0], &fields[1], ":namespaces"]);
        let _: Vec<redis::Value> = read::query(&self.server.connection, free).await?;
        Ok(())
    }

    async fn commit_deletion(
        &self,
        namespace: &Namespace,
        writes: &[Write],
    ) -> Result<(), StoreError> {
        match documents::commit(&self.server.connection, namespace, None, writes).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Unexpected(error.to_string())),
        }
    }

    async fn delete_counters(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        let server = &self.server;
        // The exact counters come last, because removing their keys can take longer than one request may.
        let estimated = !server.cluster && self.delete_estimated(namespace, experiment).await?;
        let exact = server.exact.delete(&server.connection, namespace, experiment).await?;
        Ok(exact || estimated)
    }

    async fn delete_estimated(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        let keys = NamespaceKeys::new(namespace);
        let mut script = DELETE.key(keys::NAMESPACES);
        script.key(keys.experiments()).key(keys.counters()).arg(keys.member());
        for member in keys::members(experiment) {
            script.key(keys.experiment_counters(&member)).arg(member);
        }
        self.server.connection.invoke(&script).await
    }
}

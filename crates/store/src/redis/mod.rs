//! Counters in the user's Redis: as HyperLogLogs under Gimel's keys, so that Gimel and abtest can
//! count into the same Redis at the same time, or exactly. How an experiment is counted is settled
//! by its first event, and stays.
//!
//! | module | holds |
//! |---|---|
//! | `keys` | the keys, and how names are put into them |
//! | `connection` | the one connection, and how it comes back |
//! | `exact` | exact counting |
//! | `failure` | what an error of Redis means |
//! | `link` | one server, or a cluster |
//! | `memory` | how much memory experiments use |
//! | [`inspect`] | a look at the server, for the checks before a deploy |
//! | `outcome` | the scripts' words |
//! | `settings` | from the config to a client |
//! | `batcher` | concurrent requests share a round trip |
//! | `baseline` | what Gimel or Lamed counted before |
//! | `documents` | definitions, looks, controls and other documents |
//! | `transfer` | experiments in and out |
//! | `read` | tallies in three round trips at most |
//! | `record.lua`, `delete.lua` | what must happen at once, in Redis |

mod baseline;
mod batcher;
mod connection;
mod documents;
mod exact;
mod failure;
pub mod inspect;
mod keys;
mod link;
mod memory;
mod outcome;
mod read;
mod settings;
mod transfer;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use abtest_model::{Counting, Event, Experiment, Limits, Namespace, RedisConfig, Tally};
use redis::Script;

pub use exact::layout::Boundaries;
pub use settings::SettingsError;

use crate::documents::deletion_of;
use crate::{CommitError, Counters, Include, Recorder, Refusal, StoreError};
use batcher::{Batcher, Recorded};
use connection::Connection;
use exact::{Counted, Exact, Registration};
use keys::NamespaceKeys;

static RECORD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("record.lua")));
static DELETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("delete.lua")));

/// A store on Redis 6.2 or later, or Valkey.
pub struct RedisStore {
    server: Arc<Server>,
    batcher: Arc<Batcher>,
}

/// The connection and what goes with every recording.
struct Server {
    connection: Connection,
    limits: Limits,
    /// How experiments that begin are counted.
    counting: Counting,
    /// Whether keys are on several nodes: then all is counted exactly, as Gimel's keys cannot be.
    cluster: bool,
    exact: Exact,
    /// Experiments whose mode differs from the config.
    exceptions: Mutex<HashMap<(Namespace, Experiment), Counting>>,
    migrated: documents::Migrated,
}

/// Attempts to count an event while another process deletes and re-creates its counter.
const ATTEMPTS: usize = 5;

/// Most exceptions that are remembered; far more than the limits allow.
const EXCEPTIONS: usize = 100_000;

impl RedisStore {
    /// Takes the settings; the connection is made at the first use.
    ///
    /// # Errors
    /// When the settings cannot be used whatever Redis says.
    pub fn new(
        config: &RedisConfig,
        limits: Limits,
        counting: Counting,
    ) -> Result<Self, SettingsError> {
        Self::with_boundaries(config, limits, counting, Boundaries::default())
    }

    /// The same, with other boundaries between the levels of exact counters. They must be the same
    /// for all who count into a Redis; this is for tests.
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
            counting,
            cluster: config.cluster,
            exact: Exact::new(boundaries),
            exceptions: Mutex::default(),
            migrated: documents::Migrated::default(),
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

    async fn health(&self) -> Result<(), StoreError> {
        let connection = &self.server.connection;
        connection
            .run(connection.response_timeout(), |mut connection| async move {
                redis::cmd("PING").exec_async(&mut connection).await
            })
            .await
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

    async fn delete(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        self.delete_documents(namespace, experiment).await?;
        self.delete_counters(namespace, experiment).await
    }
}

impl RedisStore {
    /// Documents go first: looks must never meet the counts of a later experiment.
    async fn delete_documents(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<(), StoreError> {
        self.migrate_documents(namespace).await?;
        let connection = &self.server.connection;
        let writes = deletion_of(experiment);
        match documents::commit(connection, namespace, None, &writes).await {
            Ok(_) => documents::forget_legacy(connection, namespace, experiment).await,
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Unexpected(error.to_string())),
        }
    }

    async fn delete_counters(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        let (server, keys) = (&self.server, NamespaceKeys::new(namespace));
        let connection = &server.connection;
        let exact = server.exact.delete(connection, namespace, experiment).await?;
        if server.cluster {
            return Ok(exact);
        }
        let mut script = DELETE.key(keys::NAMESPACES);
        script.key(keys.experiments()).key(keys.counters()).arg(keys.member());
        for member in keys::members(experiment) {
            script.key(keys.experiment_counters(&member)).arg(member);
        }
        let script = &script;
        let estimated: bool = connection
            .run(connection.response_timeout(), |mut connection| async move {
                script.invoke_async(&mut connection).await
            })
            .await?;
        Ok(exact || estimated)
    }
}

impl Server {
    async fn record(&self, events: &[Event]) -> Recorded {
        let mut outcomes: Vec<Option<Result<(), Refusal>>> = vec![None; events.len()];
        for _ in 0..ATTEMPTS {
            let (exact, estimated) = self.by_counting(events, &outcomes);
            if exact.is_empty() && estimated.is_empty() {
                break;
            }
            for (counting, positions) in [(Counting::Exact, exact), (Counting::Hll, estimated)] {
                if positions.is_empty() {
                    continue;
                }
                let some: Vec<&Event> =
                    positions.iter().map(|position| &events[*position]).collect();
                let counted = match counting {
                    Counting::Exact => self.count_exactly(&some).await?,
                    Counting::Hll => self.estimate(&some).await?,
                };
                for (position, counted) in positions.into_iter().zip(counted) {
                    match counted {
                        Counted::Outcome(outcome) => outcomes[position] = Some(outcome),
                        Counted::Again => {}
                        Counted::WrongMode(counting) => self.except(&events[position], counting),
                    }
                }
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(Refusal::Busy))).collect())
    }

    /// The positions of the events that wait for an outcome: those to be counted exactly, and
    /// those to be estimated.
    fn by_counting(
        &self,
        events: &[Event],
        outcomes: &[Option<Result<(), Refusal>>],
    ) -> (Vec<usize>, Vec<usize>) {
        let exceptions = self.exceptions.lock().unwrap_or_else(PoisonError::into_inner);
        let is_exact = |position: &usize| {
            let Event { namespace, experiment, .. } = &events[*position];
            let exception = if exceptions.is_empty() {
                None
            } else {
                exceptions.get(&(namespace.clone(), experiment.clone())).copied()
            };
            exception.unwrap_or(self.counting) == Counting::Exact
        };
        (0..events.len()).filter(|position| outcomes[*position].is_none()).partition(is_exact)
    }

    fn except(&self, event: &Event, counting: Counting) {
        let mut exceptions = self.exceptions.lock().unwrap_or_else(PoisonError::into_inner);
        if exceptions.len() >= EXCEPTIONS {
            exceptions.clear();
        }
        let experiment = (event.namespace.clone(), event.experiment.clone());
        if counting == self.counting {
            exceptions.remove(&experiment);
        } else {
            exceptions.insert(experiment, counting);
        }
    }

    async fn count_exactly(&self, events: &[&Event]) -> Result<Vec<Counted>, StoreError> {
        let registration = Registration {
            limits: self.limits,
            beside_estimates: !self.cluster,
            may_begin: self.counting == Counting::Exact,
        };
        self.exact.count(&self.connection, registration, events).await
    }

    async fn estimate(&self, events: &[&Event]) -> Result<Vec<Counted>, StoreError> {
        let mut script = RECORD.key(keys::NAMESPACES);
        script.key(exact::keys::NAMESPACES);
        script
            .arg(self.limits.namespaces)
            .arg(self.limits.experiments)
            .arg(self.limits.counters)
            .arg(self.limits.counters_per_experiment)
            .arg(u8::from(self.counting == Counting::Hll));
        for event in events {
            let keys = NamespaceKeys::new(&event.namespace);
            let members = keys::members(&event.experiment);
            let counter = keys.counter(&members[0], &event.goal, &event.variant);
            script
                .key(keys.experiments())
                .key(keys.counters())
                .key(&*counter)
                .key(NamespaceKeys::days(&counter))
                .key(exact::keys::experiments(keys.member()))
                .key(exact::keys::count(keys.member()))
                .arg(keys.member())
                .arg(event.uuid.as_str())
                .arg(members.len());
            for member in members {
                script.key(keys.experiment_counters(&member)).arg(member);
            }
        }
        let script = &script;
        let outcomes: Vec<String> = self
            .connection
            .run(self.connection.response_timeout(), |mut connection| async move {
                script.invoke_async(&mut connection).await
            })
            .await?;
        outcomes.iter().map(|outcome| self.outcome(outcome)).collect()
    }

    /// Reads one word of `record.lua`'s answer.
    fn outcome(&self, word: &str) -> Result<Counted, StoreError> {
        match word {
            "stored" => Ok(Counted::Outcome(Ok(()))),
            "exact" => Ok(Counted::WrongMode(Counting::Exact)),
            word => match outcome::refusal(word, &self.limits) {
                Some(refusal) => Ok(Counted::Outcome(Err(refusal))),
                None => Err(StoreError::Unexpected(format!("outcome {word}"))),
            },
        }
    }
}

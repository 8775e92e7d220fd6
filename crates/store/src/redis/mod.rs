//! Counters in the user's Redis, as HyperLogLogs under Gimel's keys: Gimel and abtest can count
//! into the same Redis at the same time.
//!
//! | module | holds |
//! |---|---|
//! | `keys` | the keys, and how names are put into them |
//! | `connection` | the one connection, and how it comes back |
//! | `gather` | concurrent requests share a round trip |
//! | `failure` | what an error of Redis means |
//! | [`inspect`] | a look at the server, for the checks before a deploy |
//! | `settings` | from the config to a client |
//! | `read` | tallies in three round trips at most |
//! | `record.lua`, `delete.lua` | what must happen at once, in Redis |

mod connection;
mod failure;
mod gather;
pub mod inspect;
mod keys;
mod read;
mod settings;

use std::sync::{Arc, LazyLock};

use abtest_model::{Event, Experiment, Limits, Namespace, RedisConfig, Tally};
use redis::Script;

pub use settings::SettingsError;

use crate::{Refusal, Store, StoreError};
use connection::Connection;
use gather::{Gather, Recorded};
use keys::NamespaceKeys;

static RECORD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("record.lua")));
static DELETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("delete.lua")));

/// A [`Store`] on Redis 6.2 or later, or Valkey.
pub struct RedisStore {
    server: Arc<Server>,
    gather: Arc<Gather>,
}

/// The connection and what goes with every recording.
struct Server {
    connection: Connection,
    limits: Limits,
}

impl RedisStore {
    /// Takes the settings; the connection is made at the first use.
    ///
    /// # Errors
    /// When the settings cannot be used whatever Redis says.
    pub fn new(config: &RedisConfig, limits: Limits) -> Result<Self, SettingsError> {
        let server = Arc::new(Server { connection: Connection::new(config)?, limits });
        Ok(Self { server, gather: Arc::default() })
    }
}

impl Store for RedisStore {
    /// One round trip for the whole batch, shared with whoever else records at the moment (one
    /// more after Redis has forgotten the script).
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let server = Arc::clone(&self.server);
        let record = move |events: Arc<Vec<Event>>| {
            let server = Arc::clone(&server);
            async move { server.record(&events).await }
        };
        self.gather.record(events, record).await
    }

    async fn tallies(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
    ) -> Result<Vec<Tally>, StoreError> {
        read::tallies(&self.server.connection, &NamespaceKeys::new(namespace), scope).await
    }

    async fn timelines(
        &self,
        namespace: &Namespace,
        tallies: &mut [Tally],
    ) -> Result<(), StoreError> {
        read::timelines(&self.server.connection, &NamespaceKeys::new(namespace), tallies).await
    }

    async fn delete(
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
        let (script, connection) = (&script, &self.server.connection);
        connection
            .run(connection.response_timeout(), |mut connection| async move {
                script.invoke_async(&mut connection).await
            })
            .await
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

impl Server {
    async fn record(&self, events: &[Event]) -> Recorded {
        let mut script = RECORD.key(keys::NAMESPACES);
        script
            .arg(self.limits.namespaces)
            .arg(self.limits.experiments)
            .arg(self.limits.counters)
            .arg(self.limits.counters_per_experiment);
        for event in events {
            let keys = NamespaceKeys::new(&event.namespace);
            let member = keys::member(&event.experiment);
            let counter = keys.counter(&member, &event.goal, &event.variant);
            script
                .key(keys.experiments())
                .key(keys.counters())
                .key(keys.experiment_counters(&member))
                .key(&*counter)
                .key(NamespaceKeys::days(&counter))
                .arg(keys.member())
                .arg(&*member)
                .arg(event.uuid.as_str());
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
    fn outcome(&self, outcome: &str) -> Result<Result<(), Refusal>, StoreError> {
        let limits = &self.limits;
        Ok(match outcome {
            "stored" => Ok(()),
            "namespaces" => Err(Refusal::Namespaces { limit: limits.namespaces }),
            "experiments" => Err(Refusal::Experiments { limit: limits.experiments }),
            "counters" => Err(Refusal::Counters { limit: limits.counters }),
            "counters_per_experiment" => {
                Err(Refusal::CountersPerExperiment { limit: limits.counters_per_experiment })
            }
            "wrong_type" => Err(Refusal::WrongType),
            other => return Err(StoreError::Unexpected(format!("outcome {other}"))),
        })
    }
}

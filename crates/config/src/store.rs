//! What a process needs to reach its store.

use std::time::Duration;

use abtest_model::{Counting, Secret};
use serde::Deserialize;

/// What a process needs to reach its store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreSettings {
    /// How to reach Redis.
    pub redis: RedisConfig,
    /// How new experiments are counted in Redis.
    pub counting: Counting,
    /// How much a store may hold.
    pub limits: Limits,
}

/// How to reach Redis.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// An address that begins with `redis://` or `rediss://`. It replaces host, port, db, username,
    /// password and tls.
    pub url: Option<Secret>,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database number.
    pub db: u32,
    /// ACL user (Redis 6 and later).
    pub username: Option<String>,
    /// Password of the user, or of the server.
    pub password: Option<Secret>,
    /// Whether to speak TLS.
    #[serde(alias = "ssl")]
    pub tls: bool,
    /// Certificates (PEM) of a private authority, instead of the public authorities.
    pub tls_ca: Option<String>,
    /// Whether the address is a node of a Redis Cluster. A cluster needs `"counting": "exact"`.
    pub cluster: bool,
    /// Time limit for connecting, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Time limit for an answer, in milliseconds.
    pub response_timeout_ms: u64,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            host: "127.0.0.1".into(),
            port: 6379,
            db: 0,
            username: None,
            password: None,
            tls: false,
            tls_ca: None,
            cluster: false,
            connect_timeout_ms: 1_000,
            response_timeout_ms: 1_000,
        }
    }
}

impl RedisConfig {
    /// Time limit for connecting.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// Time limit for an answer.
    pub fn response_timeout(&self) -> Duration {
        Duration::from_millis(self.response_timeout_ms)
    }
}

/// How much events may add to a store, in all and per hour. Past a limit, events that would add
/// something new are refused. Known counters keep counting, and names that a definition declares are
/// never refused.
///
/// After an hour without new names, as many as the limit per hour may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most namespaces in the store.
    pub namespaces: u32,
    /// Most experiments in a namespace.
    pub experiments: u32,
    /// Most counters in a namespace. A goal and a variant of an experiment have one counter.
    pub counters: u32,
    /// Most counters in one experiment, so that one experiment cannot use up its namespace.
    pub counters_per_experiment: u32,
    /// Most new namespaces per hour.
    pub namespaces_per_hour: u32,
    /// Most new experiments per hour in a namespace.
    pub experiments_per_hour: u32,
    /// Most new counters per hour in a namespace.
    pub counters_per_hour: u32,
}

impl Limits {
    /// The same limits without those per hour, for what an operator does: an import brings many names
    /// at once.
    #[must_use]
    pub fn without_rates(self) -> Self {
        Self {
            namespaces_per_hour: u32::MAX,
            experiments_per_hour: u32::MAX,
            counters_per_hour: u32::MAX,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            namespaces: 16,
            experiments: 1_000,
            counters: 20_000,
            counters_per_experiment: 1_000,
            namespaces_per_hour: 8,
            experiments_per_hour: 100,
            counters_per_hour: 2_000,
        }
    }
}

//! Examines the server before a deployment.

use std::time::{Duration, Instant};

use abtest_config::RedisConfig;
use redis::InfoDict;

use super::connection::Connection;
pub use super::health::Eviction;
use super::settings::SettingsError;
use crate::StoreError;

/// What a Redis server reports about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// How long an answer took on an open connection.
    pub round_trip: Duration,
    /// How long it took to connect and to get the first answer.
    pub first_answer: Duration,
    /// Its version, as it writes it. Valkey reports the Redis version that it is compatible with.
    pub version: String,
    /// What it does when memory is full: `noeviction` keeps every counter.
    pub eviction_policy: String,
    /// Memory that is used, in bytes.
    pub used_memory: u64,
    /// The limit of memory in bytes, if there is one.
    pub memory_limit: Option<u64>,
    /// How many connections there are.
    pub connections: u64,
    /// How many it allows, if it says so.
    pub connection_limit: Option<u64>,
}

/// Why the server could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServerReport {
    /// The version as numbers, for comparing.
    pub fn version_numbers(&self) -> (u32, u32) {
        let mut numbers = self.version.split('.').map_while(|number| number.parse().ok());
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// Whether Redis deletes counters when memory is full.
    pub fn eviction(&self) -> Eviction {
        Eviction::of(self.memory_limit.unwrap_or(0), &self.eviction_policy)
    }

    /// Memory that is left, in bytes, where there is a limit.
    pub fn memory_left(&self) -> Option<u64> {
        Some(self.memory_limit?.saturating_sub(self.used_memory))
    }
}

/// Connects, and reads the report.
///
/// # Errors
/// When the settings cannot be used, or the server does not answer.
pub async fn inspect(config: &RedisConfig) -> Result<ServerReport, InspectError> {
    // In a cluster, only this node.
    let connection = Connection::new(&RedisConfig { cluster: false, ..config.clone() })?;
    let limit = connection.response_timeout();
    let ping = || {
        connection.run(limit, |mut connection| async move {
            redis::cmd("PING").query_async::<String>(&mut connection).await
        })
    };
    let start = Instant::now();
    ping().await?;
    let first_answer = start.elapsed();
    let start = Instant::now();
    ping().await?;
    let round_trip = start.elapsed();
    let information: InfoDict = connection
        .run(limit, |mut connection| async move {
            redis::cmd("INFO").query_async(&mut connection).await
        })
        .await?;
    let number = |name: &str| information.get::<u64>(name);
    let text = |name: &str| information.get::<String>(name).unwrap_or_default();
    Ok(ServerReport {
        round_trip,
        first_answer,
        version: text("redis_version"),
        eviction_policy: text("maxmemory_policy"),
        used_memory: number("used_memory").unwrap_or_default(),
        memory_limit: number("maxmemory").filter(|limit| *limit > 0),
        connections: number("connected_clients").unwrap_or_default(),
        connection_limit: number("maxclients"),
    })
}

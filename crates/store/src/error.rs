//! What can go wrong in a store. No message holds a secret or an address.

use std::time::Duration;

/// Why one event is not stored while others of its batch are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The namespace is new and there are as many as are allowed.
    #[error(
        "the store holds its limit of {limit} namespaces; use one of them, delete one's \
         experiments, or raise limits.namespaces"
    )]
    Namespaces {
        /// Namespaces allowed.
        limit: u32,
    },
    /// The experiment is new and its namespace holds as many as are allowed.
    #[error(
        "the namespace holds its limit of {limit} experiments; delete some \
         (`abtest experiments delete`), or raise limits.experiments"
    )]
    Experiments {
        /// Experiments allowed.
        limit: u32,
    },
    /// The goal or variant is new and its namespace holds as many counters as are allowed.
    #[error(
        "the namespace holds its limit of {limit} counters; delete experiments \
         (`abtest experiments delete`), or raise limits.counters"
    )]
    Counters {
        /// Counters allowed.
        limit: u32,
    },
    /// The goal or variant is new and its experiment holds as many counters as are allowed.
    #[error(
        "the experiment holds its limit of {limit} counters (goals times variants); \
         raise limits.counters_per_experiment if they are meant"
    )]
    CountersPerExperiment {
        /// Counters allowed.
        limit: u32,
    },
    /// Something that is no counter lies at the counter's key.
    #[error(
        "the key of this counter holds something that is no HyperLogLog; \
         another program wrote it: use another namespace, or remove the key"
    )]
    WrongType,
}

/// Why a store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No connection, or it broke.
    #[error("the store cannot be reached: {0}; try again")]
    Unreachable(String),
    /// No answer in time.
    #[error(
        "the store did not answer within {} ms; try again",
        .0.as_millis()
    )]
    TimedOut(Duration),
    /// The store asks for other credentials.
    #[error("the store refused the credentials; check redis.username and redis.password")]
    Unauthorized,
    /// A replica, or a server that must not write now.
    #[error("the store is read-only now; connect to the primary, or wait for the failover")]
    ReadOnly,
    /// Redis is at its `maxmemory`, or the disk is full.
    #[error("the store has no room left; free some, or give it more memory or disk")]
    OutOfMemory,
    /// The embedded store's disk failed.
    #[error("the disk failed: {0}; try again")]
    Disk(String),
    /// Something that is no counter lies at a counter's key.
    #[error(
        "a key of this namespace holds something that is no HyperLogLog; another program \
         wrote it: remove it, or use another namespace"
    )]
    WrongType,
    /// What is stored cannot be read.
    #[error("{what} cannot be read: it is damaged, or a newer version of abtest wrote it")]
    Damaged {
        /// What it is.
        what: String,
    },
    /// An answer that should not come.
    #[error("the store answered something unexpected: {0}")]
    Unexpected(String),
}

impl StoreError {
    /// Whether the same request may go through later, so that a browser should keep its event.
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Self::WrongType | Self::Damaged { .. } | Self::Unexpected(_))
    }
}

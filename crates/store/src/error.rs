//! What can go wrong in a store.
//!
//! The text of a [`StoreError`] is for logs and for the operator's terminal: it may name files, hosts
//! and what the system said. It never holds a secret. Browsers never see it.

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
    /// The namespace is new and there were as many new ones as are allowed per hour.
    #[error(
        "{limit} new namespaces per hour are allowed; try again later, put the settings of this \
         namespace (PATCH /settings), or raise limits.namespaces_per_hour"
    )]
    NamespacesPerHour {
        /// New namespaces allowed per hour.
        limit: u32,
    },
    /// The experiment is new and its namespace got as many new ones as are allowed per hour.
    #[error(
        "{limit} new experiments per hour are allowed in a namespace; try again later, define this \
         one (`abtest experiments create`), or raise limits.experiments_per_hour"
    )]
    ExperimentsPerHour {
        /// New experiments allowed per hour.
        limit: u32,
    },
    /// The goal or variant is new and its namespace got as many new counters as are allowed per hour.
    #[error(
        "{limit} new counters (goals times variants) per hour are allowed in a namespace; try again \
         later, declare this goal and variant in the experiment's definition, or raise \
         limits.counters_per_hour"
    )]
    CountersPerHour {
        /// New counters allowed per hour.
        limit: u32,
    },
    /// The counter's key holds something that is not a counter.
    #[error(
        "the key of this counter holds something that is not a counter of abtest; another \
         program wrote it: use another namespace, or remove the key"
    )]
    WrongType,
    /// The value would make the unit's total too large.
    #[error(
        "the total of this unit would be beyond 100000000000; check the value, and send it in the unit \
         that the goal declares"
    )]
    TotalTooLarge,
    /// Others delete and re-create the experiment.
    #[error("the experiment is being deleted; send the event again")]
    Busy,
}

impl Refusal {
    /// Whether the store failed. Otherwise a limit refused the event.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::WrongType | Self::Busy)
    }

    /// Whether a definition that declares the names would have prevented it.
    #[cfg(any(feature = "embedded", feature = "redis"))]
    pub(crate) fn is_of_new_names(&self) -> bool {
        match self {
            Self::Namespaces { .. }
            | Self::Experiments { .. }
            | Self::Counters { .. }
            | Self::NamespacesPerHour { .. }
            | Self::ExperimentsPerHour { .. }
            | Self::CountersPerHour { .. } => true,
            Self::CountersPerExperiment { .. }
            | Self::WrongType
            | Self::TotalTooLarge
            | Self::Busy => false,
        }
    }
}

/// A setting that keeps Redis from answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongSetting {
    /// Redis has a password, and the settings have none.
    #[error("Redis asks for a password; set redis.password, or add the password to redis.url")]
    NoPassword,
    /// Redis does not accept the user and password.
    #[error(
        "Redis refused the user name or the password; correct redis.username and redis.password (or \
         those in redis.url), or remove them if Redis has no password"
    )]
    Password,
    /// The user may not run a command or use a key.
    #[error(
        "Redis does not allow its user what abtest needs; run `ACL SETUSER NAME ~* +@all` in Redis, \
         or set redis.username and redis.password to another user"
    )]
    Permissions,
    /// The database number is too high, or the server is a cluster, which has database 0 only.
    #[error(
        "Redis has no database with the configured number; set redis.db (or the number at the end of \
         redis.url) to 0, or to a number below `databases` in redis.conf"
    )]
    Database,
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
    /// Redis answers, but not with these settings. Trying again does not help.
    #[error(transparent)]
    Settings(#[from] WrongSetting),
    /// A replica, or a server that must not write now.
    #[error("the store is read-only now; connect to the primary, or wait for the failover")]
    ReadOnly,
    /// Redis refuses writes because of one of its settings.
    #[error("the store refuses writes: {0}")]
    Unwritable(&'static str),
    /// Redis is at its `maxmemory`, or the disk is full.
    #[error("the store has no room left; free some, or give it more memory or disk")]
    OutOfMemory,
    /// The embedded store's disk failed.
    #[error("the disk failed: {0}; try again")]
    Disk(String),
    /// A key holds something that is not abtest's.
    #[error(
        "a key of this namespace holds something that abtest did not write; remove it, or use \
         another namespace"
    )]
    WrongType,
    /// Too many events wait to be stored.
    #[error("{waiting} events already wait to be stored; try again in a second")]
    Overloaded {
        /// Most events that may wait.
        waiting: u32,
    },
    /// A deletion took too long. What is deleted is not read any more, but some of its keys are left.
    #[error(
        "it is deleted, but removing its data takes longer than one request; send the same request \
         again to continue"
    )]
    Unfinished,
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
    /// Whether the same request may succeed later, so that a browser should keep its event. A wrong
    /// setting counts as temporary too: its operator can correct it, and the event can still be stored.
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Self::WrongType | Self::Damaged { .. } | Self::Unexpected(_))
    }
}

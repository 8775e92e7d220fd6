//! What puts counts at risk although the store works.

/// A danger to what is counted, for the operator. The store still takes events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Danger {
    /// Redis deletes keys without an expiry, such as counters, when its memory is full.
    #[error(
        "Redis deletes counters when its memory is full (maxmemory-policy is {policy}); set \
         maxmemory-policy to noeviction"
    )]
    Eviction {
        /// The policy, as Redis writes it.
        policy: String,
    },
    /// Redis has deleted keys since it started, and counters may be among them.
    #[error(
        "Redis has deleted {keys} keys since it started, because its memory was full \
         (maxmemory-policy is {policy}); counters may be among them. Set maxmemory-policy to \
         noeviction, and give Redis more memory"
    )]
    Evicted {
        /// How many keys.
        keys: u64,
        /// The policy, as Redis writes it.
        policy: String,
    },
    /// Redis does not say what it does when its memory is full.
    #[error(
        "Redis does not say whether it deletes counters when its memory is full; allow its user \
         the command INFO, or make sure that maxmemory-policy is noeviction"
    )]
    EvictionUnknown,
    /// Records of the data folder cannot be read, and are kept as they are.
    #[error(
        "damaged records in the data folder: {records}; the log of the start and the results name \
         them. Restore the folder from a backup, or write the documents again"
    )]
    Damaged {
        /// How many.
        records: usize,
    },
}

impl Danger {
    /// Whether Redis may delete counters, as far as is known.
    pub fn is_eviction(&self) -> bool {
        match self {
            Self::Eviction { .. } | Self::Evicted { .. } | Self::EvictionUnknown => true,
            Self::Damaged { .. } => false,
        }
    }
}

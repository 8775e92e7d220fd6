//! The limits of a server.

use abtest_api::MAX_BODY_BYTES;

/// The limits of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Open connections.
    pub(crate) connections: usize,
    /// Open connections from one address.
    pub(crate) connections_per_address: usize,
    /// Bytes of bodies in flight, beyond the first 16 KiB of each.
    pub(crate) body_bytes: usize,
}

impl Limits {
    /// The limits of a listener for few clients: metrics, or the dashboard.
    pub(crate) const SMALL: Self =
        Self { connections: 64, connections_per_address: 64, body_bytes: 4 * MAX_BODY_BYTES };

    /// Reduces the connections, so that file descriptors are left for the store.
    pub(crate) fn within(self, descriptors: u64) -> Self {
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let reserved = KEPT_FOR_THE_STORE.min(descriptors / 4);
        let connections = self.connections.min(descriptors - reserved).max(1);
        Self { connections, ..self }
    }
}

/// File descriptors for the store, the log, the listeners and the metrics.
const KEPT_FOR_THE_STORE: usize = 256;

/// Raises the number of files and sockets that this process may open to what the system allows. Returns
/// that number.
pub(crate) fn raise_descriptors() -> u64 {
    // On macOS the hard limit is infinite, and the crate knows the real one.
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::debug!(%error, "cannot raise the number of open files");
        rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(256, |(soft, _)| soft)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_keeps_descriptors_of_its_own() {
        let limits = Limits { connections: 4_096, ..Limits::SMALL };
        assert_eq!(limits.within(1_048_576).connections, 4_096);
        assert_eq!(limits.within(1_024).connections, 768);
        assert_eq!(limits.within(64).connections, 48);
        assert_eq!(limits.within(0).connections, 1);
    }
}

//! Writes a log line at most once per second, so that many failures do not fill the disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Decides whether a failure is logged.
#[derive(Debug)]
pub(crate) struct SparseLog {
    start: Instant,
    /// The second of the last line, counted from 1.
    last: AtomicU64,
    skipped: AtomicU64,
}

impl Default for SparseLog {
    fn default() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0), skipped: AtomicU64::new(0) }
    }
}

impl SparseLog {
    /// Returns `None` if this failure must not be logged. Otherwise returns how many failures were not
    /// logged since the last line.
    pub(crate) fn turn(&self) -> Option<u64> {
        self.turn_at(self.start.elapsed().as_secs())
    }

    fn turn_at(&self, second: u64) -> Option<u64> {
        let now = second + 1;
        if self.last.swap(now, Ordering::Relaxed) == now {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.skipped.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_of_a_second_is_logged_and_the_next_tells_how_many_were_not() {
        let log = SparseLog::default();
        assert_eq!(log.turn_at(0), Some(0));
        assert_eq!((log.turn_at(0), log.turn_at(0)), (None, None));
        assert_eq!(log.turn_at(1), Some(2));
        assert_eq!(log.turn_at(5), Some(0));
    }
}

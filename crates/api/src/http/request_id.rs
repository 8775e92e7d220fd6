//! The id of a failed request: the answer has it, and the log has the reason under it.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// Requests that fail for the same reason within this time share a line of the log, and so an id.
/// Otherwise a flood of failures would fill the disk.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// Most reasons that are remembered.
const MOST_REASONS: usize = 64;

/// The id of a failed request. [`RequestId::log`] is the only way to get one, so the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// Logs why a request failed. The reason may name hosts and files; the answer must not.
    pub fn log(reason: &str) -> Self {
        static RECENT: LazyLock<Mutex<Recent>> = LazyLock::new(Mutex::default);
        let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, line) = recent.id(reason, Instant::now());
        drop(recent);
        if let Some(Line { skipped }) = line {
            tracing::warn!(request_id = id.0, error = reason, more = skipped, "a request failed");
        }
        id
    }

    /// The id in letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A line that must be logged.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// The requests that shared the line before.
    skipped: u64,
}

/// The lines that were logged lately, oldest first.
#[derive(Debug, Default)]
struct Recent(Vec<Logged>);

#[derive(Debug)]
struct Logged {
    reason: String,
    id: RequestId,
    at: Instant,
    skipped: u64,
}

impl Recent {
    /// The id for a reason, and the line to log unless an earlier one will do.
    fn id(&mut self, reason: &str, now: Instant) -> (RequestId, Option<Line>) {
        let position = self.0.iter().position(|logged| logged.reason == reason);
        let mut skipped = 0;
        if let Some(position) = position {
            let logged = &mut self.0[position];
            if now.saturating_duration_since(logged.at) < SHARED_FOR {
                logged.skipped += 1;
                return (logged.id.clone(), None);
            }
            skipped = self.0.remove(position).skipped;
        } else if self.0.len() == MOST_REASONS {
            self.0.remove(0);
        }
        let id = RequestId(uuid::Uuid::new_v4().simple().to_string());
        self.0.push(Logged { reason: reason.to_owned(), id: id.clone(), at: now, skipped: 0 });
        (id, Some(Line { skipped }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_a_second_share_a_line_and_its_id_if_they_have_the_same_reason() {
        let mut recent = Recent::default();
        let start = Instant::now();
        let (first, line) = recent.id("full", start);
        assert_eq!(line, Some(Line { skipped: 0 }));
        let (other, line) = recent.id("away", start);
        assert!(line.is_some() && other != first);
        for _ in 0..2 {
            assert_eq!(recent.id("full", start + SHARED_FOR / 2), (first.clone(), None));
        }
        let (later, line) = recent.id("full", start + SHARED_FOR);
        assert_eq!(line, Some(Line { skipped: 2 }));
        assert_ne!(later, first);
    }

    #[test]
    fn few_reasons_are_remembered() {
        let mut recent = Recent::default();
        let start = Instant::now();
        for number in 0..=MOST_REASONS {
            assert!(recent.id(&number.to_string(), start).1.is_some());
        }
        assert_eq!(recent.0.len(), MOST_REASONS);
        assert!(recent.id("0", start).1.is_some(), "the oldest is forgotten");
        assert!(recent.id("64", start).1.is_none());
    }
}

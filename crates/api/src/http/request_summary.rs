//! What a finished request leaves for logs and metrics.

use abtest_store::StoreError;

/// An extension of every response.
#[derive(Debug, Clone, Default)]
pub struct RequestSummary {
    /// The operation's name; empty where none was found.
    pub operation: &'static str,
    /// Events that are stored.
    pub accepted: usize,
    /// Events that broke a rule.
    pub invalid: usize,
    /// Events that a limit refused.
    pub limited: usize,
    /// Events that could not be counted for another reason.
    pub failed: usize,
    /// What the store failed with.
    pub error: Option<StoreError>,
}

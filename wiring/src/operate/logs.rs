//! The log events of the functions, from CloudWatch Logs.

use crate::account::{Account, Call, CallError, Kind};
use crate::found::log_group_name;

/// A line that a function, or Lambda itself, logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// Its id, unique in the log group.
    pub id: String,
    /// When it was logged, in milliseconds since 1970.
    pub time: i64,
    /// The function.
    pub function: String,
    /// The log stream: one per copy of the function.
    pub stream: String,
    /// The text.
    pub message: String,
}

/// Reads the log events of functions since a time in milliseconds since 1970, the oldest first. A
/// function that has not logged yet has no events.
///
/// # Errors
/// When a call fails.
pub async fn logs(
    account: &Account,
    functions: &[String],
    since: i64,
) -> Result<Vec<LogEvent>, CallError> {
    let mut events = Vec::new();
    for function in functions {
        let group = log_group_name(function);
        let call = account.logs.filter_log_events().log_group_name(&group).start_time(since);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = match page.call("logs:FilterLogEvents", &group) {
                Err(error) if error.kind == Kind::NotFound => break,
                page => page?,
            };
            events.extend(page.events.into_iter().flatten().map(|event| LogEvent {
                id: event.event_id.unwrap_or_default(),
                time: event.timestamp.unwrap_or_default(),
                function: function.clone(),
                stream: event.log_stream_name.unwrap_or_default(),
                message: event.message.unwrap_or_default().trim_end().to_owned(),
            }));
        }
    }
    events.sort_by_key(|event| event.time);
    Ok(events)
}

//! Whether the process is alive (`/livez`), and whether it can count (`/readyz`). Orchestrators and load
//! balancers ask without a key, so the answers say nothing about hosts, files or traffic.

use std::time::Duration;

use abtest_api::{AnswerBody, RequestId};
use abtest_store::{Danger, Store, StoreError};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::page::answer::with_type;

/// How long the store may take. Load balancers usually wait for 5 seconds.
const TIME: Duration = Duration::from_secs(4);

/// Whether events can be counted now.
pub(super) struct Readiness {
    /// What puts the counts at risk, or why nothing can be counted.
    found: Result<Vec<Danger>, StoreError>,
    /// The id of the failure in the log.
    request_id: Option<RequestId>,
}

/// The body of an answer.
#[derive(Serialize)]
struct Document<'a> {
    status: Status,
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a RequestId>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Events are counted.
    Ok,
    /// Events are counted, but the operator has something to do.
    Degraded,
    /// Events are refused.
    Unavailable,
}

impl Readiness {
    /// Asks the store. If nothing can be counted, the log gets the reason.
    pub(super) async fn of(store: &impl Store) -> Self {
        let found = tokio::time::timeout(TIME, store.health()).await;
        let found = found.unwrap_or(Err(StoreError::TimedOut(TIME)));
        let request_id = found.as_ref().err().map(|error| RequestId::log(&error.to_string()));
        Self { found, request_id }
    }

    /// 200 if events are counted, else 503.
    pub(super) fn response(&self) -> Response<AnswerBody> {
        let (http, status, reasons) = match &self.found {
            Ok(dangers) if dangers.is_empty() => (StatusCode::OK, Status::Ok, Vec::new()),
            Ok(dangers) => {
                let reasons = dangers.iter().map(ToString::to_string).collect();
                (StatusCode::OK, Status::Degraded, reasons)
            }
            Err(error) => {
                let reason = reason(error).to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, Status::Unavailable, vec![reason])
            }
        };
        json(http, &Document { status, reasons, request_id: self.request_id.as_ref() })
    }
}

/// The answer of a process that runs, even if its store does not answer.
pub(super) fn alive() -> Response<AnswerBody> {
    json(StatusCode::OK, &Document { status: Status::Ok, reasons: Vec::new(), request_id: None })
}

fn json(status: StatusCode, document: &Document<'_>) -> Response<AnswerBody> {
    with_type(status, "application/json", serde_json::json!(document).to_string())
}

/// Why nothing can be counted. The log has the whole reason, which may name hosts and files.
fn reason(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unreachable(_) => "the store cannot be reached",
        StoreError::TimedOut(_) => "the store does not answer in time",
        StoreError::Settings(_) => "the store refuses the settings of this service",
        StoreError::ReadOnly => "the store is read-only; it may be a replica",
        StoreError::Unwritable(_) => "the store refuses writes because of its settings",
        StoreError::OutOfMemory => "the store has no room left",
        StoreError::Disk(_) => "the last write to the disk failed",
        StoreError::Overloaded { .. } => "too many events wait to be stored",
        StoreError::Damaged { .. }
        | StoreError::WrongType
        | StoreError::Unfinished
        | StoreError::Unexpected(_) => "the store answered something unexpected",
    }
}

//! Errors as RFC 9457 problem documents: what was wrong, with which parameter, and what to do.

use std::borrow::Cow;

use abtest_model::definition::{Conflict, Violation};
use abtest_model::event::BatchError;
use abtest_model::json::JsonError;
use abtest_model::{Amount, Event, InputError, event};
use abtest_store::{CommitError, Refusal, StoreError};
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::AnswerBody;
use crate::http::request_id::RequestId;
use crate::http::response::with_body;
use crate::public::measured::Unmeasured;

/// Most bytes in a request's body.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A problem document (RFC 9457) with members of ours.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request, and what to do.
    pub(super) detail: String,
    /// The parameter or member that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The rule that it breaks, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// The length of its value in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    /// For a batch of which nothing was stored: what is wrong with each event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedEvent>,
    /// For a document: every rule that it breaks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) violations: Vec<Violation>,
    /// For a change of a document: what it contradicts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conflicts: Vec<Conflict>,
    /// For a change of a document: the version that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "operator", schema(nullable = false))]
    pub(crate) current_version: Option<u64>,
    /// For a failure of the server: the log has the reason under this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "operator", schema(value_type = Option<String>, nullable = false))]
    request_id: Option<RequestId>,
    /// The methods that the path has, for the header `Allow`.
    #[serde(skip)]
    allow: Option<Cow<'static, str>>,
    /// The seconds after which the request can succeed, for the header `Retry-After`.
    #[serde(skip)]
    retry_after: Option<u64>,
    /// What the store failed with.
    #[serde(skip)]
    pub(crate) store_error: Option<StoreError>,
    /// Why the server failed, for the log, if the detail does not say it.
    #[serde(skip)]
    reason: Option<String>,
}

/// An event of a batch that was not stored.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
pub(crate) struct RefusedEvent {
    /// Its position in the array, from 0.
    pub index: usize,
    /// 400: it breaks a rule. 404: it is not declared, or not as a goal with values. 429: a limit is reached. 500: the store has data
    /// that abtest cannot use. 503: send it again.
    pub status: u16,
    /// The parameter or member that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The rule that it breaks, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// The length of its value in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// What is wrong, and what to do.
    pub detail: String,
    /// For a failure of the server: the log has the reason under this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "operator", schema(value_type = Option<String>, nullable = false))]
    pub request_id: Option<RequestId>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.into(),
            parameter: None,
            rule: None,
            length: None,
            refused: Vec::new(),
            violations: Vec::new(),
            conflicts: Vec::new(),
            current_version: None,
            request_id: None,
            allow: None,
            retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
            store_error: None,
            reason: None,
        }
    }

    /// A problem that a server around the API found: the status, what is wrong, and what to do.
    pub fn of(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, detail)
    }

    /// A client that asks too often, and the seconds after which it may ask again.
    pub fn too_often(seconds: u64, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, detail);
        Self { retry_after: Some(seconds), ..problem }
    }

    /// The same problem with a reason for the log, which the answer does not show.
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    pub(crate) fn boxed(status: StatusCode, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self::new(status, detail))
    }

    /// What is wrong, and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether there is nothing at the path.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND.as_u16()
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Box<Self> {
        Self::boxed(StatusCode::NOT_FOUND, detail)
    }

    /// A parameter whose value breaks a rule of the endpoint.
    pub(crate) fn wrong_parameter(
        parameter: &str,
        rule: &'static str,
        detail: impl Into<String>,
    ) -> Box<Self> {
        let problem = Self::new(StatusCode::BAD_REQUEST, detail);
        Box::new(Self { parameter: Some(parameter.to_owned()), rule: Some(rule), ..problem })
    }

    /// A request without an API key, or with a wrong one.
    pub(crate) fn unauthorized(sent: bool) -> Box<Self> {
        let detail = if sent {
            "the API key in the header x-api-key is wrong; send the key of this abtest"
        } else {
            "this endpoint needs the API key; send it in the header x-api-key"
        };
        Self::boxed(StatusCode::UNAUTHORIZED, detail)
    }

    /// A request that changes something, with a key that may only read.
    pub(crate) fn only_reads() -> Box<Self> {
        let detail = "the API key may only read; send the edit key to change something";
        Self::boxed(StatusCode::FORBIDDEN, detail)
    }

    pub(crate) fn method_not_allowed(allow: impl Into<Cow<'static, str>>) -> Box<Self> {
        let allow = allow.into();
        let detail = format!("this path takes {allow}");
        Box::new(Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail) })
    }

    pub(crate) fn unsupported_media_type() -> Box<Self> {
        let detail = "send the body as application/json or text/plain";
        Self::boxed(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    pub(crate) fn unsupported_charset() -> Box<Self> {
        let detail =
            "send the body as UTF-8; leave `charset` out of Content-Type, or make it utf-8";
        Self::boxed(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    pub(crate) fn unsupported_content_encoding() -> Box<Self> {
        let detail = "send the body as it is, without a Content-Encoding";
        Self::boxed(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    pub(crate) fn body_too_large() -> Box<Self> {
        let detail = format!(
            "the body is over {MAX_BODY_BYTES} bytes; send at most {} events in one request",
            event::MAX_BATCH_EVENTS
        );
        Self::boxed(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    pub(crate) fn body_unreadable() -> Box<Self> {
        Self::boxed(StatusCode::BAD_REQUEST, "the body ended before it was complete")
    }

    /// A batch of which no event was stored.
    pub(crate) fn all_refused(mut refused: Vec<RefusedEvent>, was_array: bool) -> Box<Self> {
        let statuses = || refused.iter().map(|event| event.status);
        let status = match (statuses().min(), statuses().max()) {
            (Some(least), Some(most)) if least == most => {
                StatusCode::from_u16(least).unwrap_or(StatusCode::BAD_REQUEST)
            }
            _ => StatusCode::BAD_REQUEST,
        };
        if was_array || refused.len() != 1 {
            let detail = format!("none of the {} events is stored; see `refused`", refused.len());
            let request_id = refused.iter().find_map(|event| event.request_id.clone());
            let request_id = request_id.filter(|_| status.is_server_error());
            return Box::new(Self { refused, request_id, ..Self::new(status, detail) });
        }
        let RefusedEvent { parameter, rule, length, detail, request_id, .. } = refused.remove(0);
        Box::new(Self { parameter, rule, length, request_id, ..Self::new(status, detail) })
    }

    /// For a failure of the server: logs the reason, if that is not done yet, and returns the id in the log.
    pub(crate) fn log(&mut self) -> Option<&RequestId> {
        let status = StatusCode::from_u16(self.status).ok();
        if self.request_id.is_none() && status.is_none_or(|status| status.is_server_error()) {
            let reason = self.reason.clone();
            let reason = reason.or_else(|| self.store_error.as_ref().map(ToString::to_string));
            self.request_id = Some(RequestId::log(reason.as_ref().unwrap_or(&self.detail)));
        }
        self.request_id.as_ref()
    }

    /// The response with this document. A failure of the server is logged.
    pub fn into_response(mut self) -> Response<AnswerBody> {
        self.log();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = with_body(status, "application/problem+json", body);
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            response.headers_mut().insert(ALLOW, allow);
        }
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, seconds.into());
            // Without this, a page of another origin could not read it.
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        }
        response
    }
}

impl RefusedEvent {
    pub(crate) fn invalid(index: usize, error: &InputError) -> Self {
        Self {
            index,
            status: StatusCode::BAD_REQUEST.as_u16(),
            parameter: error.parameter().map(str::to_owned),
            rule: Some(error.rule()),
            length: error.length(),
            detail: error.to_string(),
            request_id: None,
        }
    }

    /// An event that names something which its namespace does not declare.
    pub(crate) fn undeclared(index: usize, event: &Event, parameter: &str) -> Self {
        let declare = match parameter {
            "experiment" => "create it with `abtest experiments create NAME --variants …`",
            _ => "add it to the definition with `abtest experiments edit NAME`",
        };
        let detail = format!(
            "the namespace `{}` counts declared names only, and this {parameter} is not declared; \
             {declare}, or set `accept` to `any`",
            event.namespace.as_str().escape_debug()
        );
        Self {
            index,
            status: StatusCode::NOT_FOUND.as_u16(),
            parameter: Some(parameter.to_owned()),
            rule: Some("declared"),
            length: None,
            detail,
            request_id: None,
        }
    }

    /// An event whose value cannot be added to its goal.
    pub(crate) fn unmeasured(index: usize, event: &Event, unmeasured: &Unmeasured) -> Self {
        let goal = event.goal.as_str().escape_debug();
        let (status, rule, detail) = match unmeasured {
            Unmeasured::Invalid(error) => return Self::invalid(index, error),
            Unmeasured::NotAValueGoal => (
                StatusCode::NOT_FOUND,
                "value-goal",
                format!(
                    "`{goal}` is not declared as a goal with values; declare it with `\"kind\": \
                     \"value\"` in the definition of the experiment, or send the event without `value`"
                ),
            ),
            Unmeasured::CountGoal => (
                StatusCode::BAD_REQUEST,
                "count-goal",
                format!(
                    "each event of `{goal}` counts one, because the goal has `\"kind\": \"count\"`; \
                     send the event without `value`"
                ),
            ),
        };
        Self {
            index,
            status: status.as_u16(),
            parameter: Some(Amount::PARAMETER.to_owned()),
            rule: Some(rule),
            length: None,
            detail,
            request_id: None,
        }
    }

    /// An event that the store refused. A failure of the server is logged.
    pub(crate) fn refused(index: usize, refusal: &Refusal) -> Self {
        let status = match refusal {
            Refusal::WrongType => StatusCode::INTERNAL_SERVER_ERROR,
            Refusal::TotalTooLarge => StatusCode::BAD_REQUEST,
            Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Namespaces { .. }
            | Refusal::Experiments { .. }
            | Refusal::Counters { .. }
            | Refusal::CountersPerExperiment { .. }
            | Refusal::NamespacesPerHour { .. }
            | Refusal::ExperimentsPerHour { .. }
            | Refusal::CountersPerHour { .. } => StatusCode::TOO_MANY_REQUESTS,
        };
        Self {
            index,
            status: status.as_u16(),
            parameter: None,
            rule: None,
            length: None,
            detail: match refusal {
                Refusal::WrongType => ASK_THE_OPERATOR.to_owned(),
                refusal => refusal.to_string(),
            },
            request_id: status.is_server_error().then(|| RequestId::log(&refusal.to_string())),
        }
    }
}

impl From<InputError> for Box<Problem> {
    fn from(error: InputError) -> Self {
        Box::new(Problem {
            parameter: error.parameter().map(str::to_owned),
            rule: Some(error.rule()),
            length: error.length(),
            ..Problem::new(StatusCode::BAD_REQUEST, error.to_string())
        })
    }
}

impl From<BatchError> for Box<Problem> {
    fn from(error: BatchError) -> Self {
        let status = match error {
            BatchError::InvalidJson(_) => StatusCode::BAD_REQUEST,
            BatchError::TooMany { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Problem::boxed(status, error.to_string())
    }
}

impl From<JsonError> for Box<Problem> {
    fn from(error: JsonError) -> Self {
        let detail = error.to_string();
        match error {
            JsonError::Invalid(_) => Problem::boxed(StatusCode::BAD_REQUEST, detail),
            JsonError::Repeated { member } => Problem::wrong_parameter(&member, "once", detail),
        }
    }
}

impl From<CommitError> for Box<Problem> {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            error => Problem::boxed(StatusCode::CONFLICT, error.to_string()),
        }
    }
}

impl From<StoreError> for Box<Problem> {
    /// The answer says what to do, and has the id of the line in the log that has the reason.
    fn from(error: StoreError) -> Self {
        let (status, detail) = match error {
            StoreError::Unfinished => {
                // Nothing failed: the same request continues.
                return Problem::boxed(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
            }
            StoreError::Settings(_) => (StatusCode::SERVICE_UNAVAILABLE, WRONG_SETTINGS),
            _ if error.is_temporary() => (StatusCode::SERVICE_UNAVAILABLE, TRY_AGAIN),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, ASK_THE_OPERATOR),
        };
        let mut problem = Problem::new(status, detail);
        if matches!(error, StoreError::Settings(_)) {
            // The same request fails until somebody corrects the settings.
            problem.retry_after = None;
        }
        Box::new(Problem { store_error: Some(error), ..problem })
    }
}

const TRY_AGAIN: &str = "the store is not available at the moment; send the request again after the \
    seconds in Retry-After. The log has the reason under this request_id";

const WRONG_SETTINGS: &str = "the store refuses the settings of this service; its operator has to \
    correct them. The log has the reason under this request_id";

const ASK_THE_OPERATOR: &str = "the store has data that abtest cannot use; sending the request again \
    does not help. The log has the reason under this request_id";

#[cfg(test)]
mod tests {
    use abtest_store::WrongSetting;

    use super::*;

    #[test]
    fn an_unfinished_deletion_says_to_send_the_request_again() {
        let problem = Box::<Problem>::from(StoreError::Unfinished);
        assert_eq!((problem.status, problem.retry_after), (503, Some(1)));
        assert!(problem.detail().contains("send the same request again"), "{}", problem.detail());
    }

    #[test]
    fn a_failing_store_is_told_without_its_reason() {
        let secret = "FjallError at /var/lib: Os { code: 24 }";
        for (error, status, again) in [
            (StoreError::Disk(secret.into()), 503, true),
            (StoreError::Unexpected(secret.into()), 500, false),
            (StoreError::Settings(WrongSetting::Password), 503, false),
        ] {
            let mut problem = Box::<Problem>::from(error);
            assert!(problem.log().is_some());
            let text = serde_json::to_string(&problem).unwrap();
            assert!(!text.contains("Fjall") && !text.contains("password"), "{text}");
            assert!(text.contains("request_id"), "{text}");
            assert_eq!(problem.status, status);
            let response = problem.into_response();
            assert_eq!(response.headers().contains_key(RETRY_AFTER), again);
        }
    }
    #[test]
    fn every_failure_of_the_server_has_an_id_and_nothing_else_has() {
        for status in 400..600 {
            let mut problem = Problem::of(StatusCode::from_u16(status).unwrap(), "a sentence");
            assert_eq!(problem.log().is_some(), status >= 500, "{status}");
        }
    }

    #[test]
    fn an_event_that_the_store_cannot_count_is_told_without_the_reason_and_with_an_id() {
        let event = RefusedEvent::refused(0, &Refusal::WrongType);
        assert!(!event.detail.contains("key"), "{}", event.detail);
        let id = event.request_id.clone();
        assert!(id.is_some());
        let mut alone = Problem::all_refused(vec![event.clone()], false);
        assert_eq!((alone.status, alone.log().cloned()), (500, id.clone()));
        let mut several = Problem::all_refused(vec![event.clone(), event.clone()], true);
        assert_eq!((several.status, several.log().cloned()), (500, id));
        let invalid = RefusedEvent { status: 400, request_id: None, ..event.clone() };
        let mut mixed = Problem::all_refused(vec![invalid, event], true);
        assert_eq!((mixed.status, mixed.log()), (400, None));
        assert!(mixed.refused[1].request_id.is_some());
    }
}

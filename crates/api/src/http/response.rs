//! The headers that every answer has.

use bytes::Bytes;
#[cfg(feature = "assign")]
use http::HeaderMap;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA,
    X_CONTENT_TYPE_OPTIONS,
};
#[cfg(feature = "assign")]
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, ETAG};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::AnswerBody;
#[cfg(feature = "assign")]
use crate::http::conditions::is_unchanged;
use crate::http::problem::Problem;
use crate::http::request_summary::RequestSummary;
#[cfg(feature = "assign")]
use crate::public::view::Tagged;

/// Names the namespace of a request whose address cannot.
pub(crate) const NAMESPACE_HEADER: &str = "x-abtest-namespace";

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<AnswerBody> {
    match serde_json::to_vec(body) {
        Ok(body) => with_body(status, "application/json", body),
        // No type of ours can fail to serialise. If one does, say so instead of dying.
        Err(error) => {
            let detail = "abtest cannot write its answer; please report what its log says under this \
                          request_id";
            let problem = Problem::of(StatusCode::INTERNAL_SERVER_ERROR, detail);
            problem.because(format!("an answer cannot be written: {error}")).into_response()
        }
    }
}

/// An answer with any body.
pub(crate) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<AnswerBody> {
    let mut response = empty(status);
    *response.body_mut() = AnswerBody::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer that clients may keep and ask for again by its tag.
#[cfg(feature = "assign")]
pub(crate) fn with_tag(content_type: &'static str, tagged: &Tagged) -> Response<AnswerBody> {
    let mut response = with_body(StatusCode::OK, content_type, tagged.body.clone());
    tag(&mut response, &tagged.tag);
    response
}

/// The same, or 304 for a client that has it already (RFC 9110, section 13.1.2).
#[cfg(feature = "assign")]
pub(crate) fn unless_unchanged(
    headers: &HeaderMap,
    content_type: &'static str,
    tagged: &Tagged,
) -> Response<AnswerBody> {
    match is_unchanged(headers, &tagged.tag) {
        true => not_modified(&tagged.tag),
        false => with_tag(content_type, tagged),
    }
}

/// The answer to a client that has what it asks for.
#[cfg(feature = "assign")]
pub(crate) fn not_modified(tag: &HeaderValue) -> Response<AnswerBody> {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    self::tag(&mut response, tag);
    response
}

#[cfg(feature = "assign")]
fn tag(response: &mut Response<AnswerBody>, tag: &HeaderValue) {
    let headers = response.headers_mut();
    headers.remove(PRAGMA);
    headers.insert(ETAG, tag.clone());
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Retry-After"));
}

/// The answer to OPTIONS.
pub(crate) fn preflight(methods: &str, summary: &mut RequestSummary) -> Response<AnswerBody> {
    summary.operation = "preflight";
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    if let Ok(methods) = HeaderValue::from_str(methods) {
        headers.insert(ALLOW, methods.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "Content-Type,X-Amz-Date,Authorization,X-Api-Key,X-Amz-Security-Token,If-Match,\
             If-None-Match,X-Abtest-Actor,X-Abtest-Namespace",
        ),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

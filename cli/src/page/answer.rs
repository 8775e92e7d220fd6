//! Answers that are not the API's: the page's files, and small texts.

use abtest_api::AnswerBody;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};

use super::files::{File, POLICY};

/// A file of the page.
pub(crate) fn file(file: &'static File) -> Response<AnswerBody> {
    let mut response = with_type(StatusCode::OK, file.content_type, file.content.as_str());
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A short text.
pub(crate) fn text(status: StatusCode, body: &'static str) -> Response<AnswerBody> {
    with_type(status, "text/plain", body)
}

/// A problem document, which the page shows.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response<AnswerBody> {
    let body = serde_json::json!({"status": status.as_u16(), "detail": detail});
    with_type(status, "application/problem+json", body.to_string())
}

/// Any body. The browser keeps nothing, so that the page and the API always have one version.
pub(crate) fn with_type(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<bytes::Bytes>,
) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

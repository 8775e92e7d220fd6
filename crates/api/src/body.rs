//! Reading a request's body within its limit.

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::{MAX_BODY_BYTES, Problem};

/// Reads a body that holds JSON: sent as such, as the text/plain of `navigator.sendBeacon`, or
/// without a type.
pub(crate) async fn read_json<B: Body>(request: Request<B>) -> Result<Bytes, Box<Problem>> {
    let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
    if !content_type.is_none_or(is_json) {
        return Err(Problem::unsupported_media_type());
    }
    // What says that it is too large is not read at all.
    if request.body().size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(Problem::body_too_large());
    }
    let body = request.into_body().map_err(|_| Unreadable);
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::body_too_large()),
        Err(_) => Err(Problem::body_unreadable()),
    }
}

/// Stands for whatever error the body's own type has.
#[derive(Debug, thiserror::Error)]
#[error("the body cannot be read")]
struct Unreadable;

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii();
    [&b"application/json"[..], b"text/plain"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

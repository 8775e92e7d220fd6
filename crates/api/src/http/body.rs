//! Reading a request's body within its limit.

use std::pin::pin;

use bytes::{Buf, BufMut, Bytes};
use http::Request;
use http::header::CONTENT_TYPE;
use http_body::Body;
use http_body_util::BodyExt;

use crate::http::problem::{MAX_BODY_BYTES, Problem};

/// Most bytes that are read of a body that is too large.
const PATIENCE_BYTES: usize = 8 * MAX_BODY_BYTES;

/// Reads a body that holds JSON: sent as such, as the text/plain of `navigator.sendBeacon`, or
/// without a type.
pub(crate) async fn read_json<B: Body>(request: Request<B>) -> Result<Bytes, Box<Problem>> {
    let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
    if !content_type.is_none_or(is_json) {
        return Err(Problem::unsupported_media_type());
    }
    let mut body = pin!(request.into_body());
    let mut read = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::body_unreadable())?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.remaining();
        // Past the limit it is only read so that the client, still sending, sees the answer.
        if length <= MAX_BODY_BYTES {
            read.put(data);
        } else if length > PATIENCE_BYTES {
            break;
        }
    }
    if length > MAX_BODY_BYTES { Err(Problem::body_too_large()) } else { Ok(read.into()) }
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii();
    [&b"application/json"[..], b"text/plain"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

//! Reading a request's body within its limit.

use std::pin::pin;

use bytes::{Buf, BufMut, Bytes};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Request};
use http_body::Body;
use http_body_util::BodyExt;

use crate::http::problem::{MAX_BODY_BYTES, Problem};

/// Most bytes that are read of a body that is too large.
const PATIENCE_BYTES: usize = 8 * MAX_BODY_BYTES;

/// Reads a JSON body. Its type is application/json, or text/plain as `navigator.sendBeacon` sends it, or
/// absent.
pub(crate) async fn read_json<B: Body>(request: Request<B>) -> Result<Bytes, Box<Problem>> {
    check_form(request.headers())?;
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

/// Checks the headers that describe the body: it must be JSON in UTF-8, not compressed.
fn check_form(headers: &HeaderMap) -> Result<(), Box<Problem>> {
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    let mut encodings = encodings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    if !encodings.all(|encoding| is_one_of(encoding, &["identity", ""])) {
        return Err(Problem::unsupported_content_encoding());
    }
    for content_type in headers.get_all(CONTENT_TYPE) {
        let mut parts = content_type.as_bytes().split(|byte| *byte == b';');
        if !parts.next().is_some_and(|essence| is_one_of(essence, &JSON_TYPES)) {
            return Err(Problem::unsupported_media_type());
        }
        let mut charsets = parts.filter_map(charset);
        if !charsets.all(|charset| is_one_of(charset, &["utf-8", "\"utf-8\""])) {
            return Err(Problem::unsupported_charset());
        }
    }
    Ok(())
}

/// The content types of bodies.
const JSON_TYPES: [&str; 2] = ["application/json", "text/plain"];

/// The value of a parameter of Content-Type, if the parameter is `charset`.
fn charset(parameter: &[u8]) -> Option<&[u8]> {
    let equals = parameter.iter().position(|byte| *byte == b'=')?;
    is_one_of(&parameter[..equals], &["charset"]).then(|| &parameter[equals + 1..])
}

/// Compares words. RFC 9110 ignores their case and the spaces around them.
fn is_one_of(word: &[u8], known: &[&str]) -> bool {
    known.iter().any(|known| word.trim_ascii().eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn status(headers: &[(&'static str, &'static str)]) -> StatusCode {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        match check_form(&map) {
            Ok(()) => StatusCode::OK,
            Err(problem) => problem.into_response().status(),
        }
    }

    #[test]
    fn json_as_utf_8_is_taken_however_it_is_written() {
        for content_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/plain;charset=UTF-8",
            "application/json ; Charset = \"UTF-8\" ; profile=x",
        ] {
            assert_eq!(status(&[("content-type", content_type)]), StatusCode::OK, "{content_type}");
        }
        assert_eq!(status(&[]), StatusCode::OK);
        assert_eq!(status(&[("content-encoding", "Identity")]), StatusCode::OK);
    }

    #[test]
    fn another_form_is_refused() {
        for header in [
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-type", "application/jsonx"),
            ("content-type", ""),
            ("content-type", "application/json; charset=utf-16"),
            ("content-type", "application/json; charset=utf-8; charset=latin1"),
            ("content-type", "text/plain; charset="),
            ("content-encoding", "gzip"),
            ("content-encoding", "identity, br"),
        ] {
            assert_eq!(status(&[header]), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{header:?}");
        }
        let twice = [("content-type", "application/json"), ("content-type", "text/html")];
        assert_eq!(status(&twice), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}

//! The connections and requests that the server refuses itself.

use abtest_api::{AnswerBody, MAX_BODY_BYTES, Problem};
use futures_util::FutureExt;
use http::header::{CONNECTION, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Collected};

/// Why a connection or a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// All connections are busy.
    Connections,
    /// All connections from this address are busy.
    ConnectionsOfAddress,
    /// The request has no `Host` header, or several, or one that is not a host.
    Host,
    /// The body ended early, or its framing is broken.
    BrokenBody,
    /// The body is over the limit.
    LargeBody,
    /// The body came too slowly.
    SlowBody,
    /// The memory for bodies is in use.
    BodyMemory,
}

impl Refusal {
    /// All of them, for metrics.
    pub(crate) const ALL: [Self; 7] = [
        Self::Connections,
        Self::ConnectionsOfAddress,
        Self::Host,
        Self::BrokenBody,
        Self::LargeBody,
        Self::SlowBody,
        Self::BodyMemory,
    ];

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsOfAddress => "connections_of_address",
            Self::Host => "host",
            Self::BrokenBody => "broken_body",
            Self::LargeBody => "large_body",
            Self::SlowBody => "slow_body",
            Self::BodyMemory => "body_memory",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::LargeBody => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::Connections | Self::ConnectionsOfAddress | Self::BodyMemory => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn detail(self) -> String {
        match self {
            Self::Connections => "too many connections; send the request again in a second".into(),
            Self::ConnectionsOfAddress => {
                "too many connections from this address; close some, or reuse them".into()
            }
            Self::Host => "send one Host header, with a host and optionally a port".into(),
            Self::BrokenBody => "the body ended before it was complete".into(),
            Self::LargeBody => {
                format!("the body is over {MAX_BODY_BYTES} bytes; send less in one request")
            }
            Self::SlowBody => "the body came too slowly; send the request again".into(),
            Self::BodyMemory => {
                "too many large bodies at the moment; send the request again after the seconds in \
                 Retry-After"
                    .into()
            }
        }
    }

    /// The answer. The connection is closed after it.
    pub(super) fn response(self) -> Response<AnswerBody> {
        let mut response = Problem::of(self.status(), self.detail()).into_response();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    /// The answer to a connection that is not accepted, as bytes.
    pub(super) fn bytes(self) -> Vec<u8> {
        let (head, body) = self.response().into_parts();
        // The body is in memory, so it is complete at once.
        let body = body.collect().now_or_never().and_then(Result::ok);
        let body = body.map(Collected::to_bytes).unwrap_or_default();
        let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
        for (name, value) in &head.headers {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
        bytes.extend(body);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_a_name_of_its_own_and_says_when_to_come_again() {
        let names: std::collections::BTreeSet<_> = Refusal::ALL.map(Refusal::name).into();
        assert_eq!(names.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            let response = refusal.response();
            let waits = response.headers().contains_key("retry-after");
            assert_eq!(waits, response.status() == StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()["connection"], "close");
        }
        let bytes = String::from_utf8(Refusal::Connections.bytes()).unwrap();
        assert!(bytes.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{bytes}");
        let (head, body) = bytes.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.contains("too many connections") && body.contains("request_id"), "{body}");
    }
}

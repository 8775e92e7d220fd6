//! Streams of events as answers: how many may be open, and what keeps proxies from closing them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use abtest_api::{Events, Problem};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue,
};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::Streaming;

/// The body of a stream.
pub(super) type StreamedBody = UnsyncBoxBody<Bytes, Infallible>;

/// How long nothing may be sent. Proxies close connections that are silent for a minute.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);

/// A comment, which clients ignore.
const COMMENT: &[u8] = b":\n\n";

/// The first bytes: the pause before a client connects again, in milliseconds.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// Tells nginx to pass events on at once.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The open streams.
pub(super) struct OpenStreams(Arc<Semaphore>);

impl OpenStreams {
    /// At most half of the connections are streams, so that they never keep other requests out.
    pub(super) fn new(connections: usize) -> Self {
        Self(Arc::new(Semaphore::new((connections / 2).clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// Takes a place.
    ///
    /// # Errors
    /// When there is no place left.
    pub(super) fn admit(&self) -> Result<OwnedSemaphorePermit, Box<Problem>> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            let detail = "too many streams are open; poll, and connect again later";
            Box::new(Problem::of(StatusCode::SERVICE_UNAVAILABLE, detail))
        })
    }
}

/// The answer that sends events until the client or the server stops.
pub(super) fn answer(events: Events, place: OwnedSemaphorePermit) -> Response<StreamedBody> {
    let start = (events, place, Some(RETRY));
    let frames = futures_util::stream::unfold(start, |(mut events, place, first)| async move {
        let bytes = match first {
            Some(first) => Bytes::from_static(first),
            None => match tokio::time::timeout(LONGEST_SILENCE, events.next()).await {
                Ok(event) => event?,
                Err(_) => Bytes::from_static(COMMENT),
            },
        };
        Some((Ok(Frame::data(bytes)), (events, place, None)))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.extensions_mut().insert(Streaming);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_connections_may_be_streams() {
        let streams = OpenStreams::new(4);
        let places = [streams.admit().unwrap(), streams.admit().unwrap()];
        assert!(streams.admit().is_err());
        drop(places);
        assert!(streams.admit().is_ok());
        let one = OpenStreams::new(1);
        assert!(one.admit().is_ok());
    }
}

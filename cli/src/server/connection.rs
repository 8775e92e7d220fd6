//! Serves one connection: its requests, one after the other.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use abtest_api::AnswerBody;
use http::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{Request, Response, Version};
use http_body::Body as _;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use super::connections::{Admitted, Phase};
use super::{Answers, Refusal, Sent, Shared};

/// The time for the head of a request. An idle connection has the same time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The time that a client has to read an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// Most bytes of a request's head. A connection buffers as many bytes of a body.
const HEAD_BYTES: usize = 32 * 1024;

/// Serves a connection in a task of its own.
pub(super) fn spawn<B: Sent>(
    stream: TcpStream,
    peer: IpAddr,
    admitted: Admitted,
    service: impl Answers<B>,
    shared: Arc<Shared>,
    watched: &GracefulShutdown,
) {
    let admitted = Arc::new(admitted);
    let answering = Arc::clone(&admitted);
    let service = service_fn(move |request| {
        let (admitted, shared) = (Arc::clone(&answering), Arc::clone(&shared));
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(request, peer, &admitted, service, &shared).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES)
        // A client that closed its sending side still gets its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let connection = watched.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            },
            () = admitted.closed() => tracing::debug!("closed a connection to make room or to stop"),
            () = not_read(&admitted, ANSWER_TIMEOUT) => tracing::debug!("a client did not read its answer"),
        }
    });
}

/// Returns when the client has not read an answer within `timeout`. hyper closes idle connections
/// earlier, by [`HEAD_TIMEOUT`].
async fn not_read(admitted: &Admitted, timeout: Duration) {
    loop {
        match admitted.waiting() {
            Some(waited) if waited >= timeout => return,
            Some(waited) => tokio::time::sleep(timeout - waited).await,
            None => tokio::time::sleep(timeout).await,
        }
    }
}

async fn answer<B: Sent>(
    request: Request<Incoming>,
    peer: IpAddr,
    admitted: &Admitted,
    service: impl Answers<B>,
    shared: &Shared,
) -> Response<Either<B, AnswerBody>> {
    let (mut parts, body) = request.into_parts();
    let received = if !has_one_host(&parts) {
        Err(Refusal::Host)
    } else if body.is_end_stream() {
        Ok(None)
    } else {
        admitted.enter(Phase::Receiving);
        shared.memory.receive(body).await.map(Some)
    };
    let received = match received {
        Ok(received) => received,
        Err(refusal) => {
            shared.observer.refused(refusal);
            admitted.enter(Phase::Waiting);
            return refusal.response().map(Either::Right);
        }
    };
    admitted.enter(Phase::Answering);
    let (bytes, memory) = received.map(|body| (body.bytes, body.memory)).unwrap_or_default();
    // hyper removes Content-Length from a request that also has Transfer-Encoding. The end of such a
    // request is uncertain (RFC 9112, 6.1), so the connection is closed after it.
    let is_last = parts.headers.contains_key(TRANSFER_ENCODING);
    parts.extensions.insert(shared.proxies.client(peer, &parts.headers));
    let request = Request::from_parts(parts, AnswerBody::new(bytes));
    let mut response = match service.oneshot(request).await {
        Ok(response) => response,
        Err(impossible) => match impossible {},
    };
    drop(memory);
    admitted.enter(Phase::Waiting);
    if is_last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(Either::Left)
}

/// Whether a request names its host exactly once, as HTTP/1.1 requires (RFC 9112, 3.2). With two hosts, a
/// proxy could use one of them and this server the other.
fn has_one_host(head: &http::request::Parts) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, None) => head.version < Version::HTTP_11,
        (Some(host), None) => host.is_empty() || is_host(host.as_bytes()),
        (_, Some(_)) => false,
    }
}

/// Whether a text is a host, optionally with a port.
fn is_host(text: &[u8]) -> bool {
    !text.contains(&b'@') && Authority::try_from(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::connections::Connections;
    use super::super::limits::Limits;
    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_its_answer_is_not_waited_for() {
        let connections = Arc::new(Connections::new(Limits::SMALL));
        let admitted = connections.admit(None).unwrap();
        not_read(&admitted, Duration::ZERO).await;
        // An answer that is not there yet is the server's matter.
        admitted.enter(Phase::Answering);
        let mut not_read = std::pin::pin!(not_read(&admitted, Duration::ZERO));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(not_read.as_mut().poll(&mut context).is_pending());
    }

    fn has_one_host(version: Version, hosts: &[&str]) -> bool {
        let mut request = Request::builder().version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        super::has_one_host(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_request_has_one_host() {
        for host in ["a.example", "127.0.0.1:8080", "[::1]:80", ""] {
            assert!(has_one_host(Version::HTTP_11, &[host]), "{host}");
        }
        for hosts in [&[][..], &["a", "a"], &["a", "b"], &["a b"], &["a/b"], &["a, b"], &["user@a"]]
        {
            assert!(!has_one_host(Version::HTTP_11, hosts), "{hosts:?}");
        }
        assert!(has_one_host(Version::HTTP_10, &[]));
    }
}

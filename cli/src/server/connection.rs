//! Serves one connection: its requests, one after the other.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use abtest_api::AnswerBody;
use http::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
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
    let served_by = admitted.served_by();
    let context = Arc::new(Context { peer, admitted, shared, service });
    let service = service_fn(move |request| {
        let context = Arc::clone(&context);
        async move { Ok::<_, Infallible>(answer(request, &context).await) }
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
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
    served_by(task.abort_handle());
}

/// Marks an answer that goes on without end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streaming;

/// What the requests of a connection share.
struct Context<S> {
    peer: IpAddr,
    admitted: Admitted,
    shared: Arc<Shared>,
    service: S,
}

async fn answer<B: Sent, S: Answers<B>>(
    request: Request<Incoming>,
    context: &Context<S>,
) -> Response<Either<B, AnswerBody>> {
    let Context { peer, admitted, shared, service } = context;
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
    parts.extensions.insert(shared.proxies.client(*peer, &parts.headers));
    let request = Request::from_parts(parts, AnswerBody::new(bytes));
    let mut response = match service.clone().oneshot(request).await {
        Ok(response) => response,
        Err(impossible) => match impossible {},
    };
    drop(memory);
    let streams = response.extensions().get::<Streaming>().is_some();
    admitted.enter(if streams { Phase::Streaming } else { Phase::Waiting });
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

/// Whether a text has only characters of a host and a port (RFC 3986, 3.2.2).
fn is_host(text: &[u8]) -> bool {
    let others = b"-._~:[]%!$&'()*+,;=";
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || others.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! The HTTP server of `serve` and `dashboard`. It accepts connections, reads requests, and passes them
//! to a service. It limits the connections, the time and the memory that strangers can take.
//!
//! | module | holds |
//! |---|---|
//! | `limits` | [`Limits`]: how many connections, and how much memory for bodies |
//! | `address` | finds the client of a request, also behind trusted proxies |
//! | `connections` | counts the open connections, and closes one to make room for another |
//! | `connection` | serves one connection |
//! | `body` | reads a body within its time and the memory for bodies |
//! | `refusal` | what the server refuses before its service sees it |
//! | `sparse` | writes a log line at most once per second |

pub(crate) mod address;
mod body;
mod connection;
mod connections;
pub(crate) mod limits;
mod refusal;
pub(crate) mod sparse;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use abtest_api::AnswerBody;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until};
use tower::Service;

use address::TrustedProxies;
use body::BodyMemory;
use connections::{Connections, Phase};
use limits::Limits;
use sparse::SparseLog;

pub(crate) use connection::Streaming;
pub(crate) use refusal::Refusal;

/// After a signal, connections that wait for their client are closed after this time.
const GRACE_FOR_WAITING: Duration = Duration::from_secs(2);

/// After a signal, requests in flight may take this long.
const GRACE_FOR_ANSWERS: Duration = Duration::from_secs(5);

/// The time that a client has to read an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// The pause after the system refused a connection, usually for lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A service that answers requests. A request has its whole body, and a [`address::ClientAddress`] as an
/// extension.
pub(crate) trait Answers<B>:
    Service<Request<AnswerBody>, Response = Response<B>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S, B> Answers<B> for S where
    S: Service<Request<AnswerBody>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The body of an answer.
pub(crate) trait Sent:
    Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static
{
}

impl<B> Sent for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static
{
}

/// Counts what happens on the sockets.
pub(crate) trait Observer: Send + Sync + 'static {
    /// The server refused a connection or a request.
    fn refused(&self, refusal: Refusal);
}

/// Counts nothing.
pub(crate) struct NoObserver;

impl Observer for NoObserver {
    fn refused(&self, _: Refusal) {}
}

/// A server that is ready to run.
pub(crate) struct Server<S> {
    service: S,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
}

/// What all connections share.
struct Shared {
    memory: BodyMemory,
    proxies: TrustedProxies,
    observer: Arc<dyn Observer>,
}

impl<S> Server<S> {
    /// A server for a service, within limits.
    pub(crate) fn new(
        service: S,
        limits: Limits,
        proxies: TrustedProxies,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let memory = BodyMemory::new(limits.body_bytes);
        let shared = Arc::new(Shared { memory, proxies, observer });
        Self { service, shared, connections: Arc::new(Connections::new(limits)) }
    }

    /// Serves until SIGINT or SIGTERM. Then it accepts no more connections, ends streams, and gives the
    /// requests in flight a few seconds. A second signal stops at once.
    pub(crate) async fn run<B: Sent>(self, listener: TcpListener)
    where
        S: Answers<B>,
    {
        let watched = GracefulShutdown::new();
        let mut stop = StopSignal::new();
        tokio::select! {
            () = stop.next() => {}
            () = self.accept(&listener, &watched) => {}
        }
        drop(listener);
        tracing::info!(connections = watched.count(), "stopping");
        // Streams have no end to wait for. Their clients connect again.
        self.connections.close(|phase| phase == Phase::Streaming);
        let start = Instant::now();
        let closing = async {
            sleep_until(start + GRACE_FOR_WAITING).await;
            self.connections.close(|phase| phase != Phase::Answering);
            sleep_until(start + GRACE_FOR_ANSWERS).await;
            let late = self.connections.close(|_| true);
            if late > 0 {
                tracing::warn!(
                    requests = late,
                    "some requests took too long; stopped without them"
                );
            }
            // A closed connection ends at once. This only bounds the wait.
            sleep(GRACE_FOR_ANSWERS).await;
        };
        tokio::select! {
            () = watched.shutdown() => {}
            () = closing => {}
            () = stop.next() => tracing::warn!("stopped at once"),
        }
    }

    /// Serves until the process ends. Requests in flight are then lost.
    pub(crate) async fn run_without_grace<B: Sent>(self, listener: TcpListener)
    where
        S: Answers<B>,
    {
        self.accept(&listener, &GracefulShutdown::new()).await;
    }

    async fn accept<B: Sent>(&self, listener: &TcpListener, watched: &GracefulShutdown)
    where
        S: Answers<B>,
    {
        let log = SparseLog::default();
        let mut unread = tokio::time::interval(ANSWER_TIMEOUT / 10);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = unread.tick() => {
                    self.connections.close_unread(ANSWER_TIMEOUT);
                    continue;
                }
            };
            match accepted {
                Ok((stream, peer)) => self.connect(stream, peer, watched),
                Err(error) => {
                    // Usually the process is out of file descriptors, and some will be free soon.
                    if let Some(more) = log.turn() {
                        tracing::warn!(%error, more, "cannot accept a connection");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn connect<B: Sent>(&self, stream: TcpStream, peer: SocketAddr, watched: &GracefulShutdown)
    where
        S: Answers<B>,
    {
        let peer = peer.ip().to_canonical();
        let limited = self.shared.proxies.limited(peer);
        let admitted = match self.connections.admit(limited) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.shared.observer.refused(refusal);
                // If the client cannot take this now, it sees a closed connection.
                let _ = stream.try_write(&refusal.bytes());
                return;
            }
        };
        // Answers are small and written at once, so waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&self.shared);
        connection::spawn(stream, peer, admitted, self.service.clone(), shared, watched);
    }
}

/// SIGINT and SIGTERM. They do not end the process once this exists.
struct StopSignal(Option<[Signal; 2]>);

impl StopSignal {
    fn new() -> Self {
        let signals = signal(SignalKind::interrupt())
            .and_then(|interrupt| Ok([interrupt, signal(SignalKind::terminate())?]));
        if let Err(error) = &signals {
            tracing::warn!(%error, "cannot catch signals; stop with kill -9, which loses nothing");
        }
        Self(signals.ok())
    }

    async fn next(&mut self) {
        match &mut self.0 {
            Some([interrupt, terminate]) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
            None => std::future::pending().await,
        }
    }
}

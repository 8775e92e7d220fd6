//! The HTTP server: from sockets to requests, and answers back. It bounds what strangers can take:
//! connections, time and memory. What a request means is the matter of its service.
//!
//! | module | holds |
//! |---|---|
//! | `limits` | [`Limits`]: how many connections, and how much memory for bodies |
//! | `address` | whom a request is from, behind trusted proxies or not |
//! | `connections` | the open connections, and which of them makes room for a new one |
//! | `connection` | one connection: its requests, one after the other |
//! | `body` | reads a body within its time and the memory for bodies |
//! | `refusal` | what the server refuses before its service sees it |
//! | `sparse` | log lines that come once per second at most |

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

pub(crate) use refusal::Refusal;

/// After a signal: how long connections may stay open that wait for a client.
const GRACE_FOR_WAITING: Duration = Duration::from_secs(2);

/// After a signal: how long requests in flight may take.
const GRACE_FOR_ANSWERS: Duration = Duration::from_secs(5);

/// How long to wait when the system has no file descriptor for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// What answers requests. Each has its whole body, and a [`address::ClientAddress`] as extension.
pub(crate) trait Answers<B>:
    Service<Request<AnswerBody>, Response = Response<B>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S, B> Answers<B> for S where
    S: Service<Request<AnswerBody>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
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
pub(crate) struct Nobody;

impl Observer for Nobody {
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

    /// Serves until SIGINT or SIGTERM. Then it accepts no more connections and finishes the requests
    /// that it has, for a short time. A second signal stops at once.
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
            // They end as soon as they are told; nothing should take longer.
            sleep(GRACE_FOR_ANSWERS).await;
        };
        tokio::select! {
            () = watched.shutdown() => {}
            () = closing => {}
            () = stop.next() => tracing::warn!("stopped at once"),
        }
    }

    /// Serves until the process ends, for a listener whose requests need not be finished.
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
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.connect(stream, peer, watched),
                Err(error) => {
                    // Usually the process is out of file descriptors, and some become free soon.
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
        let counted = self.shared.proxies.is_counted(peer);
        let admitted = match self.connections.admit(counted) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.shared.observer.refused(refusal);
                // A client that does not take this at once sees a closed connection.
                let _ = stream.try_write(refusal.bytes().as_bytes());
                return;
            }
        };
        // Answers are small and written at once, so waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&self.shared);
        connection::spawn(stream, peer, admitted, self.service.clone(), shared, watched);
    }
}

/// SIGINT and SIGTERM. From its creation on, they do not end the process.
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

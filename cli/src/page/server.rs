//! Accepts connections, and stops without losing a request.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use abtest_api::AnswerBody;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long requests in flight may take to finish when stopping.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Answers requests.
pub(crate) trait Responder: Send + Sync + 'static {
    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<AnswerBody>> + Send;
}

/// Serves until SIGINT or SIGTERM. Then it accepts no more connections and finishes the requests that
/// it has. A second signal stops at once.
pub(crate) async fn run(listener: TcpListener, responder: Arc<impl Responder>) {
    let connections = GracefulShutdown::new();
    let mut stop = StopSignal::new();
    loop {
        tokio::select! {
            () = stop.next() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => connect(stream, Arc::clone(&responder), &connections),
                Err(error) => {
                    // Usually the process is out of file descriptors, and some become free soon.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    tracing::info!(connections = connections.count(), "stopping");
    tokio::select! {
        () = connections.shutdown() => {}
        () = tokio::time::sleep(SHUTDOWN_GRACE) => tracing::warn!("some requests took too long; stopped without them"),
        () = stop.next() => tracing::warn!("stopped at once"),
    }
}

/// Serves until the process ends, for a listener whose requests need not be finished.
pub(crate) async fn run_without_grace(listener: TcpListener, responder: Arc<impl Responder>) {
    let connections = GracefulShutdown::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connect(stream, Arc::clone(&responder), &connections),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn connect(stream: TcpStream, responder: Arc<impl Responder>, connections: &GracefulShutdown) {
    // Answers are small and written at once, so waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let responder = Arc::clone(&responder);
        async move { Ok::<_, Infallible>(responder.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
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

//! Decides which part answers a request: the page, its session, health, metrics, or the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abtest_api::{AnswerBody, Gateway, KEY_HEADER, RequestSummary};
use abtest_model::{Namespace, Secret};
use abtest_store::Store;
use http::header::{HeaderValue, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::metrics::Metrics;
use crate::page::answer::{problem, text, with_type};
use crate::page::{self, Sessions, server};

/// Everything that `serve` answers.
pub(super) struct App<S> {
    api: Gateway<S>,
    sessions: Sessions,
    metrics: Arc<Metrics>,
    key: Option<HeaderValue>,
    namespace: Namespace,
    failures: FailureLog,
}

impl<S: Store> App<S> {
    pub(super) fn new(api: Gateway<S>, key: &Secret, namespace: Namespace, port: u16) -> Self {
        Self {
            api,
            sessions: Sessions::new(port),
            metrics: Arc::new(Metrics::new()),
            key: HeaderValue::from_str(key.expose()).ok(),
            namespace,
            failures: FailureLog::default(),
        }
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// What Prometheus reads, for a listener of its own.
    pub(super) fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    async fn answer_all(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        if let Some(answer) = page::answer(&request, &self.sessions) {
            return answer;
        }
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/session") => self.open_session(request).await,
            (&Method::DELETE, "/session") => self.close_session(&request),
            (_, "/session") if is_read => self.session(&request),
            (_, "/healthz") if is_read => self.health().await,
            (_, "/metrics") if is_read => self.metrics_for_operators(&request),
            _ => self.answer_api(request).await,
        }
    }

    /// Metrics tell how much traffic there is, so here they need the key.
    fn metrics_for_operators(&self, request: &Request<Incoming>) -> Response<AnswerBody> {
        let key = request.headers().get(KEY_HEADER).map_or(&b""[..], |key| key.as_bytes());
        if self.api.keys().accepts(key) || self.sessions.holds(request) {
            return self.metrics.answer();
        }
        problem(
            StatusCode::UNAUTHORIZED,
            "metrics need the API key here; send it in the header x-api-key, or read them where \
             --metrics-listen says, without a key",
        )
    }

    async fn answer_api(&self, mut request: Request<Incoming>) -> Response<AnswerBody> {
        let start = Instant::now();
        if !request.headers().contains_key(KEY_HEADER)
            && let Some(key) = self.key.as_ref().filter(|_| self.sessions.holds(&request))
        {
            request.headers_mut().insert(KEY_HEADER, key.clone());
        }
        let response = self.api.answer(request).await;
        if let Some(summary) = response.extensions().get::<RequestSummary>() {
            self.metrics.count(response.status(), summary, start.elapsed());
            if let Some(error) = &summary.error {
                self.failures.log(error, summary.request_id.as_deref());
            }
            tracing::debug!(
                operation = summary.operation,
                status = response.status().as_u16(),
                accepted = summary.accepted,
                "answered"
            );
        }
        response
    }

    /// Whether the browser has a session, and what its page should show.
    fn session(&self, request: &Request<Incoming>) -> Response<AnswerBody> {
        if !self.sessions.holds(request) {
            return page::no_session("login", "no session; send the API key to POST /session");
        }
        let session = serde_json::json!({"namespace": self.namespace.as_str()});
        with_type(StatusCode::OK, "application/json", session.to_string())
    }

    async fn open_session(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        let Ok(key) = Limited::new(request.into_body(), 1_024).collect().await else {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "this is longer than any API key");
        };
        if !self.api.keys().accepts(key.to_bytes().trim_ascii()) {
            return text(StatusCode::UNAUTHORIZED, "this is not the API key");
        }
        let mut response = text(StatusCode::NO_CONTENT, "");
        if let Some(cookie) = self.sessions.open() {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    fn close_session(&self, request: &Request<Incoming>) -> Response<AnswerBody> {
        let mut response = text(StatusCode::NO_CONTENT, "");
        if let Some(cookie) = self.sessions.close(request) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    async fn health(&self) -> Response<AnswerBody> {
        match self.api.store().health().await {
            Ok(()) => with_type(StatusCode::OK, "application/json", r#"{"status":"ok"}"#),
            Err(error) => {
                let problem: Box<abtest_api::Problem> = error.into();
                problem.into_response()
            }
        }
    }
}

impl<S: Store> server::Responder for App<S> {
    async fn answer(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        self.answer_all(request).await
    }
}

/// Logs a failing store at most once per second, so that an outage does not fill the disk.
#[derive(Default)]
struct FailureLog {
    last: AtomicU64,
    skipped: AtomicU64,
}

impl FailureLog {
    fn log(&self, error: &abtest_store::StoreError, request_id: Option<&str>) {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO).as_secs();
        if self.last.swap(now, Ordering::Relaxed) == now {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, request_id, "a request failed");
            return;
        }
        let more = self.skipped.swap(0, Ordering::Relaxed);
        tracing::warn!(%error, request_id, more, "a request failed");
    }
}

//! Which part answers a request: the page, its session, health, metrics, or the API.

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
use crate::page::answer::{text, with_type};
use crate::page::{self, Sessions, server};

/// Everything that `serve` answers.
pub(super) struct Site<S> {
    api: Gateway<S>,
    sessions: Sessions,
    metrics: Metrics,
    key: Option<HeaderValue>,
    namespace: Namespace,
    complaints: Complaints,
}

impl<S: Store> Site<S> {
    pub(super) fn new(api: Gateway<S>, key: &Secret, namespace: Namespace, port: u16) -> Self {
        Self {
            api,
            sessions: Sessions::new(port),
            metrics: Metrics::new(),
            key: HeaderValue::from_str(key.expose()).ok(),
            namespace,
            complaints: Complaints::default(),
        }
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    async fn answer_all(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        if let Some(answer) = page::answer(&request, &self.sessions) {
            return answer;
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/session") => self.session(&request),
            (&Method::POST, "/session") => self.open_session(request).await,
            (&Method::GET, "/healthz") => self.health().await,
            (&Method::GET, "/metrics") => {
                let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                with_type(StatusCode::OK, content_type, self.metrics.text())
            }
            _ => self.answer_api(request).await,
        }
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
                self.complaints.tell(error);
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
            return text(StatusCode::PAYLOAD_TOO_LARGE, "that is no API key");
        };
        if !self.api.keys().accepts(key.to_bytes().trim_ascii()) {
            return text(StatusCode::UNAUTHORIZED, "that is not the API key");
        }
        let mut response = text(StatusCode::NO_CONTENT, "");
        if let Some(cookie) = self.sessions.open() {
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

impl<S: Store> server::Site for Site<S> {
    async fn answer(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        self.answer_all(request).await
    }
}

/// Tells of a failing store once a second at most, so that an outage does not fill the disk.
#[derive(Default)]
struct Complaints {
    last: AtomicU64,
    untold: AtomicU64,
}

impl Complaints {
    fn tell(&self, error: &abtest_store::StoreError) {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO).as_secs();
        if self.last.swap(now, Ordering::Relaxed) == now {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let more = self.untold.swap(0, Ordering::Relaxed);
        tracing::warn!(%error, more, "a request failed");
    }
}

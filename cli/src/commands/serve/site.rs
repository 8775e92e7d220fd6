//! Which part answers a request: the page, its session, health, metrics, or the API.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abtest_api::access::KEY_HEADER;
use abtest_api::{AnswerBody, Api, Outline};
use abtest_model::{Namespace, Query, Secret};
use abtest_store::Store;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::metrics::Metrics;
use super::session::Sessions;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Everything that `serve` answers.
pub(super) struct Site<S> {
    api: Api<S>,
    sessions: Sessions,
    metrics: Metrics,
    key: Option<HeaderValue>,
    namespace: Namespace,
    complaints: Complaints,
}

impl<S: Store> Site<S> {
    pub(super) fn new(api: Api<S>, key: &Secret, namespace: Namespace) -> Self {
        Self {
            api,
            sessions: Sessions::new(),
            metrics: Metrics::new(),
            key: HeaderValue::from_str(key.expose()).ok(),
            namespace,
            complaints: Complaints::default(),
        }
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/") => self.page(&request),
            (&Method::GET, "/page.css") => file("text/css", include_str!("page/page.css")),
            (&Method::GET, "/page.js") => file("text/javascript", include_str!("page/page.js")),
            (&Method::GET, "/favicon.ico") => text(StatusCode::NO_CONTENT, ""),
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
        if let Some(outline) = response.extensions().get::<Outline>() {
            self.metrics.count(response.status(), outline, start.elapsed());
            if let Some(error) = &outline.error {
                self.complaints.tell(error);
            }
            tracing::debug!(
                operation = outline.operation,
                status = response.status().as_u16(),
                accepted = outline.accepted,
                "answered"
            );
        }
        response
    }

    /// The page; a link with the one-time token becomes a session first, and loses the token.
    fn page(&self, request: &Request<Incoming>) -> Response<AnswerBody> {
        let query = Query::parse(request.uri().query().unwrap_or_default()).unwrap_or_default();
        if let Ok(Some(token)) = query.get("token") {
            let mut response = text(StatusCode::SEE_OTHER, "");
            response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
            if let Some(cookie) = self.sessions.redeem(token) {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            return response;
        }
        file("text/html", include_str!("page/index.html"))
    }

    /// Whether the browser has a session, and what its page should show.
    fn session(&self, request: &Request<Incoming>) -> Response<AnswerBody> {
        if !self.sessions.holds(request) {
            return text(StatusCode::UNAUTHORIZED, "no session; send the API key to POST /session");
        }
        let session = serde_json::json!({"namespace": self.namespace.as_str()});
        with_type(StatusCode::OK, "application/json", session.to_string())
    }

    async fn open_session(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        let Ok(key) = Limited::new(request.into_body(), 1_024).collect().await else {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "that is no API key");
        };
        if !self.api.access().opens(key.to_bytes().trim_ascii()) {
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

fn file(content_type: &'static str, content: &'static str) -> Response<AnswerBody> {
    let mut response = with_type(StatusCode::OK, content_type, content);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<AnswerBody> {
    with_type(status, "text/plain", body)
}

fn with_type(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<bytes::Bytes>,
) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

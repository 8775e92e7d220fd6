//! Decides which part answers a request: the page, its session, readiness, metrics, or the API. Counts
//! requests against the rates of their address.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abtest_api::edited::{DoneStep, FailedStep};
use abtest_api::{AnswerBody, Gateway, KEY_HEADER, Problem, RequestSummary, Route};
use abtest_model::endpoint::{Access, Operation};
use abtest_model::{ApiKey, Namespace, Role};
use abtest_store::Store;
use http::header::{HeaderValue, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, Either};

use super::demo::shop;
use super::metrics::{Metrics, TOO_OFTEN, WRONG_KEYS};
use super::rates::{AddressRate, Rates, Wait};
use super::readiness::{self, Readiness};
use super::streams::{self, OpenStreams, StreamedBody};
use crate::page::answer::{problem, text, with_type};
use crate::page::{self, Sessions};
use crate::server::address::ClientAddress;

/// Most bytes of a key that opens a session.
const MAX_KEY_BYTES: u64 = 1_024;

/// How often schedules are looked at.
const BETWEEN_TICKS: Duration = Duration::from_secs(5);

/// Everything that `serve` answers.
pub(super) struct App<S> {
    api: Gateway<S>,
    sessions: Sessions,
    metrics: Arc<Metrics>,
    rates: Rates,
    /// The keys that sessions stand for, by role.
    keys: Vec<(Role, HeaderValue)>,
    namespace: Namespace,
    streams: OpenStreams,
    /// Whether there is the demo's shop.
    has_shop: bool,
}

/// A request as the server hands it on, with its whole body.
pub(super) type FullRequest = Request<AnswerBody>;

impl<S: Store> App<S> {
    pub(super) fn new(
        api: Gateway<S>,
        keys: &[(Role, &ApiKey)],
        namespace: Namespace,
        sessions: Sessions,
        rates: Rates,
        streams: OpenStreams,
    ) -> Self {
        Self {
            api,
            sessions,
            metrics: Arc::new(Metrics::new()),
            rates,
            keys: keys
                .iter()
                .filter_map(|(role, key)| Some((*role, HeaderValue::from_str(key.expose()).ok()?)))
                .collect(),
            namespace,
            streams,
            has_shop: false,
        }
    }

    /// With the demo's shop at `/demo`.
    pub(super) fn with_shop(self) -> Self {
        Self { has_shop: true, ..self }
    }

    /// Carries out the steps of schedules that are due, every few seconds and without end. A server
    /// that was down carries them out when it starts.
    pub(super) async fn follow_schedules(self: Arc<Self>) {
        let mut interval = tokio::time::interval(BETWEEN_TICKS);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failed = HashSet::new();
        loop {
            interval.tick().await;
            let tick = match self.api.tick().await {
                Ok(tick) => tick,
                Err(problem) => {
                    tracing::debug!(reason = problem.detail(), "schedules were not read");
                    continue;
                }
            };
            for step in tick.done {
                let DoneStep { namespace, experiment, step, version } = step;
                tracing::info!(namespace, experiment, step, version, "carried out a schedule");
            }
            // Each failure is told once, not every few seconds.
            let now: HashSet<FailedStep> = tick.failed.into_iter().collect();
            for step in now.difference(&failed) {
                let FailedStep { namespace, experiment, step, reason } = step;
                tracing::warn!(
                    namespace,
                    experiment,
                    step,
                    reason,
                    "a schedule cannot be carried out"
                );
            }
            failed = now;
        }
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// What Prometheus reads, for a listener of its own.
    pub(super) fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Finds where a request leads, once for all that follows.
    pub(super) fn find_route(&self, request: &mut FullRequest) {
        let route = self.api.route(request);
        request.extensions_mut().insert(route);
    }

    /// Whether a request sends events.
    pub(super) fn is_tracking(request: &FullRequest) -> bool {
        matches!(endpoint(request), Some((Operation::Track(_), _)))
    }

    /// Answers a request that sends events.
    pub(super) async fn answer_tracking(&self, request: FullRequest) -> Response<AnswerBody> {
        let start = Instant::now();
        if let Err(wait) = self.rates.requests.spend(client(&request), weight(&request)) {
            return self.too_often(wait);
        }
        let response = self.api.answer(request).await;
        self.note(&response, start);
        response
    }

    /// Opens a stream of events. `None` if the request does not ask for one.
    pub(super) async fn answer_stream(
        &self,
        request: &FullRequest,
    ) -> Option<Response<Either<AnswerBody, StreamedBody>>> {
        let start = Instant::now();
        if !matches!(endpoint(request), Some((Operation::Stream(_), _)))
            || request.method() != Method::GET
        {
            return None;
        }
        if let Err(wait) = self.rates.requests.spend(client(request), NonZeroU32::MIN) {
            return Some(self.too_often(wait).map(Either::Left));
        }
        let place = match self.streams.admit() {
            Ok(place) => place,
            Err(problem) => return Some(problem.into_response().map(Either::Left)),
        };
        Some(match self.api.open_stream(request).await? {
            Ok(events) => streams::answer(events, place).map(Either::Right),
            Err(refusal) => {
                self.note(&refusal, start);
                refusal.map(Either::Left)
            }
        })
    }

    /// Answers any other request.
    pub(super) async fn answer(&self, request: FullRequest) -> Response<AnswerBody> {
        if let Some(answer) = page::answer(&request, &self.sessions) {
            return answer;
        }
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_shop = is_read && self.has_shop;
        if let Some(answer) =
            is_shop.then(|| shop::answer(request.uri().path(), &self.namespace)).flatten()
        {
            return answer;
        }
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/session") => self.open_session(request).await,
            (&Method::DELETE, "/session") => self.close_session(&request),
            (_, "/session") if is_read => self.session(&request),
            (_, "/livez") if is_read => readiness::alive(),
            (_, "/readyz" | "/healthz") if is_read => self.readiness().await,
            (_, "/metrics") if is_read => self.metrics_for_operators(&request),
            _ => self.answer_api(request).await,
        }
    }

    /// Metrics tell how much traffic there is, so here they need the key.
    fn metrics_for_operators(&self, request: &FullRequest) -> Response<AnswerBody> {
        if self.sessions.holds(request) {
            return self.metrics.answer();
        }
        match request.headers().get(KEY_HEADER).map(|key| self.check(request, key.as_bytes())) {
            Some(Ok(Some(_))) => self.metrics.answer(),
            Some(Err(wait)) => self.too_many_wrong_keys(wait),
            Some(Ok(None)) | None => problem(
                StatusCode::UNAUTHORIZED,
                "metrics need the API key here; send it in the header x-api-key, or read them \
                 where --metrics-listen says, without a key",
            ),
        }
    }

    async fn answer_api(&self, mut request: FullRequest) -> Response<AnswerBody> {
        let start = Instant::now();
        let client = client(&request);
        let needs_key = matches!(endpoint(&request), Some((_, Access::Key)));
        let mut guesses = needs_key && request.headers().contains_key(KEY_HEADER);
        if !request.headers().contains_key(KEY_HEADER)
            && let Some(role) = self.sessions.role(&request)
            && let Some((_, key)) = self.keys.iter().find(|(of, _)| *of == role)
        {
            request.headers_mut().insert(KEY_HEADER, key.clone());
            guesses = false;
        }
        let wrong_keys = self.wrong_keys(&request);
        if guesses && let Err(wait) = wrong_keys.check(client) {
            return self.too_many_wrong_keys(wait);
        }
        if !needs_key && let Err(wait) = self.rates.requests.spend(client, weight(&request)) {
            return self.too_often(wait);
        }
        let response = self.api.answer(request).await;
        if guesses && response.status() == StatusCode::UNAUTHORIZED {
            // This request was already answered, so the result does not matter.
            let _ = wrong_keys.spend(client, NonZeroU32::MIN);
        }
        self.note(&response, start);
        response
    }

    /// Counts an answer of the API.
    fn note(&self, response: &Response<AnswerBody>, start: Instant) {
        let Some(summary) = response.extensions().get::<RequestSummary>() else { return };
        self.metrics.count(response.status(), summary, start.elapsed());
        tracing::debug!(
            operation = summary.operation,
            status = response.status().as_u16(),
            accepted = summary.accepted,
            "answered"
        );
    }

    /// The role of a key, if it is right.
    ///
    /// # Errors
    /// When its address sent too many wrong keys. The key is then not compared.
    fn check(&self, request: &FullRequest, key: &[u8]) -> Result<Option<Role>, Wait> {
        let (client, wrong_keys) = (client(request), self.wrong_keys(request));
        wrong_keys.check(client)?;
        let role = self.api.keys().role(key);
        if role.is_none() {
            let _ = wrong_keys.spend(client, NonZeroU32::MIN);
        }
        Ok(role)
    }

    /// The rate that a wrong key of this request counts against.
    fn wrong_keys(&self, request: &FullRequest) -> &AddressRate {
        match self.sessions.is_of_another_site(request.headers()) {
            true => &self.rates.wrong_keys_of_other_sites,
            false => &self.rates.wrong_keys,
        }
    }

    fn too_many_wrong_keys(&self, Wait { seconds }: Wait) -> Response<AnswerBody> {
        self.metrics.refused_for(WRONG_KEYS);
        let detail = format!(
            "too many wrong API keys from this address; wait {seconds} seconds, then send the right key"
        );
        Problem::too_often(seconds, detail).into_response()
    }

    fn too_often(&self, Wait { seconds }: Wait) -> Response<AnswerBody> {
        self.metrics.refused_for(TOO_OFTEN);
        let detail =
            format!("too many requests from this address; send it again after {seconds} seconds");
        Problem::too_often(seconds, detail).into_response()
    }

    /// Whether the browser has a session, and what its page should show.
    fn session(&self, request: &FullRequest) -> Response<AnswerBody> {
        let Some(role) = self.sessions.role(request) else {
            return page::no_session("login", "no session; send the API key to POST /session");
        };
        let mut session =
            serde_json::json!({"namespace": self.namespace.as_str(), "role": role.as_str()});
        if let Some(url) = self.sessions.public_url() {
            session["track"] = format!("{}/track", url.as_str()).into();
        }
        with_type(StatusCode::OK, "application/json", session.to_string())
    }

    async fn open_session(&self, mut request: FullRequest) -> Response<AnswerBody> {
        if self.sessions.is_of_another_site(request.headers()) {
            return text(StatusCode::FORBIDDEN, OTHER_SITE);
        }
        if request.body().size_hint().lower() > MAX_KEY_BYTES {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "this is longer than any API key");
        }
        let key = match request.body_mut().collect().await {
            Ok(key) => key.to_bytes(),
            Err(impossible) => match impossible {},
        };
        let role = match self.check(&request, key.trim_ascii()) {
            Ok(Some(role)) => role,
            Ok(None) => return text(StatusCode::UNAUTHORIZED, "this is not the API key"),
            Err(wait) => return self.too_many_wrong_keys(wait),
        };
        let mut response = text(StatusCode::NO_CONTENT, "");
        if let Some(cookie) = self.sessions.open(role) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    fn close_session(&self, request: &FullRequest) -> Response<AnswerBody> {
        let mut response = text(StatusCode::NO_CONTENT, "");
        if let Some(cookie) = self.sessions.close(request) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    async fn readiness(&self) -> Response<AnswerBody> {
        Readiness::of(self.api.store()).await.response()
    }
}

/// The endpoint of a request whose route was found.
fn endpoint(request: &FullRequest) -> Option<(Operation, Access)> {
    request.extensions().get::<Route>()?.endpoint()
}

/// Why a page of another site gets no session.
const OTHER_SITE: &str = "this request comes from a page of another site; open the page of this server. If \
    a proxy is in front of it, start it with --public-url and the address of the proxy";

/// The client whose rates apply to a request.
fn client(request: &FullRequest) -> ClientAddress {
    request.extensions().get().copied().unwrap_or(ClientAddress(None))
}

/// A request counts as one, and as one more for each KiB of its body, because a body can hold many events.
fn weight(request: &FullRequest) -> NonZeroU32 {
    let kibibytes = u32::try_from(request.body().size_hint().lower() / 1_024).unwrap_or(u32::MAX);
    NonZeroU32::MIN.saturating_add(kibibytes)
}

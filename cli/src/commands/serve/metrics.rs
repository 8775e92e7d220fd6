//! Metrics for Prometheus. No label holds an experiment's name, because anyone on the internet can
//! make up names.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use abtest_api::{AnswerBody, RequestSummary};
use http::{Method, Request, Response, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::page::answer::{text, with_type};
use crate::server::{Observer, Refusal};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

/// The counters, and the registry that writes them out.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    accepted: Counter<u64, AtomicU64>,
    invalid: Counter<u64, AtomicU64>,
    undeclared: Counter<u64, AtomicU64>,
    limited: Counter<u64, AtomicU64>,
    failed: Counter<u64, AtomicU64>,
    refused: Family<RefusalLabels, Counter>,
    durations: Histogram,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("abtest");
        let events = Family::<EventLabels, Counter>::default();
        let outcome = |outcome| events.get_or_create(&EventLabels { outcome }).clone();
        let requests = Family::<RequestLabels, Counter>::default();
        let refused = Family::<RefusalLabels, Counter>::default();
        let reasons = Refusal::ALL.map(Refusal::name).into_iter().chain([TOO_OFTEN, WRONG_KEYS]);
        for reason in reasons {
            // A counter is there from the start, so that its first increase is seen as one.
            drop(refused.get_or_create(&RefusalLabels { reason }));
        }
        // From a tenth of a millisecond to three seconds.
        let bounds = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
        let durations = Histogram::new(bounds);
        let metrics = Self {
            accepted: outcome("accepted"),
            invalid: outcome("invalid"),
            undeclared: outcome("undeclared"),
            limited: outcome("limited"),
            failed: outcome("failed"),
            requests: requests.clone(),
            refused: refused.clone(),
            durations: durations.clone(),
            registry: Registry::default(),
        };
        registry.register("requests", "Requests answered", requests);
        registry.register("events", "Events received, by what became of them", events);
        registry.register(
            "refused",
            "Connections and requests refused before the API saw them, by reason",
            refused,
        );
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer",
            Unit::Seconds,
            durations,
        );
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let started = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64();
        registry.register_with_unit(
            "start_time",
            "When this process started, since 1970",
            Unit::Seconds,
            ConstGauge::new(started),
        );
        Self { registry, ..metrics }
    }

    /// Counts an answered request.
    pub(super) fn count(&self, status: StatusCode, summary: &RequestSummary, duration: Duration) {
        let &RequestSummary {
            operation,
            accepted,
            invalid,
            undeclared,
            limited,
            failed,
            error: _,
            request_id: _,
        } = summary;
        let operation = if operation.is_empty() { "none" } else { operation };
        let labels = RequestLabels { operation, status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.durations.observe(duration.as_secs_f64());
        let events = [
            (&self.accepted, accepted),
            (&self.invalid, invalid),
            (&self.undeclared, undeclared),
            (&self.limited, limited),
            (&self.failed, failed),
        ];
        for (counter, events) in events {
            if events > 0 {
                counter.inc_by(events as u64);
            }
        }
    }

    /// Counts a request that came too often, or with a key after too many wrong ones.
    pub(super) fn refused_for(&self, reason: &'static str) {
        self.refused.get_or_create(&RefusalLabels { reason }).inc();
    }

    /// Everything, in Prometheus's text format (OpenMetrics).
    pub(super) fn answer(&self) -> Response<AnswerBody> {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        with_type(StatusCode::OK, content_type, text)
    }
}

impl Observer for Metrics {
    fn refused(&self, refusal: Refusal) {
        self.refused_for(refusal.name());
    }
}

/// The reason of requests without a key that came too often from one address.
pub(super) const TOO_OFTEN: &str = "requests_of_address";

/// The reason of requests with a key after too many wrong ones from the same address.
pub(super) const WRONG_KEYS: &str = "wrong_keys_of_address";

/// Answers on the listener of its own: metrics without a key, and nothing else.
pub(super) fn answer_without_key(
    metrics: &Metrics,
    request: &Request<AnswerBody>,
) -> Response<AnswerBody> {
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => metrics.answer(),
        _ => text(StatusCode::NOT_FOUND, "only GET /metrics is here"),
    }
}

//! abtest's HTTP API: an `http::Request` becomes an `http::Response`. No socket and no AWS here:
//! the Lambda functions and `abtest serve` use it unchanged.
//!
//! | module | holds |
//! |---|---|
//! | `http` | routing, bodies, access, problems, headers |
//! | `public` | the endpoints that are open to the world |
//! | `operator` | the endpoints behind the API key |
//! | [`openapi`] | the description of all this, made from the code |
//!
//! An event's way: bytes → [`Event`](abtest_model::Event), validated once →
//! [`Recorder::record`](abtest_store::Recorder::record), one round trip → answer.

mod http;
pub mod openapi;
mod operator;
mod public;

use std::collections::HashMap;

use ::http::{Request, Response};
use abtest_model::{Handler, Method};
use abtest_store::Store;
use bytes::Bytes;
use http_body::Body;
use http_body_util::Full;

pub use self::http::access::{self, Access, CheckedByGateway};
pub use self::http::problem::{self, Problem};
pub use self::http::request_summary::RequestSummary;
pub use operator::analysis::{self, Analyst};

use self::http::{response, router};
use operator::{control, delete, looks, results};
use public::track;
use router::Operation;

/// What every answer's body is.
pub type AnswerBody = Full<Bytes>;

/// What can be set.
#[derive(Debug, Default)]
pub struct Settings {
    /// Who may use the operator's endpoints.
    pub access: Access,
    /// Paths beside the built-in ones (with their leading slash), and what each method does there.
    pub extra_paths: HashMap<String, Vec<(Method, Handler)>>,
    /// Who writes results as JSON: [`analysis::statistics`], or the counts alone without.
    pub analyst: Option<Analyst>,
}

/// The API over a store.
#[derive(Debug)]
pub struct Api<S> {
    store: S,
    settings: Settings,
}

impl<S: Store> Api<S> {
    /// The API over `store`.
    pub fn new(store: S, settings: Settings) -> Self {
        Self { store, settings }
    }

    /// The store, for health checks.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Who may use the operator's endpoints.
    pub fn access(&self) -> &Access {
        &self.settings.access
    }

    /// Answers a request by its path.
    pub async fn answer<B: Body>(&self, request: Request<B>) -> Response<AnswerBody> {
        let path = request.uri().path();
        let operation = match self.settings.extra_paths.get(path) {
            Some(wired) => router::extra_operation(wired, request.method(), path),
            None => router::operation(request.method(), path),
        };
        self.perform(operation, request).await
    }

    /// Answers a request to an endpoint that wiring gave to `handler`, whatever its path.
    pub async fn answer_as<B: Body>(
        &self,
        handler: Handler,
        request: Request<B>,
    ) -> Response<AnswerBody> {
        let operation = router::wired_operation(handler, request.method(), request.uri().path());
        self.perform(operation, request).await
    }

    async fn perform<B: Body>(
        &self,
        operation: Result<Operation, Box<Problem>>,
        request: Request<B>,
    ) -> Response<AnswerBody> {
        let mut summary = RequestSummary::default();
        let answer = match operation {
            Ok(operation) => {
                summary.operation = operation.name();
                self.answer_operation(operation, request, &mut summary).await
            }
            Err(problem) => Err(problem),
        };
        let mut response = answer.unwrap_or_else(|problem| {
            summary.error = problem.store_error.clone();
            problem.into_response()
        });
        response.extensions_mut().insert(summary);
        response
    }

    async fn answer_operation<B: Body>(
        &self,
        operation: Operation,
        request: Request<B>,
        summary: &mut RequestSummary,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        if operation.is_private() {
            self.settings.access.check(&request)?;
        }
        let store = &self.store;
        let query = request.uri().query().unwrap_or_default();
        match operation {
            Operation::Preflight { methods } => Ok(response::preflight(&methods)),
            Operation::OpenApi => Ok(openapi::document()),
            Operation::TrackOne => track::one(store, query, summary).await,
            Operation::TrackMany => track::many(store, request, summary).await,
            Operation::Results => results::results(store, query, self.settings.analyst).await,
            Operation::Result { experiment } => {
                results::result(store, experiment, query, self.settings.analyst).await
            }
            Operation::ChooseControl { experiment } => {
                control::choose(store, experiment, query).await
            }
            Operation::TakeLook { experiment } => {
                looks::take(store, experiment, query, self.settings.analyst).await
            }
            Operation::Delete { experiment } => delete::delete(store, experiment, query).await,
            Operation::GimelExperiment => results::gimel_experiment(store, query).await,
            Operation::GimelDelete => delete::gimel_delete(store, query).await,
        }
    }
}

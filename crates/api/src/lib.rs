//! abtest's HTTP API: an `http::Request` becomes an `http::Response`. No socket and no AWS here:
//! the Lambda functions and `abtest serve` use it unchanged.
//!
//! | module | holds |
//! |---|---|
//! | [`route`] | which operation a method and a path mean, or a handler that wiring named |
//! | [`access`] | who may use the operator's endpoints |
//! | `track` | recording events |
//! | [`analysis`] | what the counts mean, beside them |
//! | `experiments` | reading results, deleting experiments |
//! | `looks` | taking a look at an experiment |
//! | `body` | reading a request's body within its limit |
//! | [`problem`] | errors as RFC 9457 documents |
//! | `response` | the headers that every answer has |
//! | [`outline`] | what a finished request leaves for logs and metrics |
//! | [`openapi`] | the description of all this, made from the code |
//!
//! An event's way: bytes → [`Event`](abtest_model::Event), validated once →
//! [`Store::record`](abtest_store::Store::record), one round trip → answer.

pub mod access;
pub mod analysis;
mod body;
mod control;
mod experiments;
mod looks;
pub mod openapi;
pub mod outline;
pub mod problem;
mod response;
pub mod route;
mod track;

use std::collections::HashMap;

use abtest_model::{Handler, Method};
use abtest_store::Store;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;

pub use access::{Access, CheckedByGateway};
pub use analysis::Analyst;
pub use outline::Outline;
pub use problem::Problem;

use route::Operation;

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
            Some(wired) => route::extra_operation(wired, request.method(), path),
            None => route::operation(request.method(), path),
        };
        self.perform(operation, request).await
    }

    /// Answers a request to an endpoint that wiring gave to `handler`, whatever its path.
    pub async fn answer_as<B: Body>(
        &self,
        handler: Handler,
        request: Request<B>,
    ) -> Response<AnswerBody> {
        let operation = route::wired_operation(handler, request.method(), request.uri().path());
        self.perform(operation, request).await
    }

    async fn perform<B: Body>(
        &self,
        operation: Result<Operation, Box<Problem>>,
        request: Request<B>,
    ) -> Response<AnswerBody> {
        let mut outline = Outline::default();
        let answer = match operation {
            Ok(operation) => {
                outline.operation = operation.name();
                self.answer_operation(operation, request, &mut outline).await
            }
            Err(problem) => Err(problem),
        };
        let mut response = answer.unwrap_or_else(|problem| {
            outline.error = problem.store_error.clone();
            problem.into_response()
        });
        response.extensions_mut().insert(outline);
        response
    }

    async fn answer_operation<B: Body>(
        &self,
        operation: Operation,
        request: Request<B>,
        outline: &mut Outline,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        if operation.is_private() {
            self.settings.access.check(&request)?;
        }
        let store = &self.store;
        let query = request.uri().query().unwrap_or_default();
        match operation {
            Operation::Preflight { methods } => Ok(response::preflight(&methods)),
            Operation::OpenApi => Ok(openapi::document()),
            Operation::TrackOne => track::one(store, query, outline).await,
            Operation::TrackMany => track::many(store, request, outline).await,
            Operation::Results => experiments::results(store, query, self.settings.analyst).await,
            Operation::Result { experiment } => {
                experiments::result(store, experiment, query, self.settings.analyst).await
            }
            Operation::ChooseControl { experiment } => {
                control::choose(store, experiment, query).await
            }
            Operation::TakeLook { experiment } => {
                looks::take(store, experiment, query, self.settings.analyst).await
            }
            Operation::Delete { experiment } => experiments::delete(store, experiment, query).await,
            Operation::GimelExperiment => experiments::gimel_experiment(store, query).await,
            Operation::GimelDelete => experiments::gimel_delete(store, query).await,
        }
    }
}

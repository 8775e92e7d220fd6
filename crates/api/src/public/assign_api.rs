//! The API that says which unit gets which variant, over a store.

use std::sync::Arc;

use abtest_model::Namespace;
use abtest_model::endpoint::{AssignOperation, ENDPOINTS, Operation};
use abtest_store::{Documents, Recorder};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Collected};

use super::published::PublishedNamespaces;
use super::view::View;
use super::{assign, config, growthbook, ofrep};
use crate::AnswerBody;
use crate::http::answer_limit::AnswerLimit;
use crate::http::problem::Problem;
use crate::http::query;
use crate::http::request_summary::RequestSummary;
use crate::http::response::preflight;
use crate::http::router::{Found, PathParameters, Router};

/// Reads what is published and assigns variants. It can record the exposures that it causes.
#[derive(Debug)]
pub struct AssignApi<S> {
    pub(super) store: Arc<S>,
    /// Whether clients can open streams, so that answers may name them.
    pub(super) has_streams: bool,
    pub(super) published: Arc<PublishedNamespaces<S>>,
    answer_limit: AnswerLimit,
    built_in: Router<AssignOperation>,
}

impl<S: Recorder + Documents> AssignApi<S> {
    /// The API over `store`.
    pub fn new(store: Arc<S>) -> Self {
        let published = Arc::new(PublishedNamespaces::new(Arc::clone(&store)));
        Self::sharing(store, published)
    }

    /// The API over `store`, with what was read of its namespaces.
    pub(crate) fn sharing(store: Arc<S>, published: Arc<PublishedNamespaces<S>>) -> Self {
        let built_in = ENDPOINTS.iter().filter_map(|endpoint| match endpoint.operation {
            Operation::Assign(operation) => {
                Some((endpoint.method, endpoint.path.to_owned(), operation))
            }
            _ => None,
        });
        let built_in = Router::of_table(built_in);
        Self {
            store,
            has_streams: false,
            published,
            answer_limit: AnswerLimit::default(),
            built_in,
        }
    }

    /// Tells clients where they hear about changes.
    #[cfg(feature = "operator")]
    pub(crate) fn with_streams(self) -> Self {
        Self { has_streams: true, ..self }
    }

    /// Refuses to send larger answers than this. Lambda carries a body as a JSON string, and would answer
    /// with an error that says nothing.
    #[must_use]
    pub fn with_answer_limit(self, bytes: usize) -> Self {
        Self { answer_limit: AnswerLimit(Some(bytes)), ..self }
    }

    /// Answers a request by its path.
    pub async fn answer<B: Body>(&self, request: Request<B>) -> Response<AnswerBody> {
        let mut summary = RequestSummary::default();
        let answer = match self.built_in.find(request.method(), request.uri().path()) {
            Ok(Found::Preflight { methods }) => Ok(preflight(&methods, &mut summary)),
            Ok(Found::Target(operation, path)) => {
                let answer = self.perform(operation, &path, request, &mut summary).await;
                self.within_limit(answer).await
            }
            Err(problem) => Err(problem),
        };
        summary.attach(answer)
    }

    async fn within_limit(
        &self,
        answer: Result<Response<AnswerBody>, Box<Problem>>,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        let (head, body) = answer?.into_parts();
        let Ok(body) = body.collect().await.map(Collected::to_bytes);
        let hint =
            "archive experiments, make their payloads smaller, or move some to another namespace";
        if let Some(detail) = self.answer_limit.refusal(&body, hint) {
            return Err(Problem::boxed(StatusCode::INTERNAL_SERVER_ERROR, detail));
        }
        Ok(Response::from_parts(head, AnswerBody::new(body)))
    }

    pub(crate) async fn perform<B: Body>(
        &self,
        operation: AssignOperation,
        path: &PathParameters,
        request: Request<B>,
        summary: &mut RequestSummary,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        summary.operation = operation.name();
        let uri = request.uri().clone();
        let query = &query::parse(&uri, Operation::Assign(operation))?;
        match operation {
            AssignOperation::Config => config::config(self, query, request.headers()).await,
            AssignOperation::AssignOne => {
                // HEAD is safe, so it records nothing (RFC 9110, 9.2.1).
                let may_record = request.method() != http::Method::HEAD;
                assign::one(self, query, may_record, summary).await
            }
            AssignOperation::AssignMany => assign::many(self, request, summary).await,
            AssignOperation::OfrepFlag => ofrep::flag(self, path, query, request, summary).await,
            AssignOperation::OfrepFlags => ofrep::flags(self, query, request, summary).await,
            AssignOperation::GrowthbookFeatures => {
                growthbook::features(self, path, request.headers()).await
            }
        }
    }

    /// What clients may read of a namespace.
    ///
    /// # Errors
    /// When the namespace was never read and the store cannot be read now, or when the settings of
    /// the namespace cannot be read.
    pub(super) async fn view(&self, namespace: &Namespace) -> Result<Arc<View>, Box<Problem>> {
        let state = self.published.get(namespace).await?;
        Ok(View::of(&state, namespace)?)
    }
}

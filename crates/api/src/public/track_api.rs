//! The API that records events, over a store.

use std::sync::Arc;

use abtest_model::endpoint::{ENDPOINTS, Operation, TrackOperation};
use abtest_model::{Handler, Method};
use abtest_store::{Documents, Recorder};
use http::{Request, Response};
use http_body::Body;

use super::published::PublishedNamespaces;
use super::track;
use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::query;
use crate::http::request_summary::RequestSummary;
use crate::http::response::preflight;
use crate::http::router::{Found, Router};

/// Records events and reads what is defined, and can do nothing else.
#[derive(Debug)]
pub struct TrackApi<R> {
    recorder: Arc<R>,
    published: Arc<PublishedNamespaces<R>>,
    built_in: Router<TrackOperation>,
    /// What a path does that is not built in: wiring led it here, so it tracks.
    elsewhere: Router<TrackOperation>,
}

impl<R: Recorder + Documents> TrackApi<R> {
    /// The API over the store `recorder`.
    pub fn new(recorder: Arc<R>) -> Self {
        let published = Arc::new(PublishedNamespaces::new(Arc::clone(&recorder)));
        Self::sharing(recorder, published)
    }

    /// The API over the store `recorder`, with what was read of its namespaces.
    pub(crate) fn sharing(recorder: Arc<R>, published: Arc<PublishedNamespaces<R>>) -> Self {
        let built_in = ENDPOINTS.iter().filter_map(|endpoint| match endpoint.operation {
            Operation::Track(operation) => {
                Some((endpoint.method, endpoint.path.to_owned(), operation))
            }
            _ => None,
        });
        let tracking = Method::ALL.into_iter().filter_map(|method| {
            match Handler::Track.operation(method)? {
                Operation::Track(operation) => Some((method, "/".to_owned(), operation)),
                _ => None,
            }
        });
        Self {
            recorder,
            published,
            built_in: Router::of_table(built_in),
            elsewhere: Router::of_table(tracking),
        }
    }

    /// Answers a request by its path. A path that is not built in tracks: a gateway leads only
    /// wired paths here.
    pub async fn answer<B: Body>(&self, request: Request<B>) -> Response<AnswerBody> {
        let found = match self.built_in.find(request.method(), request.uri().path()) {
            Err(problem) if problem.is_not_found() => self.elsewhere.find(request.method(), "/"),
            found => found,
        };
        let mut summary = RequestSummary::default();
        let answer = self.answer_found(found, request, &mut summary).await;
        summary.attach(answer)
    }

    async fn answer_found<B: Body>(
        &self,
        found: Result<Found<TrackOperation>, Box<Problem>>,
        request: Request<B>,
        summary: &mut RequestSummary,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        match found? {
            Found::Preflight { methods } => Ok(preflight(&methods, summary)),
            Found::Target(operation, _) => self.perform(operation, request, summary).await,
        }
    }

    pub(crate) async fn perform<B: Body>(
        &self,
        operation: TrackOperation,
        request: Request<B>,
        summary: &mut RequestSummary,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        summary.operation = operation.name();
        let uri = request.uri().clone();
        let query = query::parse(&uri, Operation::Track(operation))?;
        match operation {
            TrackOperation::TrackOne if request.method() == http::Method::HEAD => {
                track::check_one(&query)
            }
            TrackOperation::TrackOne => {
                track::one(&*self.recorder, &self.published, &query, summary).await
            }
            TrackOperation::TrackMany => {
                track::many(&*self.recorder, &self.published, &query, request, summary).await
            }
        }
    }
}

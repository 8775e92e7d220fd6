//! The operator's API over a store.

use std::sync::Arc;

use abtest_model::definition::Time;
use abtest_model::endpoint::{Access, ENDPOINTS, Operation, OperatorOperation};
use abtest_model::{Handler, Role};
use abtest_store::Store;
use http::{Request, Response};
use http_body::Body;

use super::definitions::commit::Definitions;
use super::{control, definitions, delete, explain, looks, namespaces, prune, results, settings};
use crate::edited::Tick;
use crate::http::answer_limit::AnswerLimit;
use crate::http::api_keys::{ApiKeys, OpenByWiring};
use crate::http::author::Author;
use crate::http::problem::Problem;
use crate::http::query;
use crate::http::request_summary::RequestSummary;
use crate::http::response::preflight;
use crate::http::router::{Found, PathParameters, Router};
use crate::{AnswerBody, openapi};

/// Reads results, and changes and deletes experiments.
#[derive(Debug)]
pub struct OperatorApi<S> {
    store: Arc<S>,
    keys: ApiKeys,
    answer_limit: AnswerLimit,
    definitions: Definitions,
    built_in: Router<(OperatorOperation, Access)>,
}

impl<S: Store> OperatorApi<S> {
    /// The operator's API over `store`, for holders of one of `keys`.
    pub fn new(store: Arc<S>, keys: ApiKeys) -> Self {
        let operator = ENDPOINTS.iter().filter_map(|endpoint| match endpoint.operation {
            Operation::Operator(operation) => {
                let target = (operation, endpoint.access);
                Some((endpoint.method, endpoint.path.to_owned(), target))
            }
            _ => None,
        });
        let answer_limit = AnswerLimit::default();
        let definitions = Definitions::default();
        Self { store, keys, answer_limit, definitions, built_in: Router::of_table(operator) }
    }

    /// Refuses to send results that take more bytes as a JSON string, because the way to the client
    /// does not carry them.
    #[must_use]
    pub fn with_answer_limit(self, bytes: usize) -> Self {
        Self { answer_limit: AnswerLimit(Some(bytes)), ..self }
    }

    /// The keys.
    pub fn keys(&self) -> &ApiKeys {
        &self.keys
    }

    /// Carries out the steps of all schedules that are due.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tick(&self) -> Result<Tick, Box<Problem>> {
        self.definitions.tick(&*self.store, None, Time::now()).await
    }

    /// Answers a request by its path.
    pub async fn answer<B: Body>(&self, request: Request<B>) -> Response<AnswerBody> {
        let found = self.built_in.find(request.method(), request.uri().path());
        self.answer_found(found, request).await
    }

    /// Answers a request to an endpoint that wiring gave to one of Gimel's handlers, whatever its
    /// path; with [`Handler::Experiments`] by its path.
    pub async fn answer_as<B: Body>(
        &self,
        handler: Handler,
        request: Request<B>,
    ) -> Response<AnswerBody> {
        if handler == Handler::Experiments {
            return self.answer(request).await;
        }
        let reads = [Handler::GimelAll, Handler::GimelExperiment].contains(&handler);
        let is_open = reads && request.extensions().get::<OpenByWiring>().is_some();
        let access = if is_open { Access::Open } else { Access::Key };
        let operations =
            handler.methods().filter_map(|method| match handler.operation(method)? {
                Operation::Operator(operation) => {
                    Some((method, "/".to_owned(), (operation, access)))
                }
                _ => None,
            });
        let found = Router::of_table(operations).find(request.method(), "/");
        self.answer_found(found, request).await
    }

    async fn answer_found<B: Body>(
        &self,
        found: Result<Found<(OperatorOperation, Access)>, Box<Problem>>,
        request: Request<B>,
    ) -> Response<AnswerBody> {
        let mut summary = RequestSummary::default();
        let answer = match found {
            Ok(Found::Preflight { methods }) => Ok(preflight(&methods, &mut summary)),
            Ok(Found::Target((operation, access), path)) => {
                self.perform(operation, access, &path, request, &mut summary).await
            }
            Err(problem) => Err(problem),
        };
        summary.attach(answer)
    }

    pub(crate) async fn perform<B: Body>(
        &self,
        operation: OperatorOperation,
        access: Access,
        path: &PathParameters,
        request: Request<B>,
        summary: &mut RequestSummary,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        summary.operation = operation.name();
        let role = match access {
            Access::Key => self.keys.check(&request)?,
            Access::Open => Role::Read,
        };
        let store = &*self.store;
        let uri = request.uri().clone();
        let query = &query::parse(&uri, Operation::Operator(operation))?;
        let definitions = &self.definitions;
        match operation {
            OperatorOperation::Results => {
                results::results(store, definitions, query, self.answer_limit).await
            }
            OperatorOperation::Result => {
                let limit = self.answer_limit;
                results::result(store, definitions, path.experiment()?, query, limit).await
            }
            OperatorOperation::Delete => {
                let author = Author::of(&request)?;
                delete::delete(store, definitions, path.experiment()?, query, &author).await
            }
            OperatorOperation::Namespaces => namespaces::list(store).await,
            OperatorOperation::DeleteNamespace => {
                let author = Author::of(&request)?;
                namespaces::delete(store, definitions, path.namespace()?, &author).await
            }
            OperatorOperation::Definition => {
                definitions::get(store, definitions, path.experiment()?, query).await
            }
            OperatorOperation::PutDefinition => {
                definitions::put(store, definitions, path.experiment()?, query, request).await
            }
            OperatorOperation::PatchDefinition => {
                definitions::patch(store, definitions, path.experiment()?, query, request).await
            }
            OperatorOperation::History => {
                let limit = self.answer_limit;
                definitions::history::history(store, path.experiment()?, query, limit).await
            }
            OperatorOperation::Explain => {
                explain::explain(store, definitions, path.experiment()?, query).await
            }
            OperatorOperation::Settings => settings::get(store, definitions, query, role).await,
            OperatorOperation::PatchSettings => {
                settings::patch(store, definitions, query, request).await
            }
            OperatorOperation::Tick => definitions::tick(store, definitions, query).await,
            OperatorOperation::ExperimentSchema => Ok(definitions::schema()),
            OperatorOperation::PruneVariant => {
                let variant = path.variant()?;
                prune::variant(store, definitions, path.experiment()?, variant, query).await
            }
            OperatorOperation::PruneGoal => {
                prune::goal(store, definitions, path.experiment()?, path.goal()?, query).await
            }
            OperatorOperation::TakeLook => {
                let limit = self.answer_limit;
                looks::take(store, definitions, path.experiment()?, query, limit).await
            }
            OperatorOperation::ResetLooks => {
                looks::reset(store, definitions, path.experiment()?, query).await
            }
            OperatorOperation::ChooseControl => {
                control::choose(store, definitions, path.experiment()?, query).await
            }
            OperatorOperation::GimelDelete => {
                delete::gimel_delete(store, definitions, query, &Author::of(&request)?).await
            }
            OperatorOperation::GimelExperiment => results::gimel_experiment(store, query).await,
            OperatorOperation::OpenApi => Ok(openapi::document()),
        }
    }
}

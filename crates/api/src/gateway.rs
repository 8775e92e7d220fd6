//! All APIs behind one address: what API Gateway does for the deployed functions.

use std::sync::Arc;

use abtest_model::endpoint::{Access, ENDPOINTS, Operation};
use abtest_model::{Handler, Method};
use abtest_store::Store;
use http::{Request, Response, StatusCode};
use http_body::Body;

use crate::AnswerBody;
use crate::edited::Tick;
use crate::http::api_keys::ApiKeys;
use crate::http::problem::Problem;
use crate::http::request_summary::RequestSummary;
use crate::http::response::preflight;
use crate::http::router::{Found, RouteError, Router};
use crate::operator::OperatorApi;
use crate::public::published::PublishedNamespaces;
use crate::public::stream::{Events, Streams};
use crate::public::{AssignApi, TrackApi};

/// All APIs behind one address, with the built-in paths and the wired ones.
#[derive(Debug)]
pub struct Gateway<S> {
    store: Arc<S>,
    published: Arc<PublishedNamespaces<S>>,
    track: TrackApi<S>,
    assign: AssignApi<S>,
    streams: Streams<S>,
    operator: OperatorApi<S>,
    router: Router<(Operation, Access)>,
}

/// A path and method that the config's `extra_wiring` gives to a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WiredPath {
    /// The path with its leading slash. A part in braces takes any value.
    pub path: String,
    /// The method.
    pub method: Method,
    /// What it does.
    pub handler: Handler,
    /// Who may use it.
    pub access: Access,
}

/// Where a request leads. Find it once per request, and put it into the request's extensions: then
/// [`Gateway::answer`] and [`Gateway::open_stream`] do not search again.
#[derive(Debug, Clone)]
pub struct Route(Result<Found<(Operation, Access)>, Box<Problem>>);

impl Route {
    /// What is done there, and who may use it. `None` if there is no such endpoint, and for a request that
    /// asks for the methods.
    pub fn endpoint(&self) -> Option<(Operation, Access)> {
        match &self.0 {
            Ok(Found::Target(target, _)) => Some(*target),
            Ok(Found::Preflight { .. }) | Err(_) => None,
        }
    }
}

impl<S: Store> Gateway<S> {
    /// All APIs over `store`. Operators need one of `keys`.
    ///
    /// # Errors
    /// When a wired path cannot be told from another path.
    pub fn new(
        store: S,
        keys: ApiKeys,
        wired: impl IntoIterator<Item = WiredPath>,
    ) -> Result<Self, RouteError> {
        let built_in = ENDPOINTS.iter().map(|endpoint| {
            let target = (endpoint.operation, endpoint.access);
            (endpoint.method, endpoint.path.to_owned(), target)
        });
        // The handler that goes by path adds nothing: its paths are built in.
        let wired = wired.into_iter().filter_map(|wired| {
            let operation = wired.handler.operation(wired.method)?;
            Some((wired.method, wired.path, (operation, wired.access)))
        });
        let router = Router::new(built_in.chain(wired))?;
        let store = Arc::new(store);
        let published = Arc::new(PublishedNamespaces::new(Arc::clone(&store)));
        Ok(Self {
            track: TrackApi::sharing(Arc::clone(&store), Arc::clone(&published)),
            assign: AssignApi::sharing(Arc::clone(&store), Arc::clone(&published)).with_streams(),
            streams: Streams::new(Arc::clone(&published)),
            published,
            operator: OperatorApi::new(Arc::clone(&store), keys),
            store,
            router,
        })
    }

    /// The store, for health checks.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The operators' keys.
    pub fn keys(&self) -> &ApiKeys {
        self.operator.keys()
    }

    /// Where a request's method and path lead.
    pub fn route<B>(&self, request: &Request<B>) -> Route {
        Route(self.router.find(request.method(), request.uri().path()))
    }

    /// Carries out the steps of all schedules that are due.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tick(&self) -> Result<Tick, Box<Problem>> {
        let tick = self.operator.tick().await;
        if !tick.as_ref().is_ok_and(|tick| tick.done.is_empty()) {
            self.published.note_change();
        }
        tick
    }

    /// Opens the stream of events that a request asks for. `None` if it asks for something else.
    ///
    /// # Errors
    /// The answer, if there is no such stream.
    pub async fn open_stream<B>(
        &self,
        request: &Request<B>,
    ) -> Option<Result<Events, Response<AnswerBody>>> {
        if request.method() != http::Method::GET {
            return None;
        }
        let known = request.extensions().get::<Route>();
        let found;
        let Route(route) = match known {
            Some(known) => known,
            None => {
                found = self.route(request);
                &found
            }
        };
        let Ok(Found::Target((Operation::Stream(operation), _), path)) = route else {
            return None;
        };
        let opened = self.streams.open(*operation, path, request.uri()).await;
        Some(opened.map_err(|problem| {
            let summary = RequestSummary { operation: operation.name(), ..Default::default() };
            summary.attach(Err(problem))
        }))
    }

    /// Answers a request by its method and path.
    pub async fn answer<B: Body>(&self, mut request: Request<B>) -> Response<AnswerBody> {
        let mut summary = RequestSummary::default();
        let known = request.extensions_mut().remove();
        let Route(found) = known.unwrap_or_else(|| self.route(&request));
        let answer = self.answer_found(found, request, &mut summary).await;
        summary.attach(answer)
    }

    async fn answer_found<B: Body>(
        &self,
        found: Result<Found<(Operation, Access)>, Box<Problem>>,
        request: Request<B>,
        summary: &mut RequestSummary,
    ) -> Result<Response<AnswerBody>, Box<Problem>> {
        match found? {
            Found::Preflight { methods } => Ok(preflight(&methods, summary)),
            Found::Target((Operation::Track(operation), _), _) => {
                self.track.perform(operation, request, summary).await
            }
            Found::Target((Operation::Assign(operation), _), path) => {
                self.assign.perform(operation, &path, request, summary).await
            }
            Found::Target((Operation::Stream(_), _), _) => {
                let detail = "this is a stream of events; read it with an EventSource";
                Err(Problem::boxed(StatusCode::NOT_ACCEPTABLE, detail))
            }
            Found::Target((Operation::Operator(operation), access), path) => {
                let reads = [http::Method::GET, http::Method::HEAD].contains(request.method());
                let answer =
                    self.operator.perform(operation, access, &path, request, summary).await;
                if !reads {
                    // Also after a failure: the store may have stored the change.
                    self.published.note_change();
                }
                answer
            }
        }
    }
}

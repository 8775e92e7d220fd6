//! Finds the target of a request's method and path.

use std::collections::BTreeMap;

use abtest_model::query::decode_path_segment;
use abtest_model::{Experiment, Goal, Namespace, Variant};
use http::Method;

use crate::http::problem::Problem;

/// Paths with their methods, each leading to a target.
#[derive(Debug)]
pub(crate) struct Router<T> {
    paths: matchit::Router<Methods<T>>,
}

type Methods<T> = Vec<(abtest_model::Method, T)>;

/// What a request's method and path lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// The target, with the variable parts of the path.
    Target(T, PathParameters),
    /// A browser asks which methods it may send.
    Preflight {
        /// The methods of the path, for the header `Allow`.
        methods: String,
    },
}

/// The variable parts of a path, as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PathParameters(Vec<(String, String)>);

/// Two paths match the same requests.
#[derive(Debug, thiserror::Error)]
#[error("the path {path} cannot be routed: {problem}")]
pub struct RouteError {
    path: String,
    problem: matchit::InsertError,
}

impl<T: Copy> Router<T> {
    /// A router for these methods and paths.
    ///
    /// # Errors
    /// When two paths match the same requests.
    pub(crate) fn new(
        routes: impl IntoIterator<Item = (abtest_model::Method, String, T)>,
    ) -> Result<Self, RouteError> {
        let mut by_path = BTreeMap::<String, Methods<T>>::new();
        for (method, path, target) in routes {
            by_path.entry(path).or_default().push((method, target));
        }
        let mut paths = matchit::Router::new();
        for (path, methods) in by_path {
            let inserted = paths.insert(path.as_str(), methods);
            inserted.map_err(|problem| RouteError { path, problem })?;
        }
        Ok(Self { paths })
    }

    /// A router for endpoints of the table. A test checks that their paths are different.
    pub(crate) fn of_table(
        routes: impl IntoIterator<Item = (abtest_model::Method, String, T)>,
    ) -> Self {
        Self::new(routes).unwrap_or_else(|_| Self { paths: matchit::Router::new() })
    }

    /// What a method and a path lead to. HEAD leads where GET does.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Found<T>, Box<Problem>> {
        let found = self.paths.at(path).map_err(|_| {
            let length = path.len();
            Problem::not_found(format!(
                "there is no endpoint at this path of {length} bytes; GET /openapi.json lists them"
            ))
        })?;
        if method == Method::OPTIONS {
            return Ok(Found::Preflight { methods: allowed(found.value) });
        }
        let wanted = if method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
        match found.value.iter().find(|(method, _)| method.as_str() == wanted) {
            Some((_, target)) => Ok(Found::Target(*target, PathParameters::of(&found.params))),
            None => Err(Problem::method_not_allowed(allowed(found.value))),
        }
    }
}

impl PathParameters {
    fn of(parameters: &matchit::Params<'_, '_>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(parameters.iter().map(owned).collect())
    }

    /// The experiment that the path names.
    pub(crate) fn experiment(&self) -> Result<Experiment, Box<Problem>> {
        Ok(Experiment::new(self.decoded(Experiment::PARAMETER)?)?)
    }

    /// The namespace that the path names.
    pub(crate) fn namespace(&self) -> Result<Namespace, Box<Problem>> {
        Ok(Namespace::new(self.decoded(Namespace::PARAMETER)?)?)
    }

    /// The variant that the path names.
    pub(crate) fn variant(&self) -> Result<Variant, Box<Problem>> {
        Ok(Variant::new(self.decoded(Variant::PARAMETER)?)?)
    }

    /// The goal that the path names. Its part of the path has another name than its parameter.
    pub(crate) fn goal(&self) -> Result<Goal, Box<Problem>> {
        Ok(Goal::new(self.decoded("goal")?)?)
    }

    /// A variable part, decoded.
    pub(crate) fn decoded(&self, parameter: &'static str) -> Result<String, Box<Problem>> {
        let is_meant = |(name, _): &&(String, String)| name == parameter;
        let sent = self.0.iter().find(is_meant).map_or("", |(_, value)| value.as_str());
        Ok(decode_path_segment(sent, parameter)?.into_owned())
    }
}

/// The methods of a path, for the header `Allow`.
fn allowed<T>(methods: &Methods<T>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (method, _) in methods {
        names.push(method.as_str());
        if *method == abtest_model::Method::Get {
            names.push(Method::HEAD.as_str());
        }
    }
    names.push(Method::OPTIONS.as_str());
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use abtest_model::endpoint::{ENDPOINTS, Operation, OperatorOperation, TrackOperation};

    use super::*;

    fn router() -> Router<Operation> {
        let routes = ENDPOINTS.iter().map(|one| (one.method, one.path.to_owned(), one.operation));
        Router::new(routes).unwrap()
    }

    fn experiment(method: &Method, path: &str) -> (OperatorOperation, Experiment) {
        match router().find(method, path).unwrap() {
            Found::Target(Operation::Operator(operation), path) => {
                (operation, path.experiment().unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_experiments_name_in_a_path_may_be_anything_encoded() {
        let (operation, name) = experiment(&Method::GET, "/experiments/50%25%20off%3A%2Fnow");
        assert_eq!(operation, OperatorOperation::Result);
        assert_eq!(name.as_str(), "50% off:/now");
    }

    #[test]
    fn an_experiment_may_be_called_like_a_part_of_a_path() {
        for (method, path, wanted, name) in [
            (Method::POST, "/experiments/a%2Fb/looks", OperatorOperation::TakeLook, "a/b"),
            (Method::POST, "/experiments/looks/looks", OperatorOperation::TakeLook, "looks"),
            (Method::GET, "/experiments/looks", OperatorOperation::Result, "looks"),
            (
                Method::PUT,
                "/experiments/control/control",
                OperatorOperation::ChooseControl,
                "control",
            ),
        ] {
            let (operation, experiment) = experiment(&method, path);
            assert_eq!((operation, experiment.as_str()), (wanted, name), "{path}");
        }
        assert!(router().find(&Method::POST, "/experiments/a/b/looks").is_err());
    }

    #[test]
    fn a_path_tells_its_methods_and_head_goes_where_get_goes() {
        let methods = "GET, HEAD, POST, OPTIONS".to_owned();
        let found = router().find(&Method::OPTIONS, "/track").unwrap();
        assert_eq!(found, Found::Preflight { methods });
        let track_one = Operation::Track(TrackOperation::TrackOne);
        for method in [Method::GET, Method::HEAD] {
            let found = router().find(&method, "/track").unwrap();
            assert_eq!(found, Found::Target(track_one, PathParameters::default()));
        }
        assert!(router().find(&Method::HEAD, "/delete").is_err());
        assert!(router().find(&Method::PATCH, "/track").is_err());
    }

    #[test]
    fn paths_that_cannot_be_told_apart_are_an_error() {
        let paths = ["/a/{b}", "/a/{c}"];
        let routes = paths.map(|path| (abtest_model::Method::Get, path.to_owned(), ()));
        let error = Router::new(routes).unwrap_err().to_string();
        assert!(error.contains("/a/{c}"), "{error}");
    }
}

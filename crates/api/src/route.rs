//! Which operation a method and a path mean.

use std::str::FromStr;

use abtest_model::Experiment;
use abtest_model::query::decode_path_segment;
use http::Method;

use crate::problem::Problem;

/// What is to be done. The path's variable part is validated already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Answer a browser's question whether it may send something.
    Preflight {
        methods: &'static str,
    },
    OpenApi,
    TrackOne,
    TrackMany,
    Results,
    Result {
        experiment: Experiment,
    },
    Delete {
        experiment: Experiment,
    },
    GimelExperiment,
    GimelDelete,
}

impl Operation {
    /// A stable name for metrics and logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Preflight { .. } => "preflight",
            Self::OpenApi => "openapi",
            Self::TrackOne | Self::TrackMany => "track",
            Self::Results => "results",
            Self::Result { .. } | Self::GimelExperiment => "result",
            Self::Delete { .. } | Self::GimelDelete => "delete",
        }
    }

    /// Whether only the operator may do it.
    pub(crate) fn is_private(&self) -> bool {
        match self {
            Self::Preflight { .. } | Self::OpenApi | Self::TrackOne | Self::TrackMany => false,
            Self::Results
            | Self::Result { .. }
            | Self::Delete { .. }
            | Self::GimelExperiment
            | Self::GimelDelete => true,
        }
    }
}

/// The operation behind a built-in path.
pub(crate) fn operation(method: &Method, path: &str) -> Result<Operation, Box<Problem>> {
    match path {
        "/track" => Handler::Track.operation(method, path),
        "/delete" => Handler::GimelDelete.operation(method, path),
        "/experiments" => Handler::GimelAll.operation(method, path),
        "/openapi.json" => choose(method, "GET, OPTIONS", |method| match *method {
            Method::GET => Some(Operation::OpenApi),
            _ => None,
        }),
        _ => match path.strip_prefix("/experiments/") {
            Some(segment) if !segment.contains('/') => one_experiment(method, segment),
            _ => Err(Problem::not_found(format!(
                "there is nothing at this path ({} bytes); see /openapi.json",
                path.len()
            ))),
        },
    }
}

fn one_experiment(method: &Method, segment: &str) -> Result<Operation, Box<Problem>> {
    let experiment = || {
        let name = decode_path_segment(segment, Experiment::PARAMETER)?;
        Experiment::new(name)
    };
    let experiment = match *method {
        Method::GET | Method::DELETE => Some(experiment()?),
        _ => None,
    };
    choose(method, "GET, DELETE, OPTIONS", |method| match (method, experiment) {
        (&Method::GET, Some(experiment)) => Some(Operation::Result { experiment }),
        (&Method::DELETE, Some(experiment)) => Some(Operation::Delete { experiment }),
        _ => None,
    })
}

/// What an endpoint that wiring names does, whatever its path: abtest's two functions, and
/// Gimel's handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// Records events. `track`, `gimel.track`.
    Track,
    /// The operator's endpoints, by path. `experiments`.
    Experiments,
    /// Every experiment's results. `gimel.all`.
    GimelAll,
    /// One experiment's goals. `gimel.experiment`.
    GimelExperiment,
    /// Removes an experiment. `gimel.delete`.
    GimelDelete,
}

impl Handler {
    /// Every handler, under each of its names.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("track", Self::Track),
        ("experiments", Self::Experiments),
        ("gimel.track", Self::Track),
        ("gimel.all", Self::GimelAll),
        ("gimel.experiment", Self::GimelExperiment),
        ("gimel.delete", Self::GimelDelete),
    ];

    pub(crate) fn operation(self, method: &Method, path: &str) -> Result<Operation, Box<Problem>> {
        match self {
            Self::Experiments if path == "/track" => operation(&Method::GET, "/"),
            Self::Experiments => operation(method, path),
            Self::Track => choose(method, "GET, POST, OPTIONS", |method| match *method {
                Method::GET => Some(Operation::TrackOne),
                Method::POST => Some(Operation::TrackMany),
                _ => None,
            }),
            Self::GimelAll => choose(method, "GET, OPTIONS", |method| match *method {
                Method::GET => Some(Operation::Results),
                _ => None,
            }),
            Self::GimelExperiment => choose(method, "GET, OPTIONS", |method| match *method {
                Method::GET => Some(Operation::GimelExperiment),
                _ => None,
            }),
            Self::GimelDelete => choose(method, "DELETE, OPTIONS", |method| match *method {
                Method::DELETE => Some(Operation::GimelDelete),
                _ => None,
            }),
        }
    }
}

/// A name that is no handler's.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no handler; use track, experiments, gimel.track, gimel.all, gimel.experiment \
     or gimel.delete"
)]
pub struct UnknownHandler(String);

impl FromStr for Handler {
    type Err = UnknownHandler;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, handler)| *handler)
            .ok_or_else(|| UnknownHandler(name.to_owned()))
    }
}

/// The operation for a method; the preflight's for OPTIONS; else the problem that names the
/// methods that there are.
fn choose(
    method: &Method,
    allowed: &'static str,
    operation: impl FnOnce(&Method) -> Option<Operation>,
) -> Result<Operation, Box<Problem>> {
    if method == Method::OPTIONS {
        return Ok(Operation::Preflight { methods: allowed });
    }
    operation(method).ok_or_else(|| Problem::method_not_allowed(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiments_name_in_a_path_may_be_anything_encoded() {
        let found = operation(&Method::GET, "/experiments/50%25%20off%3A%2Fnow").unwrap();
        let experiment = Experiment::new("50% off:/now").unwrap();
        assert_eq!(found, Operation::Result { experiment });
    }

    #[test]
    fn the_operators_function_does_not_track() {
        assert!(Handler::Experiments.operation(&Method::GET, "/track").is_err());
        assert!(Handler::Experiments.operation(&Method::GET, "/experiments").is_ok());
    }

    #[test]
    fn a_tracking_handler_tracks_at_any_path() {
        let handler: Handler = "gimel.track".parse().unwrap();
        assert_eq!(handler.operation(&Method::GET, "/kcart").unwrap(), Operation::TrackOne);
        assert!("gimel.tarck".parse::<Handler>().is_err());
    }
}

//! Which operation a method and a path mean.

use std::borrow::Cow;

use abtest_model::query::decode_path_segment;
use abtest_model::{Experiment, Handler, InputError};
use http::Method;

use crate::http::problem::Problem;

/// What is to be done. The path's variable part is validated already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Answer a browser's question whether it may send something.
    Preflight {
        methods: Cow<'static, str>,
    },
    OpenApi,
    TrackOne,
    TrackMany,
    Results,
    Result {
        experiment: Experiment,
    },
    TakeLook {
        experiment: Experiment,
    },
    ChooseControl {
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
            Self::TakeLook { .. } => "look",
            Self::ChooseControl { .. } => "control",
            Self::Delete { .. } | Self::GimelDelete => "delete",
        }
    }

    /// Whether only the operator may do it.
    pub(crate) fn is_private(&self) -> bool {
        match self {
            Self::Preflight { .. } | Self::OpenApi | Self::TrackOne | Self::TrackMany => false,
            Self::Results
            | Self::Result { .. }
            | Self::TakeLook { .. }
            | Self::ChooseControl { .. }
            | Self::Delete { .. }
            | Self::GimelExperiment
            | Self::GimelDelete => true,
        }
    }
}

/// The operation behind a built-in path.
pub(crate) fn operation(method: &Method, path: &str) -> Result<Operation, Box<Problem>> {
    match path {
        "/track" => wired_operation(Handler::Track, method, path),
        "/delete" => wired_operation(Handler::GimelDelete, method, path),
        "/experiments" => wired_operation(Handler::GimelAll, method, path),
        "/openapi.json" => choose(method, "GET, OPTIONS", |method| match *method {
            Method::GET => Some(Operation::OpenApi),
            _ => None,
        }),
        _ => match path.strip_prefix("/experiments/").map(|rest| (rest, rest.split_once('/'))) {
            Some((segment, None)) => one_experiment(method, segment),
            Some((_, Some((segment, "looks")))) => looks(method, segment),
            Some((_, Some((segment, "control")))) => control(method, segment),
            _ => Err(Problem::not_found(format!(
                "there is nothing at this path ({} bytes); see /openapi.json",
                path.len()
            ))),
        },
    }
}

fn one_experiment(method: &Method, segment: &str) -> Result<Operation, Box<Problem>> {
    let experiment = match *method {
        Method::GET | Method::DELETE => Some(experiment(segment)?),
        _ => None,
    };
    choose(method, "GET, DELETE, OPTIONS", |method| match (method, experiment) {
        (&Method::GET, Some(experiment)) => Some(Operation::Result { experiment }),
        (&Method::DELETE, Some(experiment)) => Some(Operation::Delete { experiment }),
        _ => None,
    })
}

fn looks(method: &Method, segment: &str) -> Result<Operation, Box<Problem>> {
    let experiment = (*method == Method::POST).then(|| experiment(segment)).transpose()?;
    choose(method, "POST, OPTIONS", |_| {
        experiment.map(|experiment| Operation::TakeLook { experiment })
    })
}

fn control(method: &Method, segment: &str) -> Result<Operation, Box<Problem>> {
    let experiment = (*method == Method::PUT).then(|| experiment(segment)).transpose()?;
    choose(method, "PUT, OPTIONS", |_| {
        experiment.map(|experiment| Operation::ChooseControl { experiment })
    })
}

fn experiment(segment: &str) -> Result<Experiment, InputError> {
    let name = decode_path_segment(segment, Experiment::PARAMETER)?;
    Experiment::new(name)
}

/// The operation at a path that is wired beside the built-in ones, or as well as one of them, for
/// some methods.
pub(crate) fn extra_operation(
    wired: &[(abtest_model::Method, Handler)],
    method: &Method,
    path: &str,
) -> Result<Operation, Box<Problem>> {
    if let Some((_, handler)) = wired.iter().find(|(wired, _)| wired.as_str() == method.as_str()) {
        return wired_operation(*handler, method, path);
    }
    match operation(method, path) {
        Err(problem) if problem.is_not_found() => {
            let methods = wired.iter().map(|(method, _)| method.as_str()).chain(["OPTIONS"]);
            let methods = methods.collect::<Vec<_>>().join(", ");
            if method == Method::OPTIONS {
                return Ok(Operation::Preflight { methods: methods.into() });
            }
            Err(Problem::method_not_allowed(methods))
        }
        built_in => built_in,
    }
}

/// The operation of an endpoint that wiring gives a handler, whatever its path.
pub(crate) fn wired_operation(
    handler: Handler,
    method: &Method,
    path: &str,
) -> Result<Operation, Box<Problem>> {
    match handler {
        Handler::Experiments if path == "/track" => operation(&Method::GET, "/"),
        Handler::Experiments => operation(method, path),
        Handler::Track => choose(method, "GET, POST, OPTIONS", |method| match *method {
            Method::GET => Some(Operation::TrackOne),
            Method::POST => Some(Operation::TrackMany),
            _ => None,
        }),
        Handler::GimelAll => choose(method, "GET, OPTIONS", |method| match *method {
            Method::GET => Some(Operation::Results),
            _ => None,
        }),
        Handler::GimelExperiment => choose(method, "GET, OPTIONS", |method| match *method {
            Method::GET => Some(Operation::GimelExperiment),
            _ => None,
        }),
        Handler::GimelDelete => choose(method, "DELETE, OPTIONS", |method| match *method {
            Method::DELETE => Some(Operation::GimelDelete),
            _ => None,
        }),
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
        return Ok(Operation::Preflight { methods: allowed.into() });
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
    fn a_look_is_taken_at_any_experiment_also_one_called_looks() {
        for (path, name) in
            [("/experiments/a%2Fb/looks", "a/b"), ("/experiments/looks/looks", "looks")]
        {
            let experiment = Experiment::new(name).unwrap();
            let found = operation(&Method::POST, path).unwrap();
            assert_eq!(found, Operation::TakeLook { experiment });
            assert!(found.is_private());
            assert!(operation(&Method::GET, path).is_err());
        }
        let found = operation(&Method::GET, "/experiments/looks").unwrap();
        assert!(matches!(found, Operation::Result { .. }));
        assert!(operation(&Method::POST, "/experiments/a/b/looks").is_err());
    }

    #[test]
    fn a_control_is_chosen_for_any_experiment() {
        let experiment = Experiment::new("control").unwrap();
        let path = "/experiments/control/control";
        let found = operation(&Method::PUT, path).unwrap();
        assert_eq!(found, Operation::ChooseControl { experiment });
        assert!(found.is_private());
        assert!(operation(&Method::POST, path).is_err());
    }

    #[test]
    fn the_operators_function_does_not_track() {
        assert!(wired_operation(Handler::Experiments, &Method::GET, "/track").is_err());
        assert!(wired_operation(Handler::Experiments, &Method::GET, "/experiments").is_ok());
    }

    #[test]
    fn a_wired_path_takes_the_methods_that_it_is_wired_for() {
        use abtest_model::Method as Wired;
        let wired = [(Wired::Get, Handler::GimelAll), (Wired::Delete, Handler::GimelDelete)];
        let at = |method| extra_operation(&wired, &method, "/all");
        assert_eq!(at(Method::GET).unwrap(), Operation::Results);
        assert_eq!(at(Method::DELETE).unwrap(), Operation::GimelDelete);
        let methods = "GET, DELETE, OPTIONS".into();
        assert_eq!(at(Method::OPTIONS).unwrap(), Operation::Preflight { methods });
        assert!(!at(Method::POST).unwrap_err().is_not_found());
        // Beside what is built in there.
        let posted = extra_operation(&[(Wired::Get, Handler::Track)], &Method::POST, "/track");
        assert_eq!(posted.unwrap(), Operation::TrackMany);
    }

    #[test]
    fn a_tracking_handler_tracks_at_any_path() {
        let handler: Handler = "gimel.track".parse().unwrap();
        let operation = wired_operation(handler, &Method::GET, "/kcart").unwrap();
        assert_eq!(operation, Operation::TrackOne);
    }
}

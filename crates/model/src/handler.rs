//! What an endpoint does: the handler that wiring gives it, and the program that holds it.

use std::fmt;
use std::str::FromStr;

use crate::endpoint::{ENDPOINTS, Operation, OperatorOperation, TrackOperation};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an endpoint that wiring names does, whatever its path: abtest's functions, and Gimel's
/// handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handler {
    /// Records events. `track`, `gimel.track`.
    Track,
    /// The endpoints that assign variants, by path. `assign`.
    Assign,
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
    /// Every handler, under each of its names. Of several names the first is the one that is
    /// written.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("track", Self::Track),
        ("assign", Self::Assign),
        ("experiments", Self::Experiments),
        ("gimel.track", Self::Track),
        ("gimel.all", Self::GimelAll),
        ("gimel.experiment", Self::GimelExperiment),
        ("gimel.delete", Self::GimelDelete),
    ];

    /// The program that can be this handler.
    pub fn program(self) -> Program {
        match self {
            Self::Track => Program::Track,
            Self::Assign => Program::Assign,
            Self::Experiments | Self::GimelAll | Self::GimelExperiment | Self::GimelDelete => {
                Program::Experiments
            }
        }
    }

    /// What it does for a method at whatever path wiring gave it. `None` for a method that it does
    /// not answer, and for [`Handler::Assign`] and [`Handler::Experiments`], which go by path.
    pub fn operation(self, method: Method) -> Option<Operation> {
        let operation = match (self, method) {
            (Self::Track, Method::Get) => Operation::Track(TrackOperation::TrackOne),
            (Self::Track, Method::Post) => Operation::Track(TrackOperation::TrackMany),
            (Self::GimelAll, Method::Get) => Operation::Operator(OperatorOperation::Results),
            (Self::GimelExperiment, Method::Get) => {
                Operation::Operator(OperatorOperation::GimelExperiment)
            }
            (Self::GimelDelete, Method::Delete) => {
                Operation::Operator(OperatorOperation::GimelDelete)
            }
            _ => return None,
        };
        Some(operation)
    }

    /// The methods that it can be wired to. It also answers HEAD where it answers GET, and OPTIONS.
    pub fn methods(self) -> impl Iterator<Item = Method> {
        let by_path = move |method: &Method| {
            let mut endpoints = ENDPOINTS.iter();
            matches!(self, Self::Assign | Self::Experiments)
                && endpoints.any(|one| one.program == Some(self.program()) && one.method == *method)
        };
        let answers = move |method: &Method| self.operation(*method).is_some() || by_path(method);
        Method::ALL.into_iter().filter(answers)
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, handler)| handler == self);
        formatter.write_str(name.map_or("", |(name, _)| name))
    }
}

/// The error for a name that no handler has.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a handler; use track, assign, experiments, gimel.track, gimel.all, gimel.experiment \
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

impl<'de> Deserialize<'de> for Handler {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Handler {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The programs that are deployed. What browsers reach and what operators reach are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// Records events, and can do nothing else.
    Track,
    /// Reads what is published and assigns variants. It can record events.
    Assign,
    /// Reads and deletes.
    Experiments,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Track, Self::Assign, Self::Experiments];

    /// The name of its binary and of its artefact.
    pub fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Assign => "assign",
            Self::Experiments => "experiments",
        }
    }

    /// What it is when its handler is not named.
    pub fn handler(self) -> Handler {
        match self {
            Self::Track => Handler::Track,
            Self::Assign => Handler::Assign,
            Self::Experiments => Handler::Experiments,
        }
    }
}

/// The HTTP method of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "HTTP's own names")]
pub enum Method {
    Get,
    /// Wherever GET works. It changes nothing, so an event is not recorded (RFC 9110, 9.2.1).
    #[serde(skip_deserializing)]
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The methods that an endpoint can have. HEAD comes with GET.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// Its name in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_written_as_it_is_read() {
        for (name, handler) in Handler::NAMES {
            assert_eq!(name.parse::<Handler>().unwrap(), handler);
            assert_eq!(handler.to_string().parse::<Handler>().unwrap(), handler);
        }
        assert!("gimel.tarck".parse::<Handler>().is_err());
    }

    #[test]
    fn only_tracking_lies_in_the_program_that_records_events() {
        for (_, handler) in Handler::NAMES {
            let public = handler.program() == Program::Track;
            assert_eq!(public, handler == Handler::Track, "{handler}");
        }
        assert!(Program::ALL.iter().all(|program| program.handler().program() == *program));
    }
}

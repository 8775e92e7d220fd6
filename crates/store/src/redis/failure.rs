//! What an error of Redis means for the request and for the connection.

use redis::{ErrorKind, RedisError};

use crate::StoreError;

/// An error, and what it says about the connection.
pub(super) enum Failure {
    /// Redis answered, so the connection works.
    Answered(StoreError),
    /// Another connection may succeed later: a replica that was the primary, an expired password,
    /// a silent peer.
    Doubtful(StoreError),
    /// The connection is gone.
    Broken(StoreError),
}

impl Failure {
    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Answered(error) | Self::Doubtful(error) | Self::Broken(error) => error,
        }
    }
}

pub(super) fn failure(error: &RedisError) -> Failure {
    if error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error() {
        return Failure::Broken(StoreError::Unreachable(io_reason(error).to_owned()));
    }
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) => Failure::Doubtful(StoreError::Unauthorized),
        (_, Some(code)) => answer(code),
        (kind, None) => Failure::Doubtful(StoreError::Unexpected(format!("{kind:?}"))),
    }
}

/// What the first word of an error says. The rest may hold keys and is not repeated.
fn answer(code: &str) -> Failure {
    match code {
        "WRONGTYPE" => Failure::Answered(StoreError::WrongType),
        "OOM" => Failure::Answered(StoreError::OutOfMemory),
        "READONLY" => Failure::Doubtful(StoreError::ReadOnly),
        "NOAUTH" | "WRONGPASS" | "NOPERM" => Failure::Doubtful(StoreError::Unauthorized),
        "LOADING" => {
            Failure::Answered(StoreError::Unreachable("Redis is still loading its data".into()))
        }
        "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" | "NOREPLICAS" => {
            Failure::Answered(StoreError::Unreachable(format!("Redis answered {code}")))
        }
        "MISCONF" => Failure::Answered(StoreError::Unreachable(
            "Redis cannot save its snapshot and refuses writes (MISCONF)".into(),
        )),
        _ => {
            let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
            Failure::Answered(StoreError::Unexpected(format!("error {code}")))
        }
    }
}

fn io_reason(error: &RedisError) -> &'static str {
    if error.is_connection_refusal() {
        "the connection was refused"
    } else if error.is_timeout() {
        "the connection timed out"
    } else if error.is_connection_dropped() {
        "the connection broke"
    } else {
        "no connection could be made"
    }
}

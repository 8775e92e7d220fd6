//! What an error of Redis means for the request and for the connection.

use std::error::Error as _;

use redis::{ErrorKind, RedisError};

use crate::{StoreError, WrongSetting};

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
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Failure::Doubtful(WrongSetting::Password.into());
    }
    if error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error() {
        return Failure::Broken(StoreError::Unreachable(io_reason(error)));
    }
    // A pipeline has one error for each command that failed. The first one says enough.
    let answers = error.clone().into_server_errors();
    match answers.as_deref().and_then(<[_]>::first) {
        Some((_, first)) => answer(first.code(), first.details().unwrap_or_default()),
        None => match error.code() {
            Some(code) => answer(code, error.detail().unwrap_or_default()),
            None => Failure::Doubtful(StoreError::Unexpected(format!("{:?}", error.kind()))),
        },
    }
}

/// What an error of Redis means: its first word, and the rest. The rest may hold keys, so no message
/// repeats it.
fn answer(code: &str, rest: &str) -> Failure {
    if let Some(setting) = wrong_setting(code, rest) {
        return Failure::Doubtful(setting.into());
    }
    match code {
        "WRONGTYPE" => Failure::Answered(StoreError::WrongType),
        "OOM" => Failure::Answered(StoreError::OutOfMemory),
        "READONLY" => Failure::Doubtful(StoreError::ReadOnly),
        "LOADING" => {
            Failure::Answered(StoreError::Unreachable("it is still loading its data".into()))
        }
        "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" => {
            Failure::Answered(StoreError::Unreachable(format!("it answered {code}")))
        }
        "NOREPLICAS" => Failure::Answered(StoreError::Unwritable(
            "Redis has fewer replicas than min-replicas-to-write asks for; connect more replicas",
        )),
        "MISCONF" => Failure::Answered(StoreError::Unwritable(
            "Redis cannot save its snapshot; its log has the reason",
        )),
        "ERR" if rest.contains("max number of clients") => Failure::Doubtful(
            StoreError::Unreachable("it has as many connections as maxclients allows".into()),
        ),
        _ => {
            let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
            Failure::Answered(StoreError::Unexpected(format!("error {code}")))
        }
    }
}

/// The setting that Redis refuses, if the error says so. While it connects, the client replaces the
/// first word of an error by ERR, so the rest counts, too.
fn wrong_setting(code: &str, rest: &str) -> Option<WrongSetting> {
    match code {
        "NOAUTH" => Some(WrongSetting::NoPassword),
        "WRONGPASS" => Some(WrongSetting::Password),
        "NOPERM" => Some(WrongSetting::Permissions),
        // Redis reads only short commands before the password is given.
        "ERR" if rest.contains("Authentication required") || rest.contains("unauthenticated") => {
            Some(WrongSetting::NoPassword)
        }
        "ERR" if rest.contains("no permissions") => Some(WrongSetting::Permissions),
        "ERR" if rest.contains("DB index") || rest.contains("SELECT is not allowed") => {
            Some(WrongSetting::Database)
        }
        _ => None,
    }
}

/// Why there is no connection. What the system says can name hosts, never a password.
fn io_reason(error: &RedisError) -> String {
    let reason = if error.is_connection_refusal() {
        "the connection was refused"
    } else if error.is_timeout() {
        "the connection timed out"
    } else if error.is_connection_dropped() {
        "the connection broke"
    } else {
        let source = error.source().map(|source| format!(" ({source})")).unwrap_or_default();
        return format!("no connection could be made{source}");
    };
    reason.to_owned()
}

//! Failures of AWS calls, with the same kinds and words for every service.

use std::time::Duration;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};

/// A call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}{} failed: {message}{}", in_brackets(.about), self.hint())]
pub struct CallError {
    /// The call, as IAM policies name it: `lambda:CreateFunction`.
    pub operation: &'static str,
    /// The name of the resource, or empty.
    pub about: String,
    /// What kind of failure it is.
    pub kind: Kind,
    /// AWS's answer, or why there was none.
    pub message: String,
}

/// The kinds of failures that callers distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The resource does not exist.
    NotFound,
    /// The resource exists already, or is being changed.
    Conflict,
    /// Not allowed.
    Denied,
    /// AWS is busy. Nothing was done.
    Throttled,
    /// No answer, or a server error: the call may have been carried out.
    Unanswered,
    /// AWS refused the request.
    Refused,
}

impl CallError {
    /// An answer that lacks the id of what was created. The resource probably exists.
    pub(crate) fn without_id(operation: &'static str, about: &str) -> Self {
        let message = "AWS answered without an id".to_owned();
        Self { operation, about: about.to_owned(), kind: Kind::Unanswered, message }
    }

    fn hint(&self) -> String {
        match self.kind {
            Kind::Denied => {
                format!("; get a policy that allows {}, then run this again", self.operation)
            }
            Kind::Throttled => "; AWS is busy; run this again in a minute".to_owned(),
            Kind::Unanswered => "; check the network, then run this again".to_owned(),
            Kind::NotFound | Kind::Conflict | Kind::Refused => String::new(),
        }
    }
}

/// The innermost cause of an error: `Connection refused (os error 111)`.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// An error and its causes on one line, each message once. Never prints a Rust value.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut messages: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let message = error.to_string();
        // Some errors repeat their cause's message.
        if let Some(last) = messages.last_mut()
            && last.ends_with(&message)
        {
            last.truncate(last.len() - message.len());
            *last = last.trim_end_matches([':', ' ']).to_owned();
        }
        messages.push(message);
        next = error.source();
    }
    messages.retain(|message| !message.is_empty());
    messages.join(": ")
}

fn in_brackets(about: &str) -> String {
    if about.is_empty() { String::new() } else { format!(" ({about})") }
}

/// Turns an SDK's error into a [`CallError`].
pub trait Call<T> {
    /// Names the call and the resource.
    ///
    /// # Errors
    /// The SDK's error as a [`CallError`].
    fn call(self, operation: &'static str, about: &str) -> Result<T, CallError>;
}

impl<T, E> Call<T> for Result<T, SdkError<E>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn call(self, operation: &'static str, about: &str) -> Result<T, CallError> {
        self.map_err(|error| {
            let about = about.to_owned();
            let (kind, message) = match &error {
                SdkError::ServiceError(answer) => {
                    let status = answer.raw().status().as_u16();
                    let code = answer.err().code().unwrap_or_default();
                    let message = match (code, answer.err().message()) {
                        ("", None) => error_chain(answer.err()),
                        ("", Some(said)) => said.to_owned(),
                        (code, None) => code.to_owned(),
                        (code, Some(said)) => format!("{code}: {said}"),
                    };
                    (kind(status, code), message)
                }
                SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
                    (Kind::Unanswered, root_cause(&error))
                }
                other => (Kind::Unanswered, error_chain(other)),
            };
            CallError { operation, about, kind, message: first_line(&message) }
        })
    }
}

fn kind(status: u16, code: &str) -> Kind {
    match code {
        "ResourceNotFoundException" | "NotFoundException" | "NoSuchEntity" => Kind::NotFound,
        "ResourceConflictException"
        | "ConflictException"
        | "EntityAlreadyExists"
        | "ResourceAlreadyExistsException" => Kind::Conflict,
        _ if code.contains("Throttl") || code.contains("TooManyRequests") || status == 429 => {
            Kind::Throttled
        }
        _ if code.contains("AccessDenied") || code.contains("Unauthorized") || status == 403 => {
            Kind::Denied
        }
        _ if status >= 500 => Kind::Unanswered,
        _ if status == 404 => Kind::NotFound,
        _ => Kind::Refused,
    }
}

/// Errors fit on one line. A proxy may answer with a page of HTML.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}

/// How often a creation is attempted that must not happen twice, and the first delay. The delay
/// doubles with each attempt.
const CREATION_ATTEMPTS: u32 = 6;
const CREATION_DELAY: Duration = Duration::from_millis(800);

/// Creates a resource of which AWS would make a second one if the call were repeated. If an
/// attempt got no answer, `find` looks for the resource before the next attempt. Turn off the
/// SDK's own retries in `create`.
///
/// # Errors
/// The last failure of `create` or `find`.
pub(crate) async fn create_once<T>(
    mut create: impl AsyncFnMut() -> Result<T, CallError>,
    mut find: impl AsyncFnMut() -> Result<Option<T>, CallError>,
) -> Result<T, CallError> {
    let mut delay = CREATION_DELAY;
    let mut attempt = 1;
    loop {
        let error = match create().await {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        let may_repeat = matches!(error.kind, Kind::Throttled | Kind::Unanswered);
        if !may_repeat || attempt == CREATION_ATTEMPTS || retries_are_off() {
            return Err(error);
        }
        tokio::time::sleep(delay).await;
        if error.kind == Kind::Unanswered
            && let Some(found) = find().await?
        {
            return Ok(found);
        }
        attempt += 1;
        delay *= 2;
    }
}

/// Honour AWS_MAX_ATTEMPTS=1 here too.
fn retries_are_off() -> bool {
    std::env::var_os("AWS_MAX_ATTEMPTS").is_some_and(|attempts| attempts == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_different_words_are_one_kind() {
        assert_eq!(kind(404, "NoSuchEntity"), Kind::NotFound);
        assert_eq!(kind(409, "ResourceConflictException"), Kind::Conflict);
        assert_eq!(kind(400, "ThrottlingException"), Kind::Throttled);
        assert_eq!(kind(429, ""), Kind::Throttled);
        assert_eq!(kind(400, "AccessDeniedException"), Kind::Denied);
        assert_eq!(kind(503, "ServiceUnavailable"), Kind::Unanswered);
        assert_eq!(kind(400, "InvalidParameterValueException"), Kind::Refused);
    }

    fn unanswered() -> CallError {
        let (operation, about) = ("apigateway:POST", "abtest".to_owned());
        CallError { operation, about, kind: Kind::Unanswered, message: "gone".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_created_without_an_answer_is_found_and_not_created_again() {
        let mut created = 0;
        let result = create_once(
            async || {
                created += 1;
                Err(unanswered())
            },
            async || Ok(Some("found")),
        )
        .await;
        assert_eq!((result.unwrap(), created), ("found", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_created_is_created_again() {
        let mut attempts = 0;
        let result = create_once(
            async || {
                attempts += 1;
                if attempts == 3 { Ok("created") } else { Err(unanswered()) }
            },
            async || Ok(None),
        )
        .await;
        assert_eq!((result.unwrap(), attempts), ("created", 3));
    }
}

//! What an AWS call's failure means, the same for every service.

use std::time::Duration;

use aws_sdk_lambda::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// A call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}{} failed: {message}{}", in_brackets(.about), self.hint())]
pub struct CallError {
    /// The call, as IAM policies name it: `lambda:CreateFunction`.
    pub operation: &'static str,
    /// What it was about: a resource's name, or nothing.
    pub about: String,
    /// What kind of failure it is.
    pub kind: Kind,
    /// What AWS said.
    pub message: String,
}

/// What may be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no such thing.
    NotFound,
    /// There is one already, or it is being changed.
    Conflict,
    /// Not allowed.
    Denied,
    /// Refused for the moment; nothing was done.
    Throttled,
    /// Nobody knows whether it was done: no answer, or a server's error.
    Unanswered,
    /// Refused for what was asked.
    Refused,
}

impl CallError {
    fn hint(&self) -> String {
        match self.kind {
            Kind::Denied => {
                format!("; ask for a policy that allows {}, then run this again", self.operation)
            }
            Kind::Throttled => "; AWS is busy, run this again in a minute".to_owned(),
            Kind::Unanswered => "; check the network, then run this again".to_owned(),
            Kind::NotFound | Kind::Conflict | Kind::Refused => String::new(),
        }
    }
}

fn in_brackets(about: &str) -> String {
    if about.is_empty() { String::new() } else { format!(" ({about})") }
}

/// Gives an SDK's result its name and our error.
pub trait Call<T> {
    /// Names the call and what it is about.
    ///
    /// # Errors
    /// The SDK's, as ours.
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
                        ("", None) => DisplayErrorContext(answer.err()).to_string(),
                        ("", Some(said)) => said.to_owned(),
                        (code, None) => code.to_owned(),
                        (code, Some(said)) => format!("{code}: {said}"),
                    };
                    (kind(status, code), message)
                }
                other => (Kind::Unanswered, DisplayErrorContext(other).to_string()),
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

/// A proxy's page of HTML is no message.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}

/// How often and after what time a creation is tried again that must not happen twice.
const CREATION_ATTEMPTS: u32 = 6;
const CREATION_DELAY: Duration = Duration::from_millis(800);

/// Creates what would exist twice if it were created twice: where it is not known whether the
/// creation happened, looks before it is tried again. The SDK's own retries must be off for
/// `create`.
///
/// # Errors
/// The last failure of either.
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

/// Whoever turns the SDK's retries off means ours, too.
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

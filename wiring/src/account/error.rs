//! Why there is no account to work in. Each message is one line and names the next step.

use std::error::Error;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;

use super::{CallError, Kind, root_cause};

/// Why there is no account to work in.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// No region is set.
    #[error(
        "no AWS region is set; set aws.region in the config, or AWS_REGION, or run `aws configure`"
    )]
    NoRegion,
    /// There is no region of this name.
    #[error(
        "`{region}` (from {from}) is not an AWS region{}", suggestion(.similar.as_ref())
    )]
    UnknownRegion {
        /// The name.
        region: String,
        /// Where it was set.
        from: &'static str,
        /// The most similar name of a region.
        similar: Option<&'static str>,
    },
    /// No credentials were found.
    #[error("no AWS credentials found; abtest looked in {looked}; {HOW_TO_LOG_IN}")]
    NoCredentials {
        /// The places where abtest looked.
        looked: String,
    },
    /// Credentials were found but could not be loaded.
    #[error("cannot load the AWS credentials of {profile}: {problem}; {}", next_step(.profile, .problem))]
    Unusable {
        /// The profile, as words.
        profile: Profile,
        /// What went wrong.
        problem: String,
    },
    /// AWS did not answer.
    #[error("cannot reach AWS at {address}: {problem}; {next}")]
    Unreachable {
        /// The address that was tried.
        address: String,
        /// What went wrong.
        problem: String,
        /// What to do.
        next: String,
    },
    /// AWS does not accept the credentials.
    #[error("AWS does not accept the credentials of {profile}: {error}; {HOW_TO_LOG_IN}")]
    Refused {
        /// The profile, as words.
        profile: Profile,
        /// AWS's answer.
        error: CallError,
    },
    /// AWS failed to answer the first call.
    #[error(transparent)]
    Call(CallError),
}

const HOW_TO_LOG_IN: &str = "run `aws configure` or `aws sso login`, or set AWS_PROFILE, or \
                             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// The profile that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile(Option<String>);

impl Profile {
    /// The profile that `AWS_PROFILE` names, or the default one.
    fn current() -> Self {
        Self(variable("AWS_PROFILE"))
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the profile `{}`", self.0.as_deref().unwrap_or("default"))
    }
}

impl AccountError {
    pub(super) fn no_credentials() -> Self {
        let file = |name: &str, usual: &str| variable(name).unwrap_or_else(|| usual.to_owned());
        let config = file("AWS_CONFIG_FILE", "~/.aws/config");
        let shared = file("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
        let disabled = variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value == "true");
        let environment = "the environment (AWS_ACCESS_KEY_ID)";
        let profile = format!("{} ({config}, {shared})", Profile::current());
        let looked = match disabled {
            true => format!("{environment} and {profile}"),
            false => format!("{environment}, {profile} and the metadata of this machine"),
        };
        Self::NoCredentials { looked }
    }

    pub(super) fn credentials(error: &CredentialsError) -> Self {
        // The metadata service comes last. What it answers on a machine outside of EC2 only means
        // that no credentials were found before.
        if matches!(error, CredentialsError::CredentialsNotLoaded(_)) || is_metadata(error) {
            return Self::no_credentials();
        }
        Self::Unusable { profile: Profile::current(), problem: one_line(&root_cause(error)) }
    }

    pub(super) fn unreachable(
        (region, from): (&str, &str),
        endpoint: Option<&str>,
        error: &(dyn Error + 'static),
    ) -> Self {
        let next = match endpoint {
            Some(_) => "check AWS_ENDPOINT_URL, or remove it to use AWS itself".to_owned(),
            None => format!("check the network, and the region `{region}` (from {from})"),
        };
        let usual = || format!("https://sts.{region}.amazonaws.com");
        Self::Unreachable {
            address: endpoint.map_or_else(usual, str::to_owned),
            problem: one_line(&root_cause(error)),
            next,
        }
    }

    pub(super) fn refused(error: CallError) -> Self {
        match error.kind {
            Kind::Throttled | Kind::Unanswered => Self::Call(error),
            _ => Self::Refused { profile: Profile::current(), error },
        }
    }
}

fn suggestion(similar: Option<&&str>) -> String {
    match similar {
        Some(similar) => format!("; did you mean `{similar}`?"),
        None => "; https://docs.aws.amazon.com/general/latest/gr/rande.html lists them".to_owned(),
    }
}

fn next_step(profile: &Profile, problem: &str) -> String {
    let single_sign_on = problem.to_lowercase().contains("sso");
    match (single_sign_on, &profile.0) {
        (true, Some(name)) => format!("run `aws sso login --profile {name}`"),
        (true, None) => "run `aws sso login`".to_owned(),
        (false, _) => HOW_TO_LOG_IN.to_owned(),
    }
}

fn is_metadata(error: &CredentialsError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<ImdsError>() {
            return true;
        }
        next = error.source();
    }
    false
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

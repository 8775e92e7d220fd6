//! What abtest's two Lambda functions share: Lambda's events become requests to the API, and
//! the environment becomes settings, once, at the start.
//!
//! | module | holds |
//! |---|---|
//! | [`event`] | API Gateway's events (REST, HTTP API, function URL) to requests |
//! | [`logs`] | one line of JSON for each thing worth telling |
//!
//! A function is deployed under a handler name (`_HANDLER`) that says what it does, whatever
//! path leads to it: so an endpoint of `extra_wiring` works, Gimel's handler names included.

pub mod event;
pub mod logs;

use std::sync::Arc;

use abtest_api::{AnswerBody, ApiKeys, OpenByWiring, RequestSummary};
use abtest_config::{StoreSettings, VariableError};
use abtest_model::{ApiKey, ApiKeyError, Handler, Program, Role};
use abtest_secrets::{Credentials, SecretError};
use abtest_store::redis::{RedisStore, SettingsError};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use lambda_http::{Error, Request, service_fn};

/// Most bytes of a body as a JSON string. Lambda's answers end at 6 MB, headers included.
pub const MAX_ANSWER_BYTES: usize = 5_500_000;

/// Why a function does not start. Lambda shows it in its log.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An environment variable has a value that cannot be used.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// A secret that the environment names cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A key of a variable cannot be one.
    #[error("environment variable {name}: {error}")]
    Key {
        /// The variable.
        name: &'static str,
        /// What is wrong with the key.
        error: ApiKeyError,
    },
    /// The Redis settings cannot be used.
    #[error(transparent)]
    Redis(#[from] SettingsError),
    /// `_HANDLER` names something that this binary does not do.
    #[error("_HANDLER is `{handler}`, which this function cannot be; use {}", .allowed.join(", "))]
    Handler {
        /// The name given.
        handler: String,
        /// The names that would do.
        allowed: Vec<&'static str>,
    },
}

/// What a function starts with.
pub struct Start {
    /// What it does.
    pub handler: Handler,
    /// The store: one, with one connection, for all invocations.
    pub store: Arc<RedisStore>,
    /// The operators' keys, beside those that the gateway checks.
    pub keys: ApiKeys,
}

/// Starts logging, and reads the settings from the environment.
///
/// # Errors
/// When a setting is wrong. The reason is logged.
pub async fn start(program: Program) -> Result<Start, Error> {
    logs::start();
    let variables = |name: &str| std::env::var(name).ok();
    let started = Start::read(program, variables).await;
    Ok(started.inspect_err(|error| tracing::error!(%error, "the function cannot start"))?)
}

/// The variable with the paths, separated by commas, at which everybody may read results.
const OPEN_PATHS: &str = "ABTEST_OPEN_PATHS";

/// Answers requests until Lambda ends the function.
///
/// # Errors
/// When Lambda's runtime API cannot be reached.
pub async fn serve<F, A>(answer: F) -> Result<(), Error>
where
    F: Fn(http::Request<Full<Bytes>>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<AnswerBody>> + Send,
{
    let open = std::env::var(OPEN_PATHS).unwrap_or_default();
    let open: Arc<[String]> = open.split(',').map(str::to_owned).collect();
    lambda_http::run(service_fn(move |request: Request| {
        let (answer, open) = (answer.clone(), Arc::clone(&open));
        async move {
            let mut request = event::request(request);
            if open.iter().any(|path| path == request.uri().path()) {
                request.extensions_mut().insert(OpenByWiring);
            }
            let method = request.method().clone();
            let response = answer(request).await;
            if let Some(summary) = response.extensions().get::<RequestSummary>() {
                logs::summary(response.status(), summary);
            }
            Ok::<_, std::convert::Infallible>(event::response(&method, response).await)
        }
    }))
    .await
}

impl Start {
    /// Reads the settings, and the secrets that they name; connects to no Redis yet.
    async fn read(
        program: Program,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, StartError> {
        let handler = handler(program, variables("_HANDLER").as_deref())?;
        let mut settings = StoreSettings::from_variables(&variables)?;
        let credentials = async || Credentials::from_variables(&variables);
        abtest_secrets::resolve(&mut settings, credentials).await?;
        let StoreSettings { redis, counting, limits } = settings;
        let store = Arc::new(RedisStore::new(&redis, limits, counting)?);
        // Two keys while one replaces the other, separated by a comma.
        let mut keys = ApiKeys::default();
        for (name, role) in [("ABTEST_API_KEY", Role::Edit), ("ABTEST_READ_KEY", Role::Read)] {
            let texts = variables(name).unwrap_or_default();
            let texts = texts.split(',').map(str::trim).filter(|key| !key.is_empty());
            let named = texts.map(ApiKey::new).collect::<Result<Vec<_>, _>>();
            keys = keys.with(role, &named.map_err(|error| StartError::Key { name, error })?);
        }
        Ok(Self { handler, store, keys })
    }
}

fn handler(program: Program, name: Option<&str>) -> Result<Handler, StartError> {
    // Default handler names carry no information.
    let Some(name) = name.filter(|name| !["", "bootstrap", "hello.handler"].contains(name)) else {
        return Ok(program.handler());
    };
    name.parse().ok().filter(|handler: &Handler| handler.program() == program).ok_or_else(|| {
        let names = Handler::NAMES.iter().filter(|(_, handler)| handler.program() == program);
        StartError::Handler {
            handler: name.to_owned(),
            allowed: names.map(|(name, _)| *name).collect(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_what_its_handler_says() {
        assert_eq!(handler(Program::Track, Some("gimel.track")).unwrap(), Handler::Track);
        assert_eq!(handler(Program::Experiments, Some("gimel.all")).unwrap(), Handler::GimelAll);
        assert_eq!(handler(Program::Experiments, Some("bootstrap")).unwrap(), Handler::Experiments);
        assert_eq!(handler(Program::Track, None).unwrap(), Handler::Track);
    }

    #[test]
    fn the_public_function_cannot_be_an_operators() {
        let error = handler(Program::Track, Some("gimel.all")).unwrap_err().to_string();
        assert!(error.contains("gimel.all") && error.contains("track, gimel.track"), "{error}");
    }

    async fn refusal(variable: &str, value: &str) -> String {
        let variables = |name: &str| (name == variable).then(|| value.to_owned());
        Start::read(Program::Track, variables).await.err().unwrap().to_string()
    }

    #[tokio::test]
    async fn a_wrong_variable_keeps_the_function_from_starting() {
        let error = refusal("ABTEST_REDIS_PORT", "x").await;
        assert!(error.contains("ABTEST_REDIS_PORT"), "{error}");
    }

    #[tokio::test]
    async fn a_short_key_keeps_the_function_from_starting() {
        let error = refusal("ABTEST_API_KEY", "0123456789abcdef,hunter2").await;
        assert!(error.contains("ABTEST_API_KEY") && error.contains("7 characters"), "{error}");
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_keeps_the_function_from_starting() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/redis";
        let error = refusal("ABTEST_REDIS_PASSWORD", arn).await;
        assert!(error.contains(arn) && error.contains("credentials"), "{error}");
    }
}

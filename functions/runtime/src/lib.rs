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

use abtest_api::analysis::Analyst;
use abtest_api::{Access, Api, RequestSummary, Settings};
use abtest_model::{Config, Handler, Program, Secret, config::ConfigError};
use abtest_secrets::{Credentials, SecretError};
use abtest_store::redis::{RedisStore, SettingsError};
use lambda_http::{Error, Request, service_fn};

/// Why a function does not start. Lambda shows it in its log.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment does not make a config.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A secret that the environment names cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
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

/// Runs a function until Lambda ends it: one store with one connection for all invocations. The
/// `analyst` says what the counts mean, where results are read.
///
/// # Errors
/// When the settings are wrong, or Lambda's runtime API cannot be reached.
pub async fn run(program: Program, analyst: Option<Analyst>) -> Result<(), Error> {
    logs::start();
    let variables = |name: &str| std::env::var(name).ok();
    let (api, handler) = start(program, analyst, variables).await.inspect_err(|error| {
        tracing::error!(%error, "the function cannot start");
    })?;
    let api = Arc::new(api);
    lambda_http::run(service_fn(move |request: Request| {
        let api = Arc::clone(&api);
        async move {
            let response = api.answer_as(handler, event::request(request)).await;
            if let Some(summary) = response.extensions().get::<RequestSummary>() {
                logs::summary(response.status(), summary);
            }
            Ok::<_, std::convert::Infallible>(event::response(response).await)
        }
    }))
    .await
}

/// Reads the settings, and the secrets that they name; connects to no Redis yet.
async fn start(
    program: Program,
    analyst: Option<Analyst>,
    variables: impl Fn(&str) -> Option<String>,
) -> Result<(Api<RedisStore>, Handler), StartError> {
    let handler = handler(program, variables("_HANDLER").as_deref())?;
    let mut config = Config::read(None, &variables)?;
    abtest_secrets::resolve(&mut config, async || Credentials::from_variables(&variables)).await?;
    let store = RedisStore::new(&config.redis, config.limits, config.counting)?;
    // Two keys while one replaces the other, separated by a comma.
    let keys = variables("ABTEST_API_KEY").unwrap_or_default();
    let access = Access::new(keys.split(',').map(|key| Secret::new(key.trim())));
    let settings = Settings { access, analyst, ..Settings::default() };
    Ok((Api::new(store, settings), handler))
}

fn handler(program: Program, name: Option<&str>) -> Result<Handler, StartError> {
    // `provided` runtimes hand over whatever was configured; these say nothing.
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
        start(Program::Track, None, variables).await.err().unwrap().to_string()
    }

    #[tokio::test]
    async fn a_wrong_variable_keeps_the_function_from_starting() {
        let error = refusal("ABTEST_REDIS_PORT", "x").await;
        assert!(error.contains("ABTEST_REDIS_PORT"), "{error}");
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_keeps_the_function_from_starting() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/redis";
        let error = refusal("ABTEST_REDIS_PASSWORD", arn).await;
        assert!(error.contains(arn) && error.contains("credentials"), "{error}");
    }
}

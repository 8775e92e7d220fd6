//! The config file. A Gimel `config.json` is a valid config.

use abtest_model::Counting;
use serde::Deserialize;

use crate::deployment::{DeploymentName, DeploymentSettings};
use crate::serve::ServeSettings;
use crate::store::{Limits, RedisConfig, StoreSettings};
use crate::variables::VariableError;
use crate::wiring::Wiring;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Members")]
pub struct Config {
    /// The deployment's name. Its functions' names begin with it.
    pub name: DeploymentName,
    /// What `abtest deploy` creates in AWS.
    pub aws: DeploymentSettings,
    /// How to reach the store: the members `redis`, `counting` and `limits`.
    pub store: StoreSettings,
    /// The choices for `abtest serve`.
    pub serve: ServeSettings,
    /// Endpoints in addition to the built-in ones.
    pub extra_wiring: Vec<Wiring>,
}

/// The members of the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Members {
    name: DeploymentName,
    aws: DeploymentSettings,
    redis: RedisConfig,
    counting: Counting,
    limits: Limits,
    serve: ServeSettings,
    extra_wiring: Vec<Wiring>,
}

impl From<Members> for Config {
    fn from(members: Members) -> Self {
        let Members { name, aws, redis, counting, limits, serve, extra_wiring } = members;
        let store = StoreSettings { redis, counting, limits };
        Self { name, aws, store, serve, extra_wiring }
    }
}

/// Why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not JSON, or a member is unknown or has the wrong type.
    #[error("{0}")]
    File(serde_json::Error),
    /// An environment variable has a value that cannot be used.
    #[error(transparent)]
    Variable(#[from] VariableError),
}

impl Config {
    /// Reads the config file's text, and then lets environment variables override it.
    ///
    /// # Errors
    /// The first problem, with its line and column or with the variable's name.
    pub fn read(
        file: Option<&str>,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut config = match file {
            Some(text) => serde_json::from_str(text).map_err(ConfigError::File)?,
            None => Self::default(),
        };
        config.store.override_with(&variables)?;
        config.serve.override_with(&variables)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Limits;

    const GIMEL: &str = r#"{
        "redis": {"host": "redis.example", "port": 6380, "password": "hush"},
        "extra_wiring": [{
            "lambda": {"FunctionName": "gimel-track", "Handler": "gimel.track",
                       "MemorySize": 128, "Timeout": 3},
            "api_gateway": {"pathPart": "kcart", "method": {
                "httpMethod": "GET", "apiKeyRequired": false,
                "requestParameters": {"method.request.querystring.uuid": false}}}}]}"#;

    #[test]
    fn gimels_config_is_taken_as_it_is() {
        let config = Config::read(Some(GIMEL), |_| None).unwrap();
        assert_eq!(config.store.redis.host, "redis.example");
        assert_eq!(config.store.redis.port, 6380);
        assert_eq!(config.extra_wiring[0].api_gateway.path_part, "kcart");
        assert_eq!(config.store.limits, Limits::default());
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let config = Config::read(Some(GIMEL), |variable| match variable {
            "ABTEST_REDIS_HOST" => Some("other".into()),
            "ABTEST_REDIS_TLS" => Some("true".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(config.store.redis.host, "other");
        assert!(config.store.redis.tls);
        assert_eq!(config.store.redis.password.unwrap().expose(), "hush");
    }

    #[test]
    fn an_unknown_member_is_named_with_line_and_column() {
        let error = Config::read(Some("{\n  \"redsi\": {}\n}"), |_| None).unwrap_err().to_string();
        assert!(error.contains("redsi") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        let config = Config::read(Some(GIMEL), |_| None).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}

//! The config file, and the environment variables that override it.
//!
//! This module only turns text into types: reading files and the environment is for the edge.
//! A Gimel `config.json` is a valid config.

use std::time::Duration;

use serde::Deserialize;

use crate::handler::{Handler, Method};
use crate::secret::Secret;
use crate::tally::Counting;

mod deployment;
mod reference;
mod variables;

pub use deployment::{Architecture, DeploymentName, DeploymentSettings, Throttle};
pub use reference::SecretReference;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the deployment is called: its functions' names begin with it.
    pub name: DeploymentName,
    /// What `abtest deploy` makes in AWS.
    pub aws: DeploymentSettings,
    /// Where the counters are.
    pub redis: RedisConfig,
    /// How experiments that begin from now on are counted in Redis.
    pub counting: Counting,
    /// How much the open world may make a namespace hold.
    pub limits: Limits,
    /// Endpoints beside the built-in ones.
    pub extra_wiring: Vec<Wiring>,
}

/// How to reach Redis.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// `redis://` or `rediss://` address; when given, it stands for host, port, db, username,
    /// password and tls.
    pub url: Option<Secret>,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database number.
    pub db: u32,
    /// ACL user (Redis 6 and later).
    pub username: Option<String>,
    /// Password of the user, or of the server.
    pub password: Option<Secret>,
    /// Whether to speak TLS.
    #[serde(alias = "ssl")]
    pub tls: bool,
    /// Certificates (PEM) of an authority of one's own, instead of the public ones.
    pub tls_ca: Option<String>,
    /// Whether the address is a node of a Redis Cluster; it needs `"counting": "exact"`.
    pub cluster: bool,
    /// How long a connection may take to be made, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long an answer may take, in milliseconds.
    pub response_timeout_ms: u64,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            host: "127.0.0.1".into(),
            port: 6379,
            db: 0,
            username: None,
            password: None,
            tls: false,
            tls_ca: None,
            cluster: false,
            connect_timeout_ms: 1_000,
            response_timeout_ms: 1_000,
        }
    }
}

impl RedisConfig {
    /// How long a connection may take to be made.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// How long an answer may take.
    pub fn response_timeout(&self) -> Duration {
        Duration::from_millis(self.response_timeout_ms)
    }
}

/// How much the open world may make the store hold. Past a limit whatever is *new* is refused;
/// what is known goes on counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Namespaces in the store.
    pub namespaces: u32,
    /// Experiments in a namespace.
    pub experiments: u32,
    /// Counters (goal and variant of an experiment) in a namespace.
    pub counters: u32,
    /// Counters in one experiment, so that one experiment cannot use up its namespace.
    pub counters_per_experiment: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            namespaces: 16,
            experiments: 1_000,
            counters: 20_000,
            counters_per_experiment: 1_000,
        }
    }
}

/// An endpoint: a function and the path and method under which it is reached. The members are
/// Gimel's, which are AWS's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wiring {
    /// The function.
    pub lambda: WiredFunction,
    /// Where it is reached.
    pub api_gateway: WiredEndpoint,
}

/// A Lambda function of an endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WiredFunction {
    /// The function's name.
    #[serde(rename = "FunctionName")]
    pub function_name: String,
    /// What the function does: `track`, `experiments`, or one of Gimel's handler names.
    #[serde(rename = "Handler")]
    pub handler: Handler,
    /// Memory in MiB.
    #[serde(rename = "MemorySize")]
    pub memory_size: u32,
    /// Time limit in seconds.
    #[serde(rename = "Timeout")]
    pub timeout: u32,
}

/// A path and method of the REST API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WiredEndpoint {
    /// The path below the stage, without slashes around it.
    #[serde(rename = "pathPart")]
    pub path_part: String,
    /// The method.
    pub method: WiredMethod,
}

/// A method of an endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WiredMethod {
    /// GET, POST or DELETE.
    #[serde(rename = "httpMethod")]
    pub http_method: Method,
    /// Whether the gateway asks for the API key.
    #[serde(rename = "apiKeyRequired", default)]
    pub api_key_required: bool,
    /// The parameters that the gateway knows, and whether each is required.
    #[serde(rename = "requestParameters", default)]
    pub request_parameters: std::collections::BTreeMap<String, bool>,
}

/// Why a config is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON, a member that is not known, or one of the wrong type.
    #[error("{0}")]
    File(serde_json::Error),
    /// An environment variable that does not parse.
    #[error("environment variable {variable}: {problem}")]
    Variable {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with its value, without the value, which may be a secret.
        problem: String,
    },
}

impl Config {
    /// Reads the config file's text, then lets environment variables override it.
    ///
    /// # Errors
    /// On the first thing that is wrong, with line and column or with the variable's name.
    pub fn read(
        file: Option<&str>,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut config = match file {
            Some(text) => serde_json::from_str(text).map_err(ConfigError::File)?,
            None => Self::default(),
        };
        config.apply(&variables)?;
        Ok(config)
    }

    fn apply(&mut self, variables: &impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        let Self { redis, counting, limits, name: _, aws: _, extra_wiring: _ } = self;
        if let Some(url) = variables("ABTEST_REDIS_URL") {
            redis.url = Some(Secret::new(url));
        }
        if let Some(username) = variables("ABTEST_REDIS_USERNAME") {
            redis.username = Some(username);
        }
        if let Some(password) = variables("ABTEST_REDIS_PASSWORD") {
            redis.password = Some(Secret::new(password));
        }
        if let Some(certificates) = variables("ABTEST_REDIS_TLS_CA") {
            redis.tls_ca = Some(certificates);
        }
        set(&mut redis.host, "ABTEST_REDIS_HOST", variables)?;
        set(&mut redis.port, "ABTEST_REDIS_PORT", variables)?;
        set(&mut redis.db, "ABTEST_REDIS_DB", variables)?;
        set(&mut redis.tls, "ABTEST_REDIS_TLS", variables)?;
        set(&mut redis.cluster, "ABTEST_REDIS_CLUSTER", variables)?;
        set(&mut redis.connect_timeout_ms, "ABTEST_REDIS_CONNECT_TIMEOUT_MS", variables)?;
        set(&mut redis.response_timeout_ms, "ABTEST_REDIS_RESPONSE_TIMEOUT_MS", variables)?;
        set(counting, "ABTEST_COUNTING", variables)?;
        set(&mut limits.namespaces, "ABTEST_LIMITS_NAMESPACES", variables)?;
        set(&mut limits.experiments, "ABTEST_LIMITS_EXPERIMENTS", variables)?;
        set(&mut limits.counters, "ABTEST_LIMITS_COUNTERS", variables)?;
        set(&mut limits.counters_per_experiment, "ABTEST_LIMITS_COUNTERS_PER_EXPERIMENT", variables)
    }
}

fn set<T>(
    value: &mut T,
    variable: &'static str,
    variables: &impl Fn(&str) -> Option<String>,
) -> Result<(), ConfigError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    if let Some(text) = variables(variable) {
        *value = text.parse().map_err(|problem: T::Err| ConfigError::Variable {
            variable,
            problem: problem.to_string(),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(config.redis.host, "redis.example");
        assert_eq!(config.redis.port, 6380);
        assert_eq!(config.extra_wiring[0].api_gateway.path_part, "kcart");
        assert_eq!(config.limits, Limits::default());
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let config = Config::read(Some(GIMEL), |variable| match variable {
            "ABTEST_REDIS_HOST" => Some("other".into()),
            "ABTEST_REDIS_TLS" => Some("true".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(config.redis.host, "other");
        assert!(config.redis.tls);
        assert_eq!(config.redis.password.unwrap().expose(), "hush");
    }

    #[test]
    fn an_unknown_member_is_named_with_line_and_column() {
        let error = Config::read(Some("{\n  \"redsi\": {}\n}"), |_| None).unwrap_err().to_string();
        assert!(error.contains("redsi") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_bad_variable_is_named_and_its_value_is_not_shown() {
        let error = Config::read(None, |variable| {
            (variable == "ABTEST_REDIS_PORT").then(|| "hunter2".into())
        })
        .unwrap_err()
        .to_string();
        assert!(error.contains("ABTEST_REDIS_PORT") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        let config = Config::read(Some(GIMEL), |_| None).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}

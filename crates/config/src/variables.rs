//! The settings of the store as environment variables. `abtest deploy` writes them, and the
//! deployed functions read them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use abtest_model::Secret;

use crate::store::{Limits, RedisConfig, StoreSettings};

/// An environment variable whose value cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {variable}: {problem}")]
pub struct VariableError {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with its value. The value itself is left out, because it may be a secret.
    pub problem: String,
}

impl StoreSettings {
    /// The settings that the variables give. Settings without a variable have their default.
    ///
    /// # Errors
    /// When a variable's value cannot be used.
    pub fn from_variables(
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, VariableError> {
        let mut settings = Self::default();
        settings.override_with(variables)?;
        Ok(settings)
    }

    /// Replaces each setting that has a variable.
    ///
    /// # Errors
    /// When a variable's value cannot be used.
    pub fn override_with(
        &mut self,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<(), VariableError> {
        let variables = &variables;
        let Self { redis, counting, limits } = self;
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
        set(
            &mut limits.counters_per_experiment,
            "ABTEST_LIMITS_COUNTERS_PER_EXPERIMENT",
            variables,
        )?;
        set(&mut limits.namespaces_per_hour, "ABTEST_LIMITS_NAMESPACES_PER_HOUR", variables)?;
        set(&mut limits.experiments_per_hour, "ABTEST_LIMITS_EXPERIMENTS_PER_HOUR", variables)?;
        set(&mut limits.counters_per_hour, "ABTEST_LIMITS_COUNTERS_PER_HOUR", variables)
    }

    /// The variables that make [`from_variables`](Self::from_variables) return these settings. A
    /// setting with its default value has no variable.
    pub fn variables(&self) -> BTreeMap<&'static str, Secret> {
        let defaults = Self::default();
        let mut variables = BTreeMap::new();
        redis(&self.redis, &defaults.redis, &mut variables);
        put("ABTEST_COUNTING", &self.counting, &defaults.counting, &mut variables);
        limits(self.limits, defaults.limits, &mut variables);
        variables
    }
}

type Variables = BTreeMap<&'static str, Secret>;

fn redis(redis: &RedisConfig, defaults: &RedisConfig, variables: &mut Variables) {
    let RedisConfig {
        url,
        host,
        port,
        db,
        username,
        password,
        tls,
        tls_ca,
        cluster,
        connect_timeout_ms,
        response_timeout_ms,
    } = redis;
    let mut text = |name, value: &Option<String>| {
        variables.extend(value.as_ref().map(|value| (name, Secret::new(value.as_str()))));
    };
    text("ABTEST_REDIS_USERNAME", username);
    text("ABTEST_REDIS_TLS_CA", tls_ca);
    variables.extend(url.clone().map(|url| ("ABTEST_REDIS_URL", url)));
    variables.extend(password.clone().map(|password| ("ABTEST_REDIS_PASSWORD", password)));
    put("ABTEST_REDIS_HOST", host, &defaults.host, variables);
    put("ABTEST_REDIS_PORT", port, &defaults.port, variables);
    put("ABTEST_REDIS_DB", db, &defaults.db, variables);
    put("ABTEST_REDIS_TLS", tls, &defaults.tls, variables);
    put("ABTEST_REDIS_CLUSTER", cluster, &defaults.cluster, variables);
    let connect = (connect_timeout_ms, &defaults.connect_timeout_ms);
    put("ABTEST_REDIS_CONNECT_TIMEOUT_MS", connect.0, connect.1, variables);
    let response = (response_timeout_ms, &defaults.response_timeout_ms);
    put("ABTEST_REDIS_RESPONSE_TIMEOUT_MS", response.0, response.1, variables);
}

fn limits(limits: Limits, defaults: Limits, variables: &mut Variables) {
    let Limits {
        namespaces,
        experiments,
        counters,
        counters_per_experiment,
        namespaces_per_hour,
        experiments_per_hour,
        counters_per_hour,
    } = limits;
    let per_experiment = (counters_per_experiment, defaults.counters_per_experiment);
    for (name, value, default) in [
        ("ABTEST_LIMITS_NAMESPACES", namespaces, defaults.namespaces),
        ("ABTEST_LIMITS_EXPERIMENTS", experiments, defaults.experiments),
        ("ABTEST_LIMITS_COUNTERS", counters, defaults.counters),
        ("ABTEST_LIMITS_COUNTERS_PER_EXPERIMENT", per_experiment.0, per_experiment.1),
        ("ABTEST_LIMITS_NAMESPACES_PER_HOUR", namespaces_per_hour, defaults.namespaces_per_hour),
        ("ABTEST_LIMITS_EXPERIMENTS_PER_HOUR", experiments_per_hour, defaults.experiments_per_hour),
        ("ABTEST_LIMITS_COUNTERS_PER_HOUR", counters_per_hour, defaults.counters_per_hour),
    ] {
        put(name, &value, &default, variables);
    }
}

fn put<T: PartialEq + ToString>(
    name: &'static str,
    value: &T,
    default: &T,
    variables: &mut Variables,
) {
    if value != default {
        variables.insert(name, Secret::new(value.to_string()));
    }
}

/// Replaces a setting if it has a variable.
pub(crate) fn set<T>(
    setting: &mut T,
    variable: &'static str,
    variables: &impl Fn(&str) -> Option<String>,
) -> Result<(), VariableError>
where
    T: FromStr,
    T::Err: Display,
{
    if let Some(value) = value(variable, variables)? {
        *setting = value;
    }
    Ok(())
}

/// The value of a variable, if it is set.
pub(crate) fn value<T>(
    variable: &'static str,
    variables: &impl Fn(&str) -> Option<String>,
) -> Result<Option<T>, VariableError>
where
    T: FromStr,
    T::Err: Display,
{
    let wrong = |problem: T::Err| VariableError { variable, problem: problem.to_string() };
    variables(variable).map(|text| text.parse().map_err(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_model::Counting;
    use proptest::prelude::*;

    fn settings() -> impl Strategy<Value = StoreSettings> {
        let text = || proptest::option::of("[ -~]{1,20}");
        let redis = (text(), "[a-z.]{1,20}", 1_u16.., 0_u32..16, text(), text(), any::<bool>())
            .prop_map(|(url, host, port, db, username, password, tls)| RedisConfig {
                url: url.map(Secret::new),
                host,
                port,
                db,
                username,
                password: password.map(Secret::new),
                tls,
                ..RedisConfig::default()
            });
        let limits = any::<[u32; 7]>().prop_map(
            |[
                namespaces,
                experiments,
                counters,
                counters_per_experiment,
                namespaces_per_hour,
                experiments_per_hour,
                counters_per_hour,
            ]| Limits {
                namespaces,
                experiments,
                counters,
                counters_per_experiment,
                namespaces_per_hour,
                experiments_per_hour,
                counters_per_hour,
            },
        );
        let exact = (any::<bool>(), any::<bool>());
        (redis, limits, any::<u64>(), exact).prop_map(|(mut redis, limits, timeout, exact)| {
            redis.connect_timeout_ms = timeout;
            redis.response_timeout_ms = timeout / 2;
            redis.cluster = exact.0;
            let counting = if exact.1 { Counting::Exact } else { Counting::Hll };
            StoreSettings { redis, counting, limits }
        })
    }

    #[test]
    fn a_bad_variable_is_named_and_its_value_is_not_shown() {
        let port = |variable: &str| (variable == "ABTEST_REDIS_PORT").then(|| "hunter2".into());
        let error = StoreSettings::from_variables(port).unwrap_err().to_string();
        assert!(error.contains("ABTEST_REDIS_PORT") && !error.contains("hunter2"), "{error}");
    }

    proptest! {
        #[test]
        fn a_function_reads_the_settings_that_were_deployed(settings in settings()) {
            let variables = settings.variables();
            let read = StoreSettings::from_variables(|name| {
                variables.get(name).map(|value| value.expose().to_owned())
            });
            prop_assert_eq!(read.unwrap(), settings);
        }
    }
}

//! The config as environment variables: how a deployed function gets it.

use std::collections::BTreeMap;

use super::{Config, Limits, RedisConfig};
use crate::secret::Secret;

impl Config {
    /// The variables that make [`Config::read`] give the same Redis and limits without a file.
    /// Only what differs from the default.
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
    let Limits { namespaces, experiments, counters, counters_per_experiment } = limits;
    put("ABTEST_LIMITS_NAMESPACES", &namespaces, &defaults.namespaces, variables);
    put("ABTEST_LIMITS_EXPERIMENTS", &experiments, &defaults.experiments, variables);
    put("ABTEST_LIMITS_COUNTERS", &counters, &defaults.counters, variables);
    put(
        "ABTEST_LIMITS_COUNTERS_PER_EXPERIMENT",
        &counters_per_experiment,
        &defaults.counters_per_experiment,
        variables,
    );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Counting;
    use proptest::prelude::*;

    fn config() -> impl Strategy<Value = Config> {
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
        let limits = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
            |(namespaces, experiments, counters, counters_per_experiment)| Limits {
                namespaces,
                experiments,
                counters,
                counters_per_experiment,
            },
        );
        let exact = (any::<bool>(), any::<bool>());
        (redis, limits, any::<u64>(), exact).prop_map(|(mut redis, limits, timeout, exact)| {
            redis.connect_timeout_ms = timeout;
            redis.response_timeout_ms = timeout / 2;
            redis.cluster = exact.0;
            let counting = if exact.1 { Counting::Exact } else { Counting::Hll };
            Config { redis, counting, limits, ..Config::default() }
        })
    }

    proptest! {
        #[test]
        fn a_function_reads_from_its_variables_what_the_file_said(config in config()) {
            let variables = config.variables();
            let read = Config::read(None, |name| {
                variables.get(name).map(|value| value.expose().to_owned())
            });
            prop_assert_eq!(read.unwrap(), config);
        }
    }
}

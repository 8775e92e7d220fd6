//! Checks of the server that will hold the counters.

use abtest_model::Config;
use abtest_store::redis::inspect::{ServerReport, inspect};
use abtest_wiring::endpoints::Endpoints;

use super::Check;
use crate::secrets;

/// Copies of all functions that may run at once where nothing limits them: Lambda's default for
/// an account.
const LAMBDA_DEFAULT: u64 = 1_000;

/// What a counter of each experiment can take: 12 KiB and the keys around it.
const COUNTER_BYTES: u64 = 13 * 1_024;

pub(super) async fn checks(config: &Config) -> Vec<Check> {
    let mut config = config.clone();
    if let Err(error) = secrets::resolve(&mut config).await {
        let next = "Redis is checked when its secret can be read from here";
        return vec![Check::failed_with("Redis", error.to_string(), next)];
    }
    let config = &config;
    let server = match inspect(&config.redis).await {
        Ok(server) => server,
        Err(error) => {
            let next = "check redis.host, redis.port, redis.password and redis.tls with \
                        `abtest configure`; the server must be reachable from here and from Lambda";
            return vec![Check::failed_with("Redis", error.to_string(), next)];
        }
    };
    vec![
        reachable(&server),
        tls(config),
        version(&server),
        eviction(&server),
        memory(config, &server),
        connections(config, &server),
    ]
}

fn reachable(server: &ServerReport) -> Check {
    let milliseconds = |duration: std::time::Duration| duration.as_secs_f64() * 1_000.0;
    let found = format!(
        "answers in {:.1} ms, {:.1} ms with a new connection",
        milliseconds(server.round_trip),
        milliseconds(server.first_answer)
    );
    Check::passed("Redis", found)
}

fn tls(config: &Config) -> Check {
    const NAME: &str = "Redis TLS";
    let redis = &config.redis;
    let url = redis.url.as_ref().map(|url| url.expose().to_owned());
    let tls = url.as_ref().map_or(redis.tls, |url| url.starts_with("rediss://"));
    let local = ["127.0.0.1", "localhost", "::1"];
    if tls {
        return Check::passed(NAME, "encrypted");
    }
    if local.contains(&redis.host.as_str()) && url.is_none() {
        let next = "set redis.host to a server that Lambda can reach";
        return Check::warned(NAME, "not encrypted, on this machine only", next);
    }
    let next = "set redis.tls to true, unless Lambda reaches it through a private network";
    Check::warned(NAME, "not encrypted: the password travels readable", next)
}

fn version(server: &ServerReport) -> Check {
    const NAME: &str = "Redis version";
    if server.version_numbers() >= (6, 2) {
        return Check::passed(NAME, server.version.clone());
    }
    let found = format!("{} is too old", server.version);
    Check::failed_with(NAME, found, "use Redis 6.2 or later, or Valkey")
}

fn eviction(server: &ServerReport) -> Check {
    const NAME: &str = "eviction";
    let policy = &server.eviction_policy;
    if server.may_drop_counters() {
        let found = format!("{policy} drops counters when memory is full");
        return Check::failed_with(NAME, found, "set maxmemory-policy to noeviction");
    }
    Check::passed(NAME, format!("{policy}: counters stay when memory is full"))
}

fn memory(config: &Config, server: &ServerReport) -> Check {
    const NAME: &str = "memory";
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let Some(left) = server.memory_left() else {
        return Check::passed(NAME, format!("{} used, no limit", megabytes(server.used_memory)));
    };
    let counters = left / COUNTER_BYTES;
    let found = format!("{} left: {counters} counters of 12 KiB at least", megabytes(left));
    if counters < 100 {
        let next = "take a larger plan, or delete what is not needed";
        return Check::failed_with(NAME, found, next);
    }
    if counters < u64::from(config.limits.counters) {
        let next = format!(
            "set limits.counters (now {}) to {counters}, so that a stranger cannot fill it",
            config.limits.counters
        );
        return Check::warned(NAME, found, next);
    }
    Check::passed(NAME, found)
}

fn connections(config: &Config, server: &ServerReport) -> Check {
    const NAME: &str = "connections";
    let Some(limit) = server.connection_limit else {
        return Check::warned(NAME, "the server does not say how many it takes", "see your plan");
    };
    let functions = Endpoints::new(&config.name, &config.extra_wiring)
        .map_or(2, |endpoints| endpoints.functions.len() as u64);
    let asked = match config.aws.reserved_concurrency {
        Some(copies) => u64::from(copies) * functions,
        None => LAMBDA_DEFAULT,
    };
    let left = limit.saturating_sub(server.connections);
    let found = format!("{left} of {limit} free; Lambda may ask for {asked}");
    if asked <= left {
        return Check::passed(NAME, found);
    }
    let next = format!(
        "set aws.reserved_concurrency to {} at most, or take a larger plan",
        (left / functions).max(1)
    );
    Check::warned(NAME, found, next)
}

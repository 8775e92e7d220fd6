//! Checks of the server that stores the counters.

use abtest_config::{Config, Endpoints};
use abtest_store::StoreError;
use abtest_store::redis::inspect::{Eviction, InspectError, ServerReport, inspect};

use super::Check;
use crate::secrets;

/// How many copies of all functions may run at once without a limit: Lambda's default per account.
const LAMBDA_DEFAULT: u64 = 1_000;

/// The most memory that a counter can take: 12 KiB and its share of the keys around it.
const COUNTER_BYTES: u64 = 13 * 1_024;

/// `mocked` says that a mock replaces AWS. It may run on this machine.
pub(super) async fn checks(config: &Config, mocked: bool) -> Vec<Check> {
    let mut config = config.clone();
    if let Err(error) = secrets::resolve(&mut config).await {
        let next = "give your AWS user the permission to read the secret, then run this again";
        return vec![Check::failed_with("Redis", error.to_string(), next)];
    }
    let config = &config;
    if let Some(check) = local_host(config).filter(|_| !mocked) {
        return vec![check];
    }
    let server = match inspect(&config.store.redis).await {
        Ok(server) => server,
        // The message names the member to change.
        Err(error @ InspectError::Settings(_)) => return vec![Check::error("Redis", &error)],
        Err(InspectError::Store(StoreError::Settings(error))) => {
            return vec![Check::error("Redis", &error)];
        }
        Err(error) => {
            let next = "check redis.host, redis.port and redis.tls with \
                        `abtest configure`; this machine and Lambda must both reach the server";
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

/// Fails for a server on this machine: Lambda can never reach it.
fn local_host(config: &Config) -> Option<Check> {
    let host = config.store.redis.url.as_ref().and_then(|url| {
        let address = url.expose().split_once("://")?.1;
        let authority = address.split(['/', '?']).next()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let port = host.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
        Some(port.map_or(host, |(host, _)| host).to_owned())
    });
    let host = host.unwrap_or_else(|| config.store.redis.host.clone());
    let address = host.trim_matches(['[', ']']);
    let is_local = address.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    is_local.then(|| {
        let found = format!("{host} is this machine, which Lambda cannot reach");
        let next = "run `abtest configure --set redis.host=…` with the address of a server that \
                    Lambda can reach";
        Check::failed_with("Redis", found, next)
    })
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
    let redis = &config.store.redis;
    let url = redis.url.as_ref().map(|url| url.expose().to_owned());
    let tls = url.as_ref().map_or(redis.tls, |url| url.starts_with("rediss://"));
    if tls {
        return Check::passed(NAME, "encrypted");
    }
    let next = "set redis.tls to true, unless Lambda reaches it through a private network";
    Check::warned(NAME, "not encrypted; others on the network can read the password", next)
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
    const NEXT: &str = "set maxmemory-policy to noeviction";
    let policy = &server.eviction_policy;
    match server.eviction() {
        Eviction::Never => {
            Check::passed(NAME, format!("{policy}: counters stay when memory is full"))
        }
        Eviction::WithALimit => {
            let found = format!("{policy} would delete counters if maxmemory were set");
            Check::warned(NAME, found, NEXT)
        }
        Eviction::Deletes => {
            let found = format!("{policy} deletes counters when memory is full");
            Check::failed_with(NAME, found, NEXT)
        }
        Eviction::Unknown => {
            let found = "the server does not say what it does when memory is full";
            Check::warned(NAME, found, "make sure that maxmemory-policy is noeviction")
        }
    }
}

fn memory(config: &Config, server: &ServerReport) -> Check {
    const NAME: &str = "memory";
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let Some(left) = server.memory_left() else {
        return Check::passed(NAME, format!("{} used, no limit", megabytes(server.used_memory)));
    };
    let counters = left / COUNTER_BYTES;
    let found = format!("{} left, enough for at least {counters} counters", megabytes(left));
    if counters < 100 {
        let next = "get a larger server, or delete experiments";
        return Check::failed_with(NAME, found, next);
    }
    if counters < u64::from(config.store.limits.counters) {
        let next = format!(
            "set limits.counters (now {}) to {counters}, so that strangers cannot fill the memory",
            config.store.limits.counters
        );
        return Check::warned(NAME, found, next);
    }
    Check::passed(NAME, found)
}

fn connections(config: &Config, server: &ServerReport) -> Check {
    const NAME: &str = "connections";
    let Some(limit) = server.connection_limit else {
        return Check::warned(
            NAME,
            "the server does not say how many it allows",
            "check your plan",
        );
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
        "set aws.reserved_concurrency to {} at most, or get a larger server",
        (left / functions).max(1)
    );
    Check::warned(NAME, found, next)
}

#[cfg(test)]
mod tests {
    use abtest_model::Secret;

    use super::*;

    #[test]
    fn a_server_on_this_machine_is_found_whichever_way_it_is_written() {
        let with = |host: &str, url: Option<&str>| {
            let mut config = Config::default();
            config.store.redis.host = host.to_owned();
            config.store.redis.url = url.map(Secret::new);
            local_host(&config).is_some()
        };
        assert!(with("127.0.0.1", None) && with("LocalHost", None) && with("::1", None));
        assert!(with("redis.example", Some("redis://127.0.0.1:6379/0")));
        assert!(with("redis.example", Some("rediss://me:p@ss@[::1]:6379")));
        assert!(!with("redis.example", None) && !with("10.0.0.7", None));
        assert!(!with("127.0.0.1", Some("redis://redis.example")));
    }
}

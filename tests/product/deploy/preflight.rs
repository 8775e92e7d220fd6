//! `abtest preflight`.

use std::process::Command;

use abtest_tests::aws::{Aws, Fault};
use abtest_tests::redis::Redis;
use serde_json::{Value, json};

use super::{Laptop, artifacts, wiring};

/// Runs preflight and returns its exit code and its checks.
fn checks(command: &mut Command) -> (Option<i32>, Vec<Value>) {
    let output = command.args(["--artifacts", artifacts().to_str().unwrap()]).output().unwrap();
    let checks = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), checks)
}

fn check<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    let check = checks.iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("no {name} in {checks:?}"))
}

#[test]
fn members_that_are_not_filled_in_are_named_with_the_command_that_sets_them() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    laptop.change(|config| {
        config["redis"]["host"] = "ENTER YOUR REDIS HOST".into();
        config["redis"]["password"] = "ENTER YOUR REDIS PASSWORD".into();
    });
    let preflight = || aws.abtest_command(laptop.path(), &["preflight", "--json"]);
    let (code, all) = checks(&mut preflight());
    assert_eq!(code, Some(1));
    assert_eq!(check(&all, "config")["found"], "not filled in: redis.host, redis.password");
    let next = check(&all, "config")["next"].as_str().unwrap();
    assert!(next.contains("--set redis.host=… --set redis.password=…"), "{next}");
    let filled = [("ABTEST_REDIS_HOST", "127.0.0.1"), ("ABTEST_REDIS_PASSWORD", "hush")];
    let (_, all) = checks(preflight().envs(filled));
    assert_eq!(check(&all, "config")["outcome"], "passed");
}

#[test]
fn a_redis_on_this_machine_is_an_error_with_aws_itself() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    let mut command = aws.abtest_command(laptop.path(), &["preflight", "--json"]);
    // Without the mock's endpoint and without credentials, nothing outside is called.
    for name in ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    let (code, all) = checks(&mut command);
    assert_eq!(code, Some(1));
    assert_eq!(check(&all, "Redis")["outcome"], "failed");
    let found = "127.0.0.1 is this machine, which Lambda cannot reach";
    assert_eq!(check(&all, "Redis")["found"], found);
    assert_eq!(aws.calls(), 0);
}

#[test]
fn results_that_anyone_can_read_are_a_warning() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(1));
    laptop.change(|config| {
        let mut open = wiring("open-all", "gimel.all", "all");
        open["api_gateway"]["method"]["apiKeyRequired"] = false.into();
        config["extra_wiring"] = json!([open, wiring("closed", "gimel.experiment", "one")]);
    });
    let (_, all) = checks(&mut aws.abtest_command(laptop.path(), &["preflight", "--json"]));
    let warning = check(&all, "public results");
    assert_eq!(warning["outcome"], "warned");
    assert_eq!(warning["found"], "anyone can read the results at GET /all (gimel.all)");
}

#[test]
fn preflight_runs_all_checks_and_says_what_to_do() {
    let (aws, redis) =
        (Aws::start(), Redis::start_with(&["--maxmemory", "40mb", "--maxclients", "50"]));
    let mut laptop = Laptop::new(redis.port());
    let preflight =
        |laptop: &Laptop| checks(&mut aws.abtest_command(laptop.path(), &["preflight", "--json"]));
    let outcome = |checks: &[Value], name: &str| check(checks, name)["outcome"].clone();
    let (code, all) = preflight(&laptop);
    assert_eq!(code, Some(0), "{all:?}");
    assert_eq!(outcome(&all, "Redis"), "passed");
    assert_eq!(outcome(&all, "connections"), "warned");
    assert_eq!(outcome(&all, "memory"), "warned");
    assert_eq!(outcome(&all, "credentials"), "passed");

    redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    aws.fail_each(|_| Some(Fault::Denied));
    laptop.change(|config| config["extra_wiring"] = json!([wiring("f", "gimel.track", "track")]));
    let config = laptop.path().join("config.json");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(config, mode).unwrap();
    let (code, all) = preflight(&laptop);
    assert_eq!(code, Some(1));
    for name in ["config mode", "wiring", "eviction", "credentials"] {
        assert_eq!(outcome(&all, name), "failed", "{name}");
    }
    assert_eq!(outcome(&all, "artifacts"), "passed");
    aws.heal();
    redis.command(&["SHUTDOWN", "NOSAVE"]);
    let (_, all) = preflight(&laptop);
    assert_eq!(outcome(&all, "Redis"), "failed");
    assert_eq!(outcome(&all, "credentials"), "passed");
}

//! `abtest preflight`.

use abtest_tests::aws::{Aws, Fault};
use abtest_tests::redis::Redis;
use serde_json::{Value, json};

use super::{Laptop, artifacts, wiring};

#[test]
fn preflight_runs_all_checks_and_says_what_to_do() {
    let (aws, redis) =
        (Aws::start(), Redis::start_with(&["--maxmemory", "40mb", "--maxclients", "50"]));
    let mut laptop = Laptop::new(redis.port());
    let artifacts = artifacts();
    let arguments = ["preflight", "--json", "--artifacts", artifacts.to_str().unwrap()];
    let checks = |aws: &Aws, laptop: &Laptop| -> (Option<i32>, Vec<Value>) {
        let output = aws.abtest(laptop.path(), &arguments);
        let checks = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), checks)
    };
    let outcome = |checks: &[Value], name: &str| {
        let check = checks.iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("no {name} in {checks:?}"))["outcome"].clone()
    };
    let (code, all) = checks(&aws, &laptop);
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
    let (code, all) = checks(&aws, &laptop);
    assert_eq!(code, Some(1));
    for name in ["config mode", "wiring", "eviction", "credentials"] {
        assert_eq!(outcome(&all, name), "failed", "{name}");
    }
    assert_eq!(outcome(&all, "artefacts"), "passed");
    aws.heal();
    redis.command(&["SHUTDOWN", "NOSAVE"]);
    let (_, all) = checks(&aws, &laptop);
    assert_eq!(outcome(&all, "Redis"), "failed");
    assert_eq!(outcome(&all, "credentials"), "passed");
}

//! `abtest deploy`: what it makes, changes and leaves alone.

use abtest_tests::aws::Aws;
use serde_json::{Value, json};

use super::{Laptop, artifacts, succeeded, wiring};

#[test]
fn the_first_deploy_makes_everything_and_the_second_changes_nothing() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    let first = succeeded(&laptop.deploy(&aws));
    assert!(first.contains("✓ created function abtest-track"), "{first}");
    assert!(first.contains("/prod/track") && first.contains("AlephBet.GimelAdapter"), "{first}");
    let account = aws.account();
    let track = &account["functions"]["abtest-track"];
    assert_eq!(track["latest"]["Runtime"], "provided.al2023");
    assert_eq!(track["latest"], track["live"]["live"]);
    assert_eq!(track["policy"].as_array().unwrap().len(), 1);
    let (name, api) = (&account["apis"][0][0], &account["apis"][0][1]);
    assert_eq!(name, "abtest");
    let method = |path: &str, method: &str| api["resources"][path][method].clone();
    assert_eq!(method("/track", "GET")["key"], false);
    assert_eq!(method("/experiments", "GET")["key"], true);
    assert_eq!(method("/experiments/{experiment}", "DELETE")["key"], true);
    assert_eq!(method("/track", "OPTIONS")["type"], "AWS_PROXY");
    let throttle = &api["stages"]["prod"]["throttle"];
    assert_eq!(throttle["~1track/GET"], json!([500.0, 1000]));
    assert!(throttle.get("~1experiments/GET").is_none());
    assert_eq!(account["usage plans"][0][1]["stages"], json!(["prod"]));
    assert_eq!(account["usage plans"][0][1]["keys"], json!(["abtest"]));
    assert_eq!(account["logs"]["/aws/lambda/abtest-track"]["retention"], 30);
    let tag = json!({"abtest:deployment": "abtest"});
    let tagged = [
        &track["tags"],
        &api["tags"],
        &api["stages"]["prod"]["tags"],
        &account["usage plans"][0][1]["tags"],
        &account["logs"]["/aws/lambda/abtest-track"]["tags"],
    ];
    assert!(tagged.iter().all(|tags| **tags == tag), "{tagged:?}");
    assert_eq!(account["roles"].as_object().unwrap().len(), 3);
    for name in ["abtest-track", "abtest-assign", "abtest-experiments"] {
        let role_name = format!("{name}-eu-west-1");
        let arn = account["functions"][name]["live"]["live"]["Role"].as_str().unwrap();
        assert!(arn.ends_with(&format!(":role/{role_name}")), "{arn}");
        let role = &account["roles"][&role_name];
        let allowed = role["policies"]["abtest"]["Statement"].as_array().unwrap();
        assert_eq!(allowed.len(), 1, "{role}");
        assert_eq!(allowed[0]["Action"], json!(["logs:CreateLogStream", "logs:PutLogEvents"]));
        let logs = allowed[0]["Resource"].as_str().unwrap();
        assert!(logs.ends_with(&format!(":log-group:/aws/lambda/{name}:*")), "{logs}");
    }

    let second = succeeded(&laptop.deploy(&aws));
    assert!(second.contains("already up to date; nothing was changed"), "{second}");
    assert_eq!(aws.account(), account);
}

#[test]
fn a_changed_config_and_changed_code_become_a_new_version_and_nothing_else_moves() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    let before = aws.account();
    laptop.change(|config| {
        config["redis"]["password"] = "hush".into();
        config["aws"]["reserved_concurrency"] = 7.into();
        config["aws"]["log_retention_days"] = 90.into();
        config["aws"]["throttle"] = json!({"rate": 9, "burst": 20});
    });
    let shown = succeeded(&laptop.deploy(&aws));
    assert!(shown.contains("environment: ABTEST_REDIS_PASSWORD changed"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
    let after = aws.account();
    let track = &after["functions"]["abtest-track"];
    assert_eq!(track["live"]["live"]["Environment"]["Variables"]["ABTEST_REDIS_PASSWORD"], "hush");
    assert_eq!(track["concurrency"]["ReservedConcurrentExecutions"], 7);
    assert_eq!(track["versions"], 2);
    assert_eq!(after["logs"]["/aws/lambda/abtest-track"]["retention"], 90);
    let throttle = &after["apis"][0][1]["stages"]["prod"]["throttle"]["~1track/GET"];
    assert_eq!(*throttle, json!([9.0, 20]));
    assert_eq!(after["apis"][0][1]["resources"], before["apis"][0][1]["resources"]);
    assert_eq!(after["apis"][0][1]["deployments"], 1);

    // Other code: the programs swapped would not run, but they are other bytes.
    let folder = tempfile::tempdir().unwrap();
    let swapped = [("track", "experiments"), ("experiments", "track"), ("assign", "assign")];
    for (from, to) in swapped {
        let zip = |name: &str| format!("{name}.zip");
        std::fs::copy(artifacts().join(zip(from)), folder.path().join(zip(to))).unwrap();
    }
    let folder = folder.path().to_str().unwrap();
    let shown = laptop.run(&aws, &["deploy", "--yes", "--no-preflight", "--artifacts", folder]);
    assert!(shown.contains("new code") && shown.contains("publish as deploy 3"), "{shown}");
    let changed = aws.account();
    let code = |account: &Value, name: &str| {
        account["functions"][name]["live"]["live"]["CodeSha256"].clone()
    };
    assert_eq!(code(&changed, "abtest-track"), code(&after, "abtest-experiments"));
    assert_eq!(changed["apis"], after["apis"]);
}

#[test]
fn only_five_versions_are_kept() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    for port in 1..=7 {
        laptop.change(|config| config["redis"]["port"] = port.into());
        succeeded(&laptop.deploy(&aws));
    }
    assert_eq!(aws.account()["functions"]["abtest-track"]["versions"], 5);
    assert_eq!(laptop.status(&aws)["deploys"], json!([7, 6, 5, 4, 3]));
}

#[test]
fn extra_wiring_comes_and_goes() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    let plain = aws.account();
    laptop.change(|config| {
        config["extra_wiring"] = json!([
            wiring("shop-count", "gimel.track", "kcart"),
            wiring("shop-count", "gimel.track", "a/deep/path"),
            wiring("shop-one", "gimel.experiment", "one"),
        ]);
    });
    succeeded(&laptop.deploy(&aws));
    let wired = aws.account();
    let resources = &wired["apis"][0][1]["resources"];
    assert_eq!(resources["/kcart"]["GET"]["uri"], resources["/a/deep/path"]["GET"]["uri"]);
    assert_eq!(resources["/one"]["GET"]["key"], true);
    let function = &wired["functions"]["shop-count"];
    assert_eq!(function["latest"]["MemorySize"], 192);
    assert_eq!(function["latest"]["Handler"], "track");
    assert!(wired["logs"]["/aws/lambda/shop-one"].is_object());
    let throttle = &wired["apis"][0][1]["stages"]["prod"]["throttle"];
    assert!(throttle["~1kcart/GET"].is_array() && throttle["~1a~1deep~1path/GET"].is_array());
    let status = laptop.status(&aws);
    assert_eq!(status["drift"], json!([]));
    assert!(status["functions"]["shop-count"]["live"].is_number());

    laptop.change(|config| config["extra_wiring"] = json!([]));
    let shown = succeeded(&laptop.deploy(&aws));
    assert!(shown.contains("✓ removed function shop-count"), "{shown}");
    let again = aws.account();
    for part in ["functions", "logs", "roles", "keys", "usage plans"] {
        assert_eq!(again[part], plain[part], "{part}");
    }
    assert_eq!(again["apis"][0][1]["resources"], plain["apis"][0][1]["resources"]);
    assert_eq!(laptop.status(&aws)["drift"], json!([]));
}

#[test]
fn the_role_that_all_functions_shared_is_replaced_by_one_per_function() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    let expected = aws.account();
    aws.share_one_role();
    let shared = aws.account();
    assert_eq!(
        shared["roles"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["abtest-eu-west-1"]
    );
    let shown = succeeded(&laptop.deploy(&aws));
    assert!(shown.contains("✓ removed role abtest-eu-west-1"), "{shown}");
    let mut account = aws.account();
    for (name, function) in account["functions"].as_object_mut().unwrap() {
        assert_eq!(function["versions"], 2);
        function["versions"] = expected["functions"][name]["versions"].clone();
    }
    assert_eq!(account, expected);
    // The versions of that time have lost their role.
    let output = aws.abtest(laptop.path(), &["rollback", "--yes"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("the role abtest-eu-west-1, which is no longer used"), "{errors}");
    assert_eq!(laptop.status(&aws)["drift"], json!([]));
}

#[test]
fn a_clash_is_reported_before_aws_is_called() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    laptop.change(|config| {
        config["extra_wiring"] = json!([wiring("mine", "gimel.track", "track")]);
    });
    let output = laptop.deploy(&aws);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("GET /track leads to both abtest-track and mine"), "{errors}");
    assert_eq!(aws.calls(), 0);
}

#[test]
fn another_deployments_function_is_not_touched() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    let before = aws.account();
    laptop.change(|config| {
        config["name"] = "other".into();
        config["extra_wiring"] = json!([wiring("abtest-track", "gimel.track", "kcart")]);
    });
    let output = laptop.deploy(&aws);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("belongs to the deployment `abtest`"), "{errors}");
    assert_eq!(aws.account(), before);
}

//! Rolling back, rotating the key, opening the dashboard, reading logs, destroying.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use abtest_tests::aws::Aws;
use abtest_tests::dashboard::Dashboard;
use abtest_tests::redis::signal;
use serde_json::{Value, json};

use super::{Laptop, succeeded, wiring};

#[test]
fn rollback_goes_back_and_deploy_goes_forward_without_a_new_version() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(1));
    for port in [1, 2, 3] {
        laptop.change(|config| config["redis"]["port"] = port.into());
        succeeded(&laptop.deploy(&aws));
    }
    let live = |aws: &Aws| {
        let function = aws.account()["functions"]["abtest-track"].clone();
        function["live"]["live"]["Environment"]["Variables"]["ABTEST_REDIS_PORT"].clone()
    };
    laptop.run(&aws, &["rollback", "--yes"]);
    assert_eq!((live(&aws), laptop.status(&aws)["live_deploy"].clone()), (json!("2"), json!(2)));
    laptop.run(&aws, &["rollback", "--yes", "--to", "1"]);
    assert_eq!(live(&aws), "1");
    let none = aws.abtest(laptop.path(), &["rollback", "--yes"]);
    let errors = String::from_utf8_lossy(&none.stderr);
    assert!(errors.contains("deploy 1 is the oldest one that is kept"), "{errors}");
    let none = aws.abtest(laptop.path(), &["rollback", "--yes", "--to", "9"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("3, 2, 1"));
    let drift = laptop.status(&aws)["drift"].to_string();
    assert!(drift.contains("make version 3 live"), "{drift}");
    succeeded(&laptop.deploy(&aws));
    assert_eq!(live(&aws), "3");
    assert_eq!(aws.account()["functions"]["abtest-track"]["versions"], 3);
}

#[test]
fn a_rotated_key_works_beside_the_old_one_until_that_is_retired() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    let none = aws.abtest(laptop.path(), &["key"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("run `abtest deploy`"));
    succeeded(&laptop.deploy(&aws));
    let value = |aws: &Aws| laptop.run(aws, &["key", "--value"]).trim().to_owned();
    let old = value(&aws);
    assert!(old.len() >= 20, "{old}");
    laptop.run(&aws, &["key", "--rotate"]);
    let new = value(&aws);
    assert_ne!(old, new);
    let plan_keys = |aws: &Aws| aws.account()["usage plans"][0][1]["keys"].clone();
    assert_eq!(plan_keys(&aws), json!(["abtest", "abtest"]));
    let twice = aws.abtest(laptop.path(), &["key", "--rotate"]);
    assert!(String::from_utf8_lossy(&twice.stderr).contains("--retire"));
    succeeded(&laptop.deploy(&aws));
    let keys: Value = serde_json::from_str(&laptop.run(&aws, &["key", "--json"])).unwrap();
    assert_eq!(keys[1]["value"], old.as_str());
    laptop.run(&aws, &["key", "--retire"]);
    assert_eq!(value(&aws), new);
    assert_eq!(aws.key_values(), [new]);
}

#[test]
fn a_read_key_is_created_on_request_and_says_its_role_by_its_value() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    let none = aws.abtest(laptop.path(), &["key", "--role", "read"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("--role read --rotate"));
    let edit = laptop.run(&aws, &["key", "--value"]);
    let read = laptop.run(&aws, &["key", "--role", "read", "--rotate", "--value"]);
    assert!(read.starts_with("abtest_read_") && read.trim().len() >= 40, "{read}");
    assert_eq!(laptop.run(&aws, &["key", "--value"]), edit, "the edit key stays the same");
    let keys: Value =
        serde_json::from_str(&laptop.run(&aws, &["key", "--role", "read", "--json"])).unwrap();
    assert_eq!((&keys[0]["role"], keys.as_array().unwrap().len()), (&json!("read"), 1));
    let plan_keys = aws.account()["usage plans"][0][1]["keys"].clone();
    assert_eq!(plan_keys, json!(["abtest", "abtest-read"]));
    succeeded(&laptop.deploy(&aws));
    assert_eq!(aws.key_values().len(), 2, "deploying again changes no key");
    laptop.run(&aws, &["destroy", "--yes"]);
    assert!(aws.key_values().is_empty());
}

#[test]
fn the_dashboard_finds_the_deployed_api_and_never_shows_its_key() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    let none = aws.abtest(laptop.path(), &["dashboard", "--port", "0"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("run `abtest deploy`"));
    succeeded(&laptop.deploy(&aws));
    // The mock's API has no address. A proxy shows where the call would have gone.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = aws.abtest_command(laptop.path(), &["dashboard", "--port", "0"]);
    command.env("HTTPS_PROXY", format!("http://{}", proxy.local_addr().unwrap()));
    let dashboard = Dashboard::start(command);
    assert_eq!(laptop.status(&aws)["url"], dashboard.shows.as_str());
    let called = std::thread::spawn(move || {
        let (connection, _) = proxy.accept().unwrap();
        BufReader::new(connection).lines().next().unwrap().unwrap()
    });
    let asked = dashboard.at("/experiments").header("cookie", dashboard.open());
    let (status, answer) = dashboard.ask(asked.header("x-abtest-page", "1"));
    assert_eq!(status, 502, "{answer}");
    assert!(!answer.contains(&aws.key_values()[0]), "{answer}");
    let host = dashboard.shows.strip_prefix("https://").unwrap().split('/').next().unwrap();
    assert!(called.join().unwrap().starts_with(&format!("CONNECT {host}:443 ")));
}

#[test]
fn logs_show_what_the_functions_logged_the_oldest_first() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    assert_eq!(laptop.run(&aws, &["logs"]), "");
    aws.log("abtest-track", &["START RequestId: 1", "REPORT RequestId: 1\tDuration: 2 ms"]);
    aws.log("abtest-experiments", &["a line of the other function"]);
    let shown = laptop.run(&aws, &["logs"]);
    let at = |text: &str| shown.find(text).unwrap_or_else(|| panic!("no {text} in {shown}"));
    assert!(at("abtest-track  START RequestId: 1") < at("REPORT RequestId: 1  Duration: 2 ms"));
    assert!(at("REPORT") < at("abtest-experiments  a line of the other function"));
    let json = laptop.run(&aws, &["logs", "--json", "--function", "abtest-experiments"]);
    let event: Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!(event["message"], "a line of the other function");
    assert_eq!(laptop.run(&aws, &["logs", "--since", "2100-01-01T00:00:00Z"]), "");
    let unknown = aws.abtest(laptop.path(), &["logs", "--function", "abtest-trakc"]);
    let errors = String::from_utf8_lossy(&unknown.stderr);
    assert!(errors.contains("it has abtest-assign, abtest-experiments, abtest-track"), "{errors}");
}

#[test]
fn followed_logs_print_each_new_line_once() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    aws.log("abtest-track", &["first"]);
    let mut command = aws.abtest_command(laptop.path(), &["logs", "--follow", "--json"]);
    let mut follow = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut next = || -> String {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        line["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(next(), "first");
    aws.log("abtest-track", &["second"]);
    assert_eq!(next(), "second");
    aws.log("abtest-track", &["third"]);
    assert_eq!(next(), "third");
    signal(&follow, "INT");
    assert_eq!(follow.wait().unwrap().code(), Some(0));
}

#[test]
fn destroy_leaves_the_account_as_empty_as_it_was_and_others_things_alone() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    let empty = aws.account();
    let mut other = Laptop::new(6379);
    other.change(|config| config["name"] = "other".into());
    succeeded(&other.deploy(&aws));
    let others = aws.account();
    laptop.change(|config| {
        config["extra_wiring"] = json!([wiring("shop-count", "gimel.track", "kcart")]);
    });
    succeeded(&laptop.deploy(&aws));
    let asked = aws.abtest(laptop.path(), &["destroy"]);
    assert_eq!(asked.status.code(), Some(2));
    let shown = laptop.run(&aws, &["destroy", "--yes"]);
    assert!(shown.contains("the counts are still in Redis"), "{shown}");
    assert_eq!(aws.account(), others);
    let again = laptop.run(&aws, &["destroy", "--yes"]);
    assert!(again.contains("nothing in eu-west-1 belongs"), "{again}");
    other.run(&aws, &["destroy", "--yes"]);
    assert_eq!(aws.account(), empty);
}

//! Going back, changing the key, looking at the results, taking all away.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;

use abtest_tests::aws::Aws;
use abtest_tests::dashboard::Dashboard;
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
    assert!(errors.contains("deploy 1 is the first that is kept"), "{errors}");
    let none = aws.abtest(laptop.path(), &["rollback", "--yes", "--to", "9"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("3, 2, 1"));
    let drift = laptop.status(&aws)["drift"].to_string();
    assert!(drift.contains("version 3 live"), "{drift}");
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
fn the_dashboard_finds_the_deployed_api_and_shows_its_key_to_nobody() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    let none = aws.abtest(laptop.path(), &["dashboard", "--port", "0"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("run `abtest deploy`"));
    succeeded(&laptop.deploy(&aws));
    // The mock's API has no address: a proxy, which goes no further, tells where the call went.
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

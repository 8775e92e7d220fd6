//! Taking over what the real Gimel deployed.

use abtest_tests::aws::Aws;
use serde_json::{Value, json};

use super::{Laptop, succeeded, wiring};

#[test]
fn a_deployment_of_gimel_is_taken_over_with_its_address_and_its_key() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    laptop.change(|config| {
        *config = json!({
            "redis": {"host": "127.0.0.1", "port": 6379, "password": ""},
            "extra_wiring": [wiring("gimel-track", "gimel.track", "kcart")],
        });
    });
    aws.deploy_gimel(laptop.path());
    let gimels = aws.account();
    assert_eq!(gimels["functions"].as_object().unwrap().len(), 3, "{gimels}");
    let key = aws.key_values();
    laptop.change(|config| {
        config["name"] = "gimel".into();
        config["aws"] = json!({"architecture": "x86_64", "api_name": "gimel"});
    });
    let api = aws.api_ids();
    let shown = succeeded(&laptop.deploy(&aws));
    for line in
        ["✓ adopted function gimel-track", "✓ removed role gimel", "✓ adopted API key gimel"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert_eq!(aws.api_ids(), api);
    assert_eq!(aws.key_values(), key);
    let ours = aws.account();
    let names = |account: &Value, part: &str| -> Vec<String> {
        account[part].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&ours, "functions"), ["gimel-assign", "gimel-experiments", "gimel-track"]);
    assert_eq!(
        names(&ours, "roles"),
        ["gimel-assign-eu-west-1", "gimel-experiments-eu-west-1", "gimel-track-eu-west-1"]
    );
    let resources = &ours["apis"][0][1]["resources"];
    for path in gimels["apis"][0][1]["resources"].as_object().unwrap().keys() {
        assert!(resources.get(path).is_some(), "{path} is gone");
    }
    for (path, methods) in resources.as_object().unwrap() {
        for (method, found) in methods.as_object().unwrap() {
            assert_eq!(found["type"], "AWS_PROXY", "{method} {path}");
        }
    }
    assert_eq!(ours["apis"][0][1]["deployments"], 1);
    let again = succeeded(&laptop.deploy(&aws));
    assert!(again.contains("nothing was changed"), "{again}");

    laptop.run(&aws, &["destroy", "--yes"]);
    assert_eq!(aws.account(), Aws::start().account());
}

//! Secrets that stay in AWS: the config names them, and each function reads them when it starts.

use abtest_tests::aws::{Aws, REGION};
use abtest_tests::lambda::Lambda;
use abtest_tests::redis::Redis;
use serde_json::{Value, json};

use super::running::{start_live, visit};
use super::{Laptop, artifacts, succeeded};

const PASSWORD: &str = "correct horse";

/// Deploys with a Redis whose password is at an ARN, and counts one visitor.
fn counts_with_the_password_at(aws: &Aws, arn: &str, action: &str) {
    let redis = Redis::start_with(&["--requirepass", PASSWORD]);
    let mut laptop = Laptop::new(redis.port());
    laptop.change(|config| config["redis"]["password"] = arn.into());
    succeeded(&laptop.deploy(aws));
    let account = aws.account();
    assert!(!account.to_string().contains(PASSWORD));
    let policy = &account["roles"]["abtest-track-eu-west-1"]["policies"]["abtest"].to_string();
    assert!(policy.contains(action), "{policy}");

    let mut lambda = Lambda::start(&["abtest-track"]);
    // As Lambda has them for the function's role.
    let environment = aws.environment();
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    start_live(&mut lambda, &account, laptop.path(), "abtest-track", "track", &environment);
    let answer = lambda.invoke("abtest-track", &visit("/track"));
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(redis.command(&["PFCOUNT", "alephbet:counters:e:participate:v"]), "1");

    let artifacts = artifacts();
    let arguments = ["preflight", "--json", "--artifacts", artifacts.to_str().unwrap()];
    let checks: Vec<Value> = serde_json::from_str(&laptop.run(aws, &arguments)).unwrap();
    assert!(checks.contains(&check(&checks, "Redis", "passed")), "{checks:?}");
    let shown = laptop.run(aws, &["results", "--redis", "--json"]);
    assert!(shown.contains("\"e\""), "{shown}");
}

/// The check of that name, with the outcome that it must have.
fn check(checks: &[Value], name: &str, outcome: &str) -> Value {
    let mut check = checks.iter().find(|check| check["name"] == name).unwrap().clone();
    check["outcome"] = outcome.into();
    check
}

#[test]
fn a_password_in_secrets_manager_is_read_at_the_start() {
    let aws = Aws::start();
    let arn = aws.store_secret("redis", &json!({"user": "x", "password": PASSWORD}).to_string());
    let member = format!("{arn}:password::");
    counts_with_the_password_at(&aws, &member, "secretsmanager:GetSecretValue");
}

#[test]
fn a_password_in_parameter_store_is_read_at_the_start() {
    let aws = Aws::start();
    let arn = aws.store_parameter("/abtest/redis", PASSWORD);
    counts_with_the_password_at(&aws, &arn, "ssm:GetParameter");
}

#[test]
fn a_secret_that_does_not_exist_says_so_to_preflight() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(6379));
    let arn = format!("arn:aws:secretsmanager:{REGION}:123456789012:secret:none-AbCdEf");
    laptop.change(|config| config["redis"]["password"] = arn.as_str().into());
    let output = aws.abtest(laptop.path(), &["preflight", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let checks: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let found = check(&checks, "Redis", "failed")["found"].to_string();
    assert!(found.contains(&arn) && found.contains("ResourceNotFoundException"), "{found}");
}

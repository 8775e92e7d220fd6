//! What AWS holds after a deploy, run: functions, events, counts, and the snippet in a page.

use std::path::Path;
use std::process::Command;

use abtest_tests::aws::Aws;
use abtest_tests::binaries::tests;
use abtest_tests::browser::Browser;
use abtest_tests::lambda::Lambda;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Serve, count};
use serde_json::{Value, json};

use super::{Laptop, artifacts, succeeded, wiring};

#[test]
fn what_aws_holds_is_what_runs() {
    let (aws, redis) = (Aws::start(), Redis::start());
    let mut laptop = Laptop::new(redis.port());
    laptop.change(|config| {
        config["extra_wiring"] = json!([wiring("shop-count", "gimel.track", "kcart")]);
    });
    succeeded(&laptop.deploy(&aws));
    let account = aws.account();
    let mut lambda = Lambda::start(&["shop-count", "abtest-experiments"]);
    for (name, program) in [("shop-count", "track"), ("abtest-experiments", "experiments")] {
        start_live(&mut lambda, &account, laptop.path(), name, program, &[]);
    }
    // The gateway knows the function by the URI of its method.
    let api = &account["apis"][0][1]["resources"];
    let function_of = |path: &str| {
        let uri = api[path]["GET"]["uri"].as_str().unwrap();
        uri.split(":function:").nth(1).unwrap().split(':').next().unwrap().to_owned()
    };
    let answer = lambda.invoke(&function_of("/kcart"), &visit("/kcart"));
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(redis.command(&["PFCOUNT", "alephbet:counters:e:participate:v"]), "1");
    let answer = lambda.invoke(&function_of("/experiments"), &event("/experiments", &[]));
    let results: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(count(&results, "e", "participate", "v"), 1, "{results}");
}

#[test]
fn the_printed_snippet_tracks_from_a_page() {
    let (aws, laptop, serve) = (Aws::start(), Laptop::new(6379), Serve::embedded());
    succeeded(&laptop.deploy(&aws));
    let snippet = laptop.run(&aws, &["snippet", "--namespace", "alephbet"]);
    assert!(snippet.contains("execute-api.eu-west-1.amazonaws.com/prod/track"), "{snippet}");
    let mut browser = Browser::start();
    // The mock serves no API: the browser's requests to its address are led to `serve`.
    browser
        .run(&json!({"do": "paste", "snippet": snippet, "host": "execute-api", "stage": "/prod",
                        "server": serve.url, "then": "signup.complete()"}));
    let start = std::time::Instant::now();
    let counted = || {
        let of = |goal| -> u64 {
            ["red", "blue"].iter().map(|variant| serve.count("button color", goal, variant)).sum()
        };
        (of("participate"), of("signup"))
    };
    while counted() != (1, 1) {
        assert!(start.elapsed().as_secs() < 20, "{:?}", counted());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Starts a function's live version as the account holds it: its zip, its environment, its
/// handler; `more` is what Lambda itself would add.
pub(super) fn start_live(
    lambda: &mut Lambda,
    account: &Value,
    folder: &Path,
    name: &str,
    program: &str,
    more: &[(&str, &str)],
) {
    let live = &account["functions"][name]["live"]["live"];
    let zip = artifacts().join(format!("{program}.zip"));
    let digest = Command::new("sh")
        .arg("-c")
        .arg(format!("openssl dgst -sha256 -binary '{}' | openssl base64", zip.display()))
        .output()
        .unwrap();
    let digest = String::from_utf8_lossy(&digest.stdout).trim().to_owned();
    assert_eq!(live["CodeSha256"], digest.as_str());
    let bootstrap = unzip(&zip, folder, name);
    let variables = live["Environment"]["Variables"].as_object().unwrap();
    let mut environment: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    environment.push(("_HANDLER", live["Handler"].as_str().unwrap()));
    environment.extend(more);
    lambda.deploy_program(name, &bootstrap, &environment);
}

/// A visitor who takes part, as the gateway hands it on.
pub(super) fn visit(path: &str) -> Value {
    let visitor = [("experiment", "e"), ("variant", "v"), ("event", "participate"), ("uuid", "1")];
    event(path, &visitor)
}

fn event(path: &str, parameters: &[(&str, &str)]) -> Value {
    let recorded = std::fs::read_to_string(tests().join("lambda/rest-v1.json")).unwrap();
    let mut event: Value = serde_json::from_str(&recorded).unwrap();
    event["path"] = path.into();
    event["requestContext"]["path"] = format!("/prod{path}").into();
    if path.starts_with("/experiments") {
        event["requestContext"]["identity"]["apiKeyId"] = "k1e2y3".into();
    }
    let single = parameters.iter().map(|(name, value)| (name.to_string(), json!(value)));
    event["queryStringParameters"] = Value::Object(single.collect());
    let many = parameters.iter().map(|(name, value)| (name.to_string(), json!([value])));
    event["multiValueQueryStringParameters"] = Value::Object(many.collect());
    event
}

/// Unpacks a zip with Python's own reader, and returns its `bootstrap`.
fn unzip(zip: &Path, folder: &Path, name: &str) -> std::path::PathBuf {
    let folder = folder.join(name);
    let status = Command::new("sh")
        .arg("-c")
        .arg("python3 -m zipfile -e \"$1\" \"$2\" && chmod +x \"$2/bootstrap\"")
        .arg("sh")
        .args([zip, &folder])
        .status()
        .unwrap();
    assert!(status.success());
    folder.join("bootstrap")
}

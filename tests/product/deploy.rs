//! `abtest deploy` and what goes with it, against a mock of AWS over HTTP.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use abtest_tests::aws::{Aws, Fault};
use abtest_tests::binaries::{binary, tests};
use abtest_tests::browser::Browser;
use abtest_tests::lambda::Lambda;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Serve, count};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a config in it.
struct Laptop {
    folder: TempDir,
    config: Value,
}

impl Laptop {
    fn new(redis_port: u16) -> Self {
        let config = json!({
            "redis": {"host": "127.0.0.1", "port": redis_port, "password": ""},
            "aws": {"architecture": "x86_64"},
        });
        let laptop = Self { folder: tempfile::tempdir().unwrap(), config };
        laptop.write();
        laptop
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path().join("config.json");
        std::fs::write(&path, self.config.to_string()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Changes the config.
    fn change(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.config);
        self.write();
    }

    /// Runs deploy with the artefacts of this checkout, without checks.
    fn deploy(&self, aws: &Aws) -> Output {
        self.deploy_with(aws, &[])
    }

    fn deploy_with(&self, aws: &Aws, environment: &[(&str, &str)]) -> Output {
        let artifacts = artifacts();
        let artifacts = artifacts.to_str().unwrap();
        let arguments = ["deploy", "--yes", "--no-preflight", "--artifacts", artifacts];
        aws.abtest_with(self.path(), &arguments, environment)
    }

    /// Runs a command that must succeed, and returns what it prints.
    fn run(&self, aws: &Aws, arguments: &[&str]) -> String {
        succeeded(&aws.abtest(self.path(), arguments))
    }

    fn status(&self, aws: &Aws) -> Value {
        serde_json::from_str(&self.run(aws, &["status", "--json"])).unwrap()
    }
}

fn succeeded(output: &Output) -> String {
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}{errors}");
    shown
}

/// The artefacts, built once with abtest's own build command from the release binaries.
fn artifacts() -> std::path::PathBuf {
    static BUILT: OnceLock<std::path::PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let config = folder.path().join("config.json");
            std::fs::write(&config, r#"{"aws": {"architecture": "x86_64"}}"#).unwrap();
            let output = Command::new(binary("abtest"))
                .args(["build", "--config"])
                .arg(&config)
                .env("ABTEST_SOURCE", tests().parent().unwrap())
                .output()
                .unwrap();
            let shown = succeeded(&output);
            let (path, _) = shown.split_once("/track.zip").unwrap();
            path.into()
        })
        .clone()
}

/// An extra endpoint, as Gimel's config has it.
fn wiring(function: &str, handler: &str, path: &str) -> Value {
    json!({
        "lambda": {"FunctionName": function, "Handler": handler, "MemorySize": 192, "Timeout": 7},
        "api_gateway": {"pathPart": path, "method": {
            "httpMethod": "GET", "apiKeyRequired": handler != "gimel.track",
            "requestParameters": {"method.request.querystring.uuid": false}}},
    })
}

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
    let role = &account["roles"]["abtest-eu-west-1"];
    let allowed = role["policies"]["abtest"]["Statement"].as_array().unwrap();
    assert_eq!(allowed.len(), 1, "{role}");
    assert_eq!(allowed[0]["Action"], json!(["logs:CreateLogStream", "logs:PutLogEvents"]));

    let second = succeeded(&laptop.deploy(&aws));
    assert!(second.contains("everything is as it must be; nothing was changed"), "{second}");
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
    for (from, to) in [("track", "experiments"), ("experiments", "track")] {
        let zip = |name: &str| format!("{name}.zip");
        std::fs::copy(artifacts().join(zip(from)), folder.path().join(zip(to))).unwrap();
    }
    let folder = folder.path().to_str().unwrap();
    let shown = laptop.run(&aws, &["deploy", "--yes", "--no-preflight", "--artifacts", folder]);
    assert!(shown.contains("new code") && shown.contains("published as deploy 3"), "{shown}");
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
}

#[test]
fn a_clash_is_told_before_anything_is_asked() {
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
    assert_eq!(names(&ours, "functions"), ["gimel-experiments", "gimel-track"]);
    assert_eq!(names(&ours, "roles"), ["gimel-eu-west-1"]);
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

#[test]
fn whichever_call_fails_the_next_run_completes_the_deploy() {
    let (first, second) = (Aws::start(), Aws::start());
    let laptop = Laptop::new(6379);
    succeeded(&laptop.deploy(&first));
    let undisturbed = first.account();
    let calls = first.calls();
    assert!(calls > 60, "{calls}");
    // With the retries off, what was not carried out stops the deploy in the same way whatever
    // the reason: so the reasons take turns, and all are tried with ABTEST_ALL_FAULTS=1. What was
    // carried out without an answer is another matter.
    let reasons = [Fault::Throttled, Fault::ServerError, Fault::Denied, Fault::DroppedBefore];
    let all = std::env::var_os("ABTEST_ALL_FAULTS").is_some();
    let faults = |number: usize| {
        let reasons = match all {
            true => reasons.to_vec(),
            false => vec![reasons[number % reasons.len()]],
        };
        reasons.into_iter().chain([Fault::DroppedAfter])
    };
    let next = std::sync::atomic::AtomicUsize::new(1);
    std::thread::scope(|scope| {
        for aws in [&first, &second] {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    if number > calls {
                        break;
                    }
                    for fault in faults(number) {
                        check_fault(aws, &laptop, number, fault, &undisturbed);
                    }
                }
            });
        }
    });
}

fn check_fault(aws: &Aws, laptop: &Laptop, number: usize, fault: Fault, undisturbed: &Value) {
    aws.reset();
    aws.fail(number, fault);
    let output = laptop.deploy_with(aws, &[("AWS_MAX_ATTEMPTS", "1")]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{fault:?} of call {number} went unnoticed");
    assert!(errors.starts_with("error: "), "{fault:?} of call {number}: {errors}");
    aws.heal();
    succeeded(&laptop.deploy(aws));
    let mut account = aws.account();
    // The mock publishes unchanged code again; AWS gives the version that there is.
    for (name, function) in account["functions"].as_object_mut().unwrap() {
        function["versions"] = undisturbed["functions"][name]["versions"].clone();
    }
    assert_eq!(account, *undisturbed, "{fault:?} of call {number}");
}

#[test]
fn a_deploy_gets_through_what_aws_calls_retryable() {
    let (aws, laptop) = (Aws::start(), Laptop::new(6379));
    succeeded(&laptop.deploy(&aws));
    let undisturbed = aws.account();
    aws.reset();
    // Not two in a row: the SDK gives up after so many.
    aws.fail_each(|call| match call % 16 {
        3 => Some(Fault::Throttled),
        7 => Some(Fault::DroppedAfter),
        11 => Some(Fault::ServerError),
        15 => Some(Fault::DroppedBefore),
        _ => None,
    });
    let shown = succeeded(&laptop.deploy(&aws));
    assert!(shown.contains("✓ created API key abtest"), "{shown}");
    aws.heal();
    let mut account = aws.account();
    for (name, function) in account["functions"].as_object_mut().unwrap() {
        function["versions"] = undisturbed["functions"][name]["versions"].clone();
    }
    assert_eq!(account, undisturbed);
}

#[test]
fn what_aws_holds_is_what_runs() {
    let (aws, redis) = (Aws::start(), Redis::start());
    let mut laptop = Laptop::new(redis.port());
    laptop.change(|config| {
        config["extra_wiring"] = json!([wiring("shop-count", "gimel.track", "kcart")]);
    });
    succeeded(&laptop.deploy(&aws));
    let account = aws.account();
    let api = &account["apis"][0][1]["resources"];
    let mut lambda = Lambda::start(&["shop-count", "abtest-experiments"]);
    for (name, artifact) in [("shop-count", "track"), ("abtest-experiments", "experiments")] {
        let live = &account["functions"][name]["live"]["live"];
        let zip = artifacts().join(format!("{artifact}.zip"));
        let digest = Command::new("sh")
            .arg("-c")
            .arg(format!("openssl dgst -sha256 -binary '{}' | openssl base64", zip.display()))
            .output()
            .unwrap();
        let digest = String::from_utf8_lossy(&digest.stdout).trim().to_owned();
        assert_eq!(live["CodeSha256"], digest.as_str());
        let bootstrap = unzip(&zip, laptop.path(), name);
        let variables = live["Environment"]["Variables"].as_object().unwrap();
        let mut environment: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        environment.push(("_HANDLER", live["Handler"].as_str().unwrap()));
        lambda.deploy_program(name, &bootstrap, &environment);
    }
    // The gateway knows the function by the URI of its method.
    let function_of = |path: &str| {
        let uri = api[path]["GET"]["uri"].as_str().unwrap();
        uri.split(":function:").nth(1).unwrap().split(':').next().unwrap().to_owned()
    };
    let event = |path: &str, parameters: &[(&str, &str)]| {
        let recorded = std::fs::read_to_string(tests().join("lambda/rest-v1.json")).unwrap();
        let mut event: Value = serde_json::from_str(&recorded).unwrap();
        event["path"] = path.into();
        event["requestContext"]["path"] = format!("/prod{path}").into();
        let single = parameters.iter().map(|(name, value)| (name.to_string(), json!(value)));
        event["queryStringParameters"] = Value::Object(single.collect());
        let many = parameters.iter().map(|(name, value)| (name.to_string(), json!([value])));
        event["multiValueQueryStringParameters"] = Value::Object(many.collect());
        event
    };
    let visitor = [("experiment", "e"), ("variant", "v"), ("event", "participate"), ("uuid", "1")];
    let answer = lambda.invoke(&function_of("/kcart"), &event("/kcart", &visitor));
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(redis.command(&["PFCOUNT", "alephbet:counters:e:participate:v"]), "1");
    let answer = lambda.invoke(&function_of("/experiments"), &event("/experiments", &[]));
    let results: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(count(&results, "e", "participate", "v"), 1, "{results}");
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

#[test]
fn artefacts_are_the_same_bytes_each_time_and_run_on_lambdas_glibc() {
    let zips = || {
        ["track.zip", "experiments.zip"].map(|name| std::fs::read(artifacts().join(name)).unwrap())
    };
    let first = zips();
    let folder = artifacts();
    let config = folder.join("config.json");
    std::fs::write(&config, r#"{"aws": {"architecture": "x86_64"}}"#).unwrap();
    let output = Command::new(binary("abtest"))
        .args(["build", "--config"])
        .arg(&config)
        .env("ABTEST_SOURCE", tests().parent().unwrap())
        .output()
        .unwrap();
    succeeded(&output);
    assert!(first == zips());
    std::fs::remove_file(config).unwrap();
    for program in ["track", "experiments"] {
        let output = Command::new("objdump").arg("-T").arg(binary(program)).output().unwrap();
        let symbols = String::from_utf8_lossy(&output.stdout).into_owned();
        let newest = symbols
            .split("GLIBC_2.")
            .skip(1)
            .filter_map(|rest| {
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
            })
            .max()
            .unwrap();
        assert!(newest <= 34, "{program} needs GLIBC_2.{newest}");
    }
}

#[test]
fn arm64_is_built_with_cargo_lambda_and_nothing_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::create_dir_all(source.join("functions/track")).unwrap();
    std::fs::write(source.join("functions/track/Cargo.toml"), "").unwrap();
    let tools = folder.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    // An arm64 program is not to be had here: a builder that writes its arguments down, and the
    // head of one (64-bit, little-endian, AArch64, no sections).
    let builder = r#"#!/bin/sh
echo "$@" > arguments
for name in track experiments; do
  mkdir -p target/lambda/$name
  printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\003\0\267\0\001\0\0\0\0\0\0\0\0\0\0\0' > target/lambda/$name/bootstrap
  printf '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\070\0\0\0\100\0\0\0\0\0' >> target/lambda/$name/bootstrap
done
"#;
    let path = tools.join("cargo-lambda");
    std::fs::write(&path, builder).unwrap();
    let status = Command::new("chmod").arg("+x").arg(&path).status().unwrap();
    assert!(status.success());
    let search = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let aws = Aws::start();
    let mut laptop = Laptop::new(6379);
    laptop.change(|config| config["aws"]["architecture"] = "arm64".into());
    let environment = [
        ("PATH", search.as_str()),
        ("ABTEST_SOURCE", source.to_str().unwrap()),
        ("CARGO_TARGET_DIR", "target"),
    ];
    let deploy = ["deploy", "--yes", "--no-preflight"];
    succeeded(&aws.abtest_with(laptop.path(), &deploy, &environment));
    let arguments = std::fs::read_to_string(source.join("arguments")).unwrap();
    assert_eq!(
        arguments.trim(),
        "lambda build --skip-target-check --target aarch64-unknown-linux-gnu.2.34 --release \
         --locked -p track -p experiments"
    );
    let live = aws.account()["functions"]["abtest-track"]["live"]["live"].clone();
    assert_eq!(live["Architectures"], json!(["arm64"]));
    laptop.change(|config| config["aws"]["architecture"] = "x86_64".into());
    let folder = source.join("target/artifacts/arm64");
    let wrong = ["deploy", "--yes", "--no-preflight", "--artifacts", folder.to_str().unwrap()];
    let output = aws.abtest(laptop.path(), &wrong);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("it is built for arm64"), "{errors}");
}

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

//! `abtest deploy` and what goes with it, against a mock of AWS over HTTP.

mod applying;
mod artifacts;
mod credentials;
mod interrupted;
mod operating;
mod preflight;
mod running;
mod secrets;
mod shown;
mod take_over;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use abtest_tests::aws::Aws;
use abtest_tests::binaries::{binary, tests};
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

/// The artefacts, built once with abtest's own build command from the functions' binaries.
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

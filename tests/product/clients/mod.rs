//! The clients: ours, and those of others that abtest serves.

mod demo;
mod docs;
mod flicker;
mod growthbook;
mod openfeature;
mod package;
mod same_answers;
mod steps;
mod visits;
mod weights;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use abtest_tests::binaries::tests;
use abtest_tests::serve::{Serve, encode};
use serde_json::Value;

/// The folder of the JavaScript client.
fn client() -> PathBuf {
    let folder = tests().with_file_name("clients").join("js");
    assert!(folder.join("node_modules").exists(), "node_modules is missing: run tests/install");
    folder
}

/// Builds `dist` of the JavaScript client, once per run.
fn built() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        run(Command::new("node").arg("build.mjs").current_dir(client()));
    });
}

/// Runs a program that must succeed, and returns what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{errors}");
    text
}

/// The name of an experiment in a path.
fn in_path(experiment: &str) -> String {
    encode(experiment).replace('+', "%20")
}

/// Defines an experiment.
fn define(serve: &Serve, experiment: &str, definition: &Value) {
    define_in(serve, "alephbet", experiment, definition);
}

/// Defines an experiment in a namespace.
fn define_in(serve: &Serve, namespace: &str, experiment: &str, definition: &Value) {
    let path = format!("/experiments/{}/definition?namespace={namespace}", in_path(experiment));
    let defined = serve.call("PUT", &path, Some(&definition.to_string()));
    assert_eq!(defined.status, 201, "{}", defined.text);
}

/// Changes members of a definition.
fn patch(serve: &Serve, experiment: &str, members: &Value) {
    patch_in(serve, "alephbet", experiment, members);
}

/// Changes members of a definition in a namespace.
fn patch_in(serve: &Serve, namespace: &str, experiment: &str, members: &Value) {
    let path = format!("/experiments/{}/definition?namespace={namespace}", in_path(experiment));
    let changed = serve.call("PATCH", &path, Some(&members.to_string()));
    assert_eq!(changed.status, 200, "{}", changed.text);
}

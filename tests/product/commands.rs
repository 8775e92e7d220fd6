//! `abtest experiments` against a running server: definitions from the command line.

use std::process::{Command, Output, Stdio};

use abtest_tests::binaries::binary;
use abtest_tests::serve::Serve;
use serde_json::Value;

fn experiments(serve: &Serve, arguments: &[&str]) -> Output {
    Command::new(binary("abtest"))
        .arg("experiments")
        .args(arguments)
        .args(["--url", &serve.url])
        .env("ABTEST_API_KEY", &serve.key)
        .env("USER", "zoe")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Standard output of a command that ends with `code`.
fn said(serve: &Serve, code: i32, arguments: &[&str]) -> String {
    let output = experiments(serve, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(serve: &Serve, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(serve, 0, arguments)).unwrap()
}

#[test]
fn an_experiment_lives_from_create_to_archive_on_the_command_line() {
    let serve = Serve::embedded();
    let create = ["create", "button", "--variants", "control,green", "--goal", "purchase"];
    let said_created = said(&serve, 0, &[&create[..], &["--traffic", "10%"]].concat());
    assert!(said_created.starts_with("created button (version 1, draft)"), "{said_created}");
    let again = experiments(&serve, &create);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("412"), "{again:?}");

    said(&serve, 0, &["start", "button", "--why", "go"]);
    said(&serve, 0, &["ramp", "button", "25%"]);
    assert!(said(&serve, 0, &["ramp", "button", "25%"]).contains("nothing was changed"));
    said(&serve, 0, &["weights", "button", "control=20,green=80"]);
    let shown = json(&serve, &["show", "button", "--json"]);
    assert_eq!((&shown["status"], &shown["traffic"]), (&"running".into(), &25.into()));
    assert_eq!(shown["weights"]["green"], 80);
    assert_eq!(shown["goals"][0]["role"], "primary");

    // A pause contaminates the groups: it is announced, and needs --yes without a terminal.
    let announced = said(&serve, 2, &["pause", "button"]);
    assert!(announced.contains("fallback"), "{announced}");
    assert_eq!(json(&serve, &["show", "button", "--json"])["status"], "running");
    said(&serve, 2, &["ramp", "button", "5%"]);
    said(&serve, 0, &["pause", "button", "--yes"]);
    said(&serve, 0, &["resume", "button"]);
    assert!(said(&serve, 2, &["stop", "button", "--winner", "green"]).contains("green"));
    said(&serve, 0, &["stop", "button", "--winner", "green", "--why", "it sells", "--yes"]);
    assert!(said(&serve, 2, &["archive", "button"]).contains("withdraws the winner green"));
    let archived = json(&serve, &["archive", "button", "--yes", "--json"]);
    assert_eq!(archived["definition"]["status"], "archived");
    assert_eq!(archived["stored"], true);

    let history = json(&serve, &["history", "button", "--json"]);
    let history = history.as_array().unwrap();
    assert_eq!(history.len(), 8);
    assert_eq!((&history[1]["actor"], &history[1]["why"]), (&"zoe".into(), &"go".into()));
    assert!(said(&serve, 0, &["history", "button"]).contains("it sells"));
    assert!(!said(&serve, 0, &["list"]).contains("button"));
    assert!(said(&serve, 0, &["list", "--archived"]).contains("button"));
    said(&serve, 0, &["delete", "button", "--yes"]);
}

#[test]
fn a_counting_experiment_gets_its_definition_from_its_counts() {
    let serve = Serve::embedded();
    for (variant, uuid) in [("blue", "1"), ("red", "2")] {
        for event in ["participate", "signup"] {
            assert_eq!(serve.track("button", variant, event, uuid), 200);
        }
    }
    said(&serve, 0, &["create", "--from", "button", "--status", "running"]);
    let shown = json(&serve, &["show", "button", "--json"]);
    assert_eq!(
        (&shown["variants"][0]["name"], &shown["variants"][1]["name"]),
        (&"blue".into(), &"red".into())
    );
    assert_eq!(shown["goals"].as_array().unwrap().len(), 1);
    assert_eq!(serve.count("button", "signup", "red"), 1);
    let list = said(&serve, 0, &["list"]);
    let line: Vec<&str> = list.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line[..2], ["running", "100%"], "{list}");
}

#[test]
fn a_copy_starts_as_a_draft_with_its_own_id() {
    let serve = Serve::embedded();
    said(&serve, 0, &["create", "button", "--variants", "a,b", "--status", "running"]);
    said(&serve, 0, &["copy", "button", "--to-namespace", "prod"]);
    let original = json(&serve, &["show", "button", "--json"]);
    let copy = json(&serve, &["show", "button", "--json", "--namespace", "prod"]);
    assert_eq!(copy["status"], "draft");
    assert_eq!(copy["variants"], original["variants"]);
    assert_ne!(copy["salt"], original["salt"]);
    let again = experiments(&serve, &["copy", "button", "--to-namespace", "prod"]);
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn a_missing_definition_says_how_to_create_one() {
    let serve = Serve::embedded();
    let failed = experiments(&serve, &["start", "button"]);
    assert_eq!(failed.status.code(), Some(1));
    let error = String::from_utf8_lossy(&failed.stderr);
    assert!(error.contains("abtest experiments create 'button'"), "{error}");
    assert!(said(&serve, 0, &["tick"]).contains("no step is due"));
}

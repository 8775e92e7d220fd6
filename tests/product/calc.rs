//! `abtest calc --json`: one question per line, one answer per line.

use std::io::Write;
use std::process::{Command, Stdio};

use abtest_tests::binaries::{binary, tests};
use serde_json::Value;

/// The exit code and the answers.
fn ask(questions: &str) -> (Option<i32>, Vec<Value>) {
    let mut calc = Command::new(binary("abtest"))
        .args(["calc", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = calc.stdin.take().unwrap();
    input.write_all(questions.as_bytes()).unwrap();
    drop(input);
    let output = calc.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (output.status.code(), answers.collect())
}

#[test]
fn every_reference_case_is_answered_with_the_members_that_are_expected() {
    let file = tests().join("../crates/stats/tests/stats-cases-open.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = cases.as_array().or_else(|| cases["cases"].as_array()).unwrap();
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    let (code, answers) = ask(&(lines.join("\n") + "\n"));
    assert_eq!(code, Some(0));
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(&answers) {
        assert_eq!(answer["kind"], case["kind"]);
        for member in case["expect"].as_object().unwrap().keys() {
            assert!(answer["result"].get(member).is_some(), "{case}: {answer}");
        }
    }
}

#[test]
fn a_line_that_fails_is_answered_with_an_error_and_ends_with_exit_code_1() {
    let good =
        r#"{"kind": "proportion", "input": {"successes": 50, "trials": 1000, "level": 0.95}}"#;
    let (code, answers) =
        ask(&format!("nonsense\n\n{{\"kind\": \"tea\", \"input\": {{}}}}\n{good}\n"));
    assert_eq!((code, answers.len()), (Some(1), 3));
    assert!(answers[0]["error"].as_str().unwrap().contains("not JSON"));
    assert!(answers[1]["error"].as_str().unwrap().contains("known kinds"));
    assert_eq!(answers[2]["result"]["rate"], 0.05);
}

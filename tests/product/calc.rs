//! `abtest calc --json`: a question a line, an answer a line.

use std::io::Write;
use std::process::{Command, Stdio};

use abtest_tests::binaries::{binary, tests};
use serde_json::Value;

fn ask(questions: &str) -> Vec<Value> {
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
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_reference_case_is_answered_with_the_members_that_are_expected() {
    let file = tests().join("../crates/stats/tests/stats-cases-open.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = cases.as_array().or_else(|| cases["cases"].as_array()).unwrap();
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    let answers = ask(&(lines.join("\n") + "\n"));
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(&answers) {
        assert_eq!(answer["kind"], case["kind"]);
        for member in case["expect"].as_object().unwrap().keys() {
            assert!(answer["result"].get(member).is_some(), "{case}: {answer}");
        }
    }
}

#[test]
fn what_is_no_question_is_a_line_too_and_the_next_is_answered() {
    let good =
        r#"{"kind": "proportion", "input": {"successes": 50, "trials": 1000, "level": 0.95}}"#;
    let answers = ask(&format!("nonsense\n\n{{\"kind\": \"tea\", \"input\": {{}}}}\n{good}\n"));
    assert_eq!(answers.len(), 3);
    assert!(answers[0]["error"].as_str().unwrap().contains("not JSON"));
    assert!(answers[1]["error"].as_str().unwrap().contains("known kinds"));
    assert_eq!(answers[2]["result"]["rate"], 0.05);
}

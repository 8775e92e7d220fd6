//! Reference values: every case of the specification, and more of our own making, within their tolerances.

#![allow(clippy::unwrap_used)] // a panic is how a test says no

use abtest_stats::calc;
use serde_json::Value;

fn within(expected: &Value, found: &Value, rtol: f64) -> Result<(), String> {
    match (expected, found) {
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            expected.iter().zip(found).try_for_each(|(e, f)| within(e, f, rtol))
        }
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().try_for_each(|(name, e)| {
                let f = found.get(name).ok_or_else(|| format!("{name} is missing"))?;
                within(e, f, rtol).map_err(|error| format!("{name}: {error}"))
            })
        }
        (Value::Number(e), Value::Number(f)) => {
            let (e, f) = (e.as_f64().unwrap(), f.as_f64().unwrap());
            let close = (f - e).abs() <= rtol * e.abs() || (f - e).abs() < 1e-300;
            close.then_some(()).ok_or_else(|| format!("{f:e} instead of {e:e}"))
        }
        (e, f) if e == f => Ok(()),
        (e, f) => Err(format!("{f} instead of {e}")),
    }
}

fn check(file: &str) {
    let file: Value = serde_json::from_str(file).unwrap();
    let mut wrong = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let answer = calc::evaluate(case);
        let rtol = case["rtol"].as_f64().unwrap();
        if let Err(error) = within(&case["expect"], &answer["result"], rtol) {
            wrong.push(format!("{}: {error} ({answer})", case["id"]));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_open_case_lies_within_its_tolerance() {
    check(include_str!("stats-cases-open.json"));
}

#[test]
fn every_further_case_from_mpmath_scipy_and_statsmodels_lies_within_its_tolerance() {
    check(include_str!("cases-more.json"));
}

#[test]
fn every_case_of_values_from_scipy_and_statsmodels_lies_within_its_tolerance() {
    check(include_str!("value-cases.json"));
}

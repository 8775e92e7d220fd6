//! Each number on the page equals the API's.

use std::process::Command;

use abtest_tests::binaries::binary;
use abtest_tests::reader::{Reader, Screen};
use abtest_tests::serve::Serve;
use serde_json::Value;

use super::{HOSTILE, link, reader, server_with_experiments};

/// The output of `abtest results --json`.
fn results(serve: &Serve, experiment: &str) -> Value {
    let output = Command::new(binary("abtest"))
        .args(["results", experiment, "--json", "--url", &serve.url])
        .env("ABTEST_API_KEY", &serve.key)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// For each goal, the rows of the table with this title, as the full values of their cells.
pub(super) fn tables(reader: &Reader, title: &str) -> Value {
    reader.ask(&format!(
        "[...document.querySelectorAll('section.goal')].map((goal) =>
          [...goal.querySelectorAll('table')]
            .filter((table) => table.caption.textContent.includes({title:?}))
            .flatMap((table) => [...table.tBodies[0].rows].map((row) =>
              [...row.querySelectorAll('td')].map((cell) =>
                cell.querySelector('data') ? Number(cell.querySelector('data').value) : null))))"
    ))
}

/// The values at these paths, in this order.
fn at(value: &Value, paths: &[&str]) -> Vec<Option<f64>> {
    paths.iter().map(|path| value.pointer(path).and_then(Value::as_f64)).collect()
}

/// What the API says beside what is shown of it. Fails if one of them has more than the other.
fn pairs<'a>(expected: &'a Value, shown: &'a Value) -> Vec<(&'a Value, &'a Value)> {
    let (expected, shown) = (expected.as_array().unwrap(), shown.as_array().unwrap());
    assert!(!expected.is_empty());
    assert_eq!(shown.len(), expected.len(), "{shown:?}");
    expected.iter().zip(shown).collect()
}

pub(super) fn numbers(row: &Value) -> Vec<Option<f64>> {
    row.as_array().unwrap().iter().map(Value::as_f64).collect()
}

#[test]
fn every_cell_of_the_numbers_is_that_of_abtest_results() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    for experiment in ["button color", "clicks", "early", "split", HOSTILE, "many variants"] {
        let api = results(&serve, experiment);
        let analysis = &api["analysis"];
        reader.go(&link(experiment));
        reader.see_text("h1", experiment);
        reader.see("section.goal");
        let shown = tables(&reader, "all numbers");
        for (goal, rows) in pairs(&analysis["goals"], &shown) {
            for (variant, row) in pairs(&goal["variants"], rows) {
                let compared = goal["against_control"].as_array().unwrap();
                let compared = compared
                    .iter()
                    .find(|one| one["variant"] == variant["variant"])
                    .cloned()
                    .unwrap_or_default();
                let of_comparison = |paths: &[&str]| at(&compared, paths);
                let expected = [
                    at(variant, &["/trials", "/successes", "/rate"]),
                    // The method and the family are words.
                    vec![None, None],
                    of_comparison(&["/interval_level", "/lift", "/lift_low", "/lift_high"]),
                    of_comparison(&["/p_value", "/adjusted_p_value"]),
                    of_comparison(&["/difference", "/difference_low", "/difference_high"]),
                    at(variant, &["/low", "/high"]),
                    of_comparison(&["/chance_to_beat"]),
                    at(variant, &["/chance_best"]),
                    of_comparison(&["/expected_loss", "/power"]),
                ]
                .concat();
                assert_eq!(
                    numbers(row),
                    expected,
                    "{experiment}: {} of {}",
                    goal["goal"],
                    variant["variant"]
                );
            }
        }
        // The verdict's sentence is the API's.
        let sentence = analysis["verdict"]["sentence"].as_str().unwrap();
        let shown = reader.texts(".answer p");
        assert!(experiment == HOSTILE || shown[0].contains(sentence), "{shown:?}: {sentence}");
    }
}

#[test]
fn every_cell_of_the_matrix_is_that_of_abtest_results() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    let api = results(&serve, "button color");
    reader.go(&link("button color"));
    reader.see("section.goal");
    for measure in ["chance_to_beat", "lift", "p_value", "expected_loss"] {
        reader.go(&format!("{}?matrix={measure}", link("button color")));
        reader.ask("document.querySelectorAll('details').forEach((one) => { one.open = true })");
        reader.see(&format!("section.goal select:has(option[value={measure}]:checked)"));
        let shown = tables(&reader, "row against column");
        for (goal, rows) in pairs(&api["analysis"]["goals"], &shown) {
            let square = pairs(&goal["matrix"][measure], rows);
            for (row, (expected, shown)) in square.into_iter().enumerate() {
                let mut expected = numbers(expected);
                expected[row] = None;
                assert_eq!(numbers(shown), expected, "{measure} of {}", goal["goal"]);
            }
        }
    }
}

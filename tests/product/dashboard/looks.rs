//! The looks: what they decided is on the page with every method.

use abtest_tests::reader::Screen;
use serde_json::Value;

use super::figures::{numbers, tables};
use super::{link, reader, record, server_with_experiments};

const PATH: &str = "/experiments/button%20color";

#[test]
fn looks_and_what_they_decided_are_shown_with_every_method() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let look = serve.call("POST", &format!("{PATH}/looks?planned=40000&goal=signup"), None);
    assert_eq!(look.status, 200, "{}", look.text);
    // What comes later does not change a look.
    record(&serve, "button color", &[("late", 30, &[("later", 10)])]);
    let decisions = serve.get(PATH).json()["analysis"]["looks"]["decisions"].clone();
    let decisions = decisions.as_array().unwrap();
    assert!(!decisions.is_empty());

    let reader = reader(&screen, &serve);
    for method in ["", "?method=fixed", "?method=sequential"] {
        reader.go(&format!("{}{method}", link("button color")));
        reader.see_text("#looks", "The plan ends at 40,000 participants.");
        let shown = reader.texts("#looks li");
        assert_eq!(shown.len(), decisions.len(), "{method}");
        for (line, decision) in shown.iter().zip(decisions) {
            let variant = decision["variant"].as_str().unwrap();
            assert!(line.contains(&format!("{variant} is better than")), "{line}");
            assert!(line.contains("Decided at 12,030 participants."), "{line}");
        }
    }
    assert_eq!(reader.violations(), [""; 0]);
    assert!(reader.overflow() <= 0);
    assert!(reader.complaints().is_empty());
}

#[test]
fn with_planned_looks_the_intervals_are_those_of_the_look() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let look = serve.call("POST", &format!("{PATH}/looks?planned=40000&goal=signup"), None);
    assert_eq!(look.status, 200, "{}", look.text);
    let reader = reader(&screen, &serve);
    reader.go(&format!("{}?method=sequential&goal=signup", link("button color")));
    reader.see_text("section.goal .heads", "planned looks");
    let api = serve.get(&format!("{PATH}?method=sequential&goal=signup")).json();
    let goals = api["analysis"]["goals"].as_array().unwrap();
    let shown = tables(&reader, "all numbers");
    let mut seen = 0;
    for (goal, rows) in goals.iter().zip(shown.as_array().unwrap()) {
        let variants = goal["variants"].as_array().unwrap();
        for comparison in goal["against_control"].as_array().unwrap() {
            assert_eq!(comparison["method"], "sequential");
            let row = variants.iter().position(|one| one["variant"] == comparison["variant"]);
            let cells = numbers(&rows[row.unwrap()]);
            let bounds = [&comparison["lift_low"], &comparison["lift_high"]].map(Value::as_f64);
            assert_eq!(cells[7..9], bounds, "{comparison}");
            seen += usize::from(bounds[0].is_some());
        }
    }
    assert!(seen > 0, "{api}");
}

#[test]
fn a_reader_with_another_control_is_told_which_one_the_looks_used() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let look = serve.call("POST", &format!("{PATH}/looks?planned=40000&goal=signup"), None);
    assert_eq!(look.status, 200, "{}", look.text);
    let reader = reader(&screen, &serve);
    reader.go(&format!("{}?control=red&goal=signup", link("button color")));
    let told = serve.get(&format!("{PATH}?control=red&goal=signup")).json();
    let remarks = told["analysis"]["warnings"].as_array().unwrap();
    let remark = remarks.iter().find(|one| one["code"] == "looks_differ").unwrap();
    reader.see_text("#looks", remark["message"].as_str().unwrap());
}

#[test]
fn without_looks_planned_looks_say_how_to_take_one() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let reader = reader(&screen, &serve);
    reader.go(&link("button color"));
    reader.see("section.goal");
    assert!(reader.texts("#looks").is_empty());
    reader.choose("select[name=method]", "sequential");
    reader.see_text("#looks", "abtest results NAME --look");
}

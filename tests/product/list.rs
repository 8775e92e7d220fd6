//! `GET /experiments`: short by default, full on request, in pages.

use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use crate::analysis::record;

/// Most bytes of a summary.
const SUMMARY: usize = 700;

fn names(list: &Value) -> Vec<String> {
    let elements = list.as_array().unwrap().iter().skip(1);
    elements.map(|element| element["experiment"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_list_has_gimels_members_and_a_summary_and_more_on_request() {
    let serve = Serve::embedded();
    record(&serve, "button color", &[("blue", 2_000, 200), ("red", 2_000, 320)]);
    let long = "\"名\"".repeat(20);
    record(&serve, &long, &[(&long, 20, 2), ("b", 200, 20)]);
    let alone = serve.get("/experiments/button%20color").json();
    let verdict = &alone["analysis"]["verdict"];

    let list = serve.get("/experiments").json();
    let (head, counted) = (&list[0], &list[2]);
    assert_eq!(head, &json!({"meta": {"scope": null, "namespace": "alephbet"}}));
    for member in ["experiment", "goals", "variants", "counting"] {
        assert_eq!(counted[member], alone[member], "{member}");
    }
    assert!(counted.get("analysis").is_none());
    let summary = &counted["summary"];
    for member in ["outcome", "sentence", "goal", "variant"] {
        assert_eq!(summary[member], verdict[member], "{member}");
    }
    assert_eq!(summary["control"], "blue");
    assert_eq!(summary["sample_ratio_alarm"], alone["analysis"]["sample_ratio"]["alarm"]);
    for element in list.as_array().unwrap().iter().skip(1) {
        let summary = element["summary"].to_string();
        assert!(summary.len() <= SUMMARY, "{} bytes: {summary}", summary.len());
    }

    let full = serve.get("/experiments?analysis=full").json();
    assert_eq!(full[2]["analysis"], alone["analysis"]);
    assert!(full[2].get("summary").is_none());
    let none = serve.get("/experiments?analysis=none").json();
    assert_eq!(none[2]["goals"], alone["goals"]);
    assert!(none[2].get("analysis").is_none() && none[2].get("summary").is_none());
}

#[test]
fn a_list_has_pages_that_link_to_the_next() {
    let serve = Serve::embedded();
    for index in 0..5 {
        record(&serve, &format!("experiment {index}"), &[("a", 2, 1), ("b", 2, 1)]);
    }
    let all = names(&serve.get("/experiments").json());
    let mut seen = Vec::new();
    let mut path = "/experiments?limit=2&analysis=none".to_owned();
    for page in 0..3 {
        let answer = serve.get(&path);
        assert_eq!(answer.status, 200, "{}", answer.text);
        seen.extend(names(&answer.json()));
        let link = answer.header("link").to_owned();
        if page == 2 {
            assert_eq!(link, "");
        } else {
            let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
            path = format!("/experiments{}", next.unwrap_or_else(|| panic!("{link}")));
        }
    }
    assert_eq!(seen, all);
    let scoped = serve.get("/experiments?scope=experiment%204,experiment%201&limit=1").json();
    assert_eq!(names(&scoped), ["experiment 4"]);
    for query in ["limit=0", "limit=x", "cursor="] {
        let answer = serve.get(&format!("/experiments?{query}"));
        let parameter = query.split('=').next().unwrap();
        assert_eq!((answer.status, &answer.json()["parameter"]), (400, &json!(parameter)));
    }
}

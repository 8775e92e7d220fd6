use super::*;
use crate::operator::looks_document::LooksDocument;
use abtest_model::{Experiment, Goal, Query, Variant};
use serde_json::Value;

fn tally(counting: Counting, counts: &[(&str, &str, u64)]) -> Tally {
    let mut tally = Tally::new(Experiment::new("e").unwrap(), counting);
    for (goal, variant, count) in counts {
        tally.set(Goal::new(*goal).unwrap(), Variant::new(*variant).unwrap(), *count);
    }
    tally
}

fn signups(counting: Counting) -> Tally {
    tally(
        counting,
        &[
            ("participate", "blue", 20_000),
            ("participate", "red", 20_100),
            ("signup", "blue", 1_000),
            ("signup", "red", 1_300),
        ],
    )
}

fn write(query: &str, tally: &Tally, asked: Asked) -> Result<Value, Box<Problem>> {
    let question = Question::to_read(&Query::parse(query).unwrap(), Detail::Full)?;
    let answer = super::read(&question, tally, &Earlier::default(), asked)?.answer;
    Ok(serde_json::to_value(answer).unwrap())
}

fn rule(query: &str) -> Value {
    let problem = write(query, &signups(Counting::Hll), Asked::Alone).unwrap_err();
    serde_json::to_value(&problem).unwrap()
}

#[test]
fn the_analysis_stands_beside_what_gimel_has() {
    let tally = signups(Counting::Exact);
    let mut with = write("", &tally, Asked::AmongOthers).unwrap();
    let without = write("analysis=none", &tally, Asked::AmongOthers).unwrap();
    let analysis = with.as_object_mut().unwrap().remove("analysis").unwrap();
    assert_eq!(with, without);
    assert_eq!(without, serde_json::to_value(ExperimentResults::from(&tally)).unwrap());
    assert_eq!(analysis["verdict"]["outcome"], "better");
    assert_eq!(
        (&analysis["method"], &analysis["control"]),
        (&"always_valid".into(), &"blue".into())
    );
    assert_eq!(analysis["counter"], "exact");
}

#[test]
fn a_counter_with_an_error_makes_wider_intervals() {
    let width = |counting| {
        let results = write("", &signups(counting), Asked::Alone).unwrap();
        let variant = results["analysis"]["goals"][0]["variants"][0].clone();
        variant["high"].as_f64().unwrap() - variant["low"].as_f64().unwrap()
    };
    assert!(width(Counting::Hll) > width(Counting::Exact));
}

#[test]
fn the_parameters_are_what_they_say() {
    let query =
        "control=red&goal=signup&level=90%25&minimum_lift=0.1&power=0.9&correction=bh&method=fixed";
    let results = write(query, &signups(Counting::Exact), Asked::Alone).unwrap();
    let analysis = &results["analysis"];
    assert_eq!(analysis["control"], "red");
    assert_eq!(analysis["goals"][0]["primary"], true);
    assert_eq!(analysis["level"], 0.9);
    assert_eq!(analysis["minimum_lift"], 0.1);
    assert_eq!(analysis["correction"], "benjamini_hochberg");
    assert_eq!(analysis["method"], "fixed");
    assert_eq!(analysis["verdict"]["outcome"], "worse");
}

#[test]
fn a_wrong_parameter_is_named_with_its_rule() {
    for (query, parameter, rule_name) in [
        ("level=95", "level", "percentage"),
        ("level=NaN", "level", "percentage"),
        ("level=high", "level", "percentage"),
        ("level=100%25", "level", "range"),
        ("minimum_lift=10", "minimum_lift", "percentage"),
        ("minimum_lift=0", "minimum_lift", "range"),
        ("power=100%25", "power", "range"),
        ("correction=holm", "correction", "one-of"),
        ("method=", "method", "one-of"),
        ("analysis=all", "analysis", "one-of"),
        ("control=green", "control", "known-variant"),
        ("goal=buy", "goal", "known-goal"),
        ("method=sequential&looks=9", "planned", "required"),
        ("method=sequential&planned=0", "planned", "range"),
        ("method=sequential&planned=9&looks=3,2", "looks", "range"),
        ("method=sequential&planned=5&looks=5,6", "looks", "range"),
        ("method=sequential&planned=9&looks=x", "looks", "number"),
        ("looks=3", "looks", "needs-method"),
        ("planned=3", "planned", "needs-method"),
        ("history=yes", "history", "boolean"),
        ("analysis=none&level=95", "level", "percentage"),
        ("method=sequential&planned=40100", "planned", "reached"),
    ] {
        let problem = rule(query);
        assert_eq!(
            (&problem["parameter"], &problem["rule"]),
            (&parameter.into(), &rule_name.into()),
            "{query}"
        );
        assert_eq!(problem["status"], 400);
    }
    let detail = rule("minimum_lift=10")["detail"].to_string();
    assert!(detail.contains("write 10% or 1000%"), "{detail}");
    let detail = rule("control=green")["detail"].to_string();
    assert!(detail.contains("`blue`, `red`"), "{detail}");
}

#[test]
fn among_others_an_experiment_may_lack_the_control_and_says_which_it_took() {
    let results = write("control=green&goal=buy", &signups(Counting::Hll), Asked::AmongOthers);
    let analysis = &results.unwrap()["analysis"];
    assert_eq!(analysis["control"], "blue");
    let notes = analysis["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["code"] == "control_assumed"), "{notes:?}");
}

#[test]
fn the_control_kept_with_the_experiment_is_taken_if_nobody_names_another() {
    let mut tally = signups(Counting::Exact);
    tally.control = Some(Variant::new("red").unwrap());
    let control = |query: &str, tally: &Tally| {
        write(query, tally, Asked::Alone).unwrap()["analysis"]["control"].clone()
    };
    assert_eq!(control("", &tally), "red");
    assert_eq!(control("control=blue", &tally), "blue");
    // A variant that went with its events.
    tally.control = Some(Variant::new("green").unwrap());
    assert_eq!(control("", &tally), "blue");
}

#[test]
fn the_looks_told_of_are_those_that_the_bounds_hold_for() {
    let query = "method=sequential&planned=80200&looks=10000,20000";
    let results = write(query, &signups(Counting::Exact), Asked::Alone).unwrap();
    let looks = &results["analysis"]["looks"];
    assert_eq!(looks["planned"], 80_200);
    assert_eq!(looks["taken"][2]["participants"], 40_100);
    assert_eq!(looks["taken"][2]["information"], 0.5);
    let comparison = &results["analysis"]["goals"][0]["against_control"][0];
    assert!(comparison["look"]["bound"].as_f64().unwrap() > 2.9);
    assert_eq!(results["analysis"]["verdict"]["outcome"], "better");
}

fn look(
    query: &str,
    tally: &Tally,
    looks: &LooksDocument,
) -> Result<(Option<LookRecord>, Value), Value> {
    let earlier = Earlier { looks: looks.clone(), ..Earlier::default() };
    let look = |query: &Query<'_>| super::look(&Question::to_look(query)?, tally, &earlier);
    let (look, report) = look(&Query::parse(query).unwrap())
        .map_err(|problem| serde_json::to_value(&problem).unwrap())?;
    Ok((look, serde_json::to_value(report.answer).unwrap()))
}

fn read_sequential(tally: &Tally, looks: &LooksDocument) -> Value {
    let earlier = Earlier { looks: looks.clone(), ..Earlier::default() };
    let query = Query::parse("method=sequential").unwrap();
    let question = Question::to_read(&query, Detail::Full).unwrap();
    let report = super::read(&question, tally, &earlier, Asked::Alone).unwrap();
    serde_json::to_value(report.answer).unwrap()
}

#[test]
fn a_look_is_stored_with_what_it_found_and_decides_from_then_on() {
    let tally = signups(Counting::Exact);
    let none = LooksDocument::default();
    let (taken, first) = look("planned=80200", &tally, &none).unwrap();
    let taken = taken.unwrap();
    assert_eq!((taken.participants, taken.planned, &*taken.control), (40_100, 80_200, "blue"));
    assert_eq!(first["analysis"]["looks"]["decisions"][0]["participants"], 40_100);
    // The same look again is not another one, and reading takes none.
    let stored = none.with(taken);
    let (again, second) = look("", &tally, &stored).unwrap();
    assert_eq!((again, &second["analysis"]["verdict"]), (None, &first["analysis"]["verdict"]));
    let read = read_sequential(&tally, &stored);
    assert_eq!(read["analysis"]["verdict"]["outcome"], "better");
    let untouched = read_sequential(&tally, &none);
    assert_ne!(untouched["analysis"]["verdict"]["outcome"], "better");
    assert!(untouched["analysis"].get("looks").is_none());
}

#[test]
fn the_first_report_of_an_alarm_hands_it_over_and_later_ones_keep_it() {
    let counted = |blue, red| {
        tally(Counting::Exact, &[("participate", "blue", blue), ("participate", "red", red)])
    };
    let query = Query::parse("").unwrap();
    for detail in [Detail::Full, Detail::Summary] {
        let question = Question::to_read(&query, detail).unwrap();
        let read = |tally: &Tally, alarm: Option<RaisedAlarm>| {
            let earlier = Earlier { alarm, ..Earlier::default() };
            super::read(&question, tally, &earlier, Asked::Alone).unwrap()
        };
        assert_eq!(read(&counted(20_000, 20_100), None).new_alarm, None);
        let alarm = read(&counted(2_000, 8_000), None).new_alarm.unwrap();
        assert!(alarm.e_value >= 1_000.0 && alarm.participants() == 10_000, "{alarm:?}");
        let later = read(&counted(20_000, 20_100), Some(alarm.clone()));
        assert_eq!(later.new_alarm, None);
        let Some(analysis) = later.answer.analysis else {
            assert!(later.answer.summary.unwrap().sample_ratio_alarm);
            continue;
        };
        assert!(analysis.sample_ratio.alarm && analysis.sample_ratio.e_value.unwrap() < 1.0);
        assert_eq!(analysis.sample_ratio.raised, Some(alarm));
    }
}

#[test]
fn a_discarded_look_is_told_in_every_report() {
    let tally = signups(Counting::Exact);
    let (taken, _) = look("planned=80200", &tally, &LooksDocument::default()).unwrap();
    let stored = LooksDocument::default().with(taken.unwrap());
    let reset = stored.reset("2026-11-21".to_owned()).unwrap();
    let read = read_sequential(&tally, &reset);
    assert!(read["analysis"].get("looks").is_none());
    let warning = &read["analysis"]["warnings"][0];
    assert_eq!(warning["code"], "looks_reset");
    let message = warning["message"].as_str().unwrap();
    assert!(message.contains("2026-11-21") && message.contains("40,100 of 80,200"), "{message}");
}

#[test]
fn too_small_a_plan_is_warned_of_with_a_number_that_is_large_enough() {
    let tally = signups(Counting::Exact);
    let warnings = |query: &str| {
        let (_, answer) = look(query, &tally, &LooksDocument::default()).unwrap();
        answer["analysis"]["warnings"].to_string()
    };
    assert!(warnings("planned=41000").contains("plan_too_small"));
    assert!(!warnings("planned=100000000").contains("plan_too_small"));
}

#[test]
fn a_look_that_cannot_be_taken_says_why() {
    let tally = signups(Counting::Exact);
    let none = LooksDocument::default();
    let early = tally_of_half(&tally);
    let (taken, _) = look("planned=80200", &early, &none).unwrap();
    let taken = taken.unwrap();
    let one = none.with(taken.clone());
    let mut many = none.clone();
    for participants in 1..=100 {
        many = many.with(LookRecord { participants, ..taken.clone() });
    }
    for (query, stored, parameter, rule_name) in [
        ("", &none, "planned", "required"),
        ("planned=0", &none, "planned", "range"),
        ("planned=many", &none, "planned", "number"),
        ("planned=100", &none, "planned", "reached"),
        ("planned=40100", &none, "planned", "reached"),
        ("planned=91", &one, "planned", "fixed"),
        ("planned=90000&method=fixed", &none, "method", "one-of"),
        ("planned=90000&control=green", &none, "control", "known-variant"),
        ("", &many, "looks", "range"),
    ] {
        let problem = look(query, &tally, stored).unwrap_err();
        let said = (&problem["parameter"], &problem["rule"]);
        assert_eq!(said, (&parameter.into(), &rule_name.into()), "{query}: {problem}");
    }
}

fn tally_of_half(whole: &Tally) -> Tally {
    let mut half = Tally::new(whole.experiment.clone(), whole.counting);
    for goal in ["participate", "signup"] {
        for variant in whole.variants() {
            half.set(Goal::new(goal).unwrap(), variant.clone(), whole.count(goal, variant) / 2);
        }
    }
    half
}

#[test]
fn a_variant_that_is_called_control_is_the_control() {
    let counts = [("participate", "A", 5), ("participate", "Control", 5)];
    let results = write("", &tally(Counting::Exact, &counts), Asked::Alone).unwrap();
    assert_eq!(results["analysis"]["control"], "Control");
}

#[test]
fn whatever_was_counted_is_answered_in_numbers_and_nulls() {
    const COUNTS: [u64; 7] = [0, 1, 99, 1_000_000_000_000, u64::MAX / 2, u64::MAX - 1, u64::MAX];
    for counting in [Counting::Hll, Counting::Exact] {
        for trials in COUNTS {
            for successes in COUNTS {
                for method in ["always_valid", "fixed", "sequential&planned=1000000&looks=500"] {
                    let counts = [
                        ("participate", "a", trials),
                        ("participate", "b", successes),
                        ("goal", "a", successes),
                        ("goal", "b", trials),
                        ("other", "b", 1),
                    ];
                    let query = format!("method={method}");
                    let results = write(&query, &tally(counting, &counts), Asked::Alone);
                    let results = results.unwrap();
                    let sentence = &results["analysis"]["verdict"]["sentence"];
                    let sentence = sentence.as_str().unwrap();
                    assert!(!sentence.is_empty());
                    // A sentence can show a number that JSON could not.
                    let shown = |text: &str| sentence.contains(text);
                    assert!(!shown("NaN") && !shown("inf%"), "{sentence}");
                    // serde_json writes NaN and infinity as null, so each null needs a reason.
                    for goal in results["analysis"]["goals"].as_array().unwrap() {
                        for part in goal["variants"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .chain(goal["against_control"].as_array().unwrap())
                        {
                            explained(part);
                        }
                    }
                }
            }
        }
    }
}

fn explained(part: &Value) {
    let members = part.as_object().unwrap();
    if members.values().any(Value::is_null) {
        assert!(members.contains_key("reason"), "{part}");
    }
    for nested in ["sample_needed"] {
        if let Some(nested) = members.get(nested) {
            explained(nested);
        }
    }
}

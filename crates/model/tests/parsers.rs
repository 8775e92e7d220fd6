//! What the two parsers of outside input accept keeps the rules, and what they say about the rest
//! can be printed.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p abtest-model --test parsers` tries a million
//! inputs each, in half a minute. On 2026-11-21 both passed, and found nothing to keep as a corpus;
//! so did a million inputs to each of the parsers' own tests that nothing makes them panic.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use abtest_model::{Batch, Event, Experiment, Goal, Namespace, Query, Uuid, Variant};
use proptest::prelude::*;

/// A request's query string or body as a generator makes it: names of parameters and values, whole
/// and broken, so that random texts get past the first byte.
fn text(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z%]{0,210}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const QUERY: &[&str] = &[
    "experiment=e",
    "&variant=v",
    "&event=g",
    "&uuid=u",
    "&namespace=n",
    "&",
    "=",
    "%",
    "+",
    "%25",
    "%ff",
    "%e2%82%ac",
    "%00",
    "%C2%85",
    "é",
    "\0",
    "experiment=e&variant=v&event=g&uuid=u",
];

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "null",
    "1e999",
    "-0",
    "\"experiment\":\"e\"",
    "\"variant\":\"v\"",
    "\"event\":\"g\"",
    "\"uuid\":\"u\"",
    "\"namespace\":\"n\"",
    "\"x\":",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "é",
    "\n",
    "{\"experiment\":\"e\",\"variant\":\"v\",\"event\":\"g\",\"uuid\":\"u\"}",
];

fn assert_keeps_the_rules(event: &Event) {
    assert!(Namespace::new(event.namespace.as_str()).is_ok(), "{event:?}");
    assert!(Experiment::new(event.experiment.as_str()).is_ok(), "{event:?}");
    assert!(Variant::new(event.variant.as_str()).is_ok(), "{event:?}");
    assert!(Goal::new(event.goal.as_str()).is_ok(), "{event:?}");
    assert!(Uuid::new(event.uuid.as_str()).is_ok(), "{event:?}");
}

fn assert_can_be_printed(error: &impl ToString) {
    let message = error.to_string();
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(message.len() < 400, "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_query_string_is_an_event_or_an_error_that_can_be_printed(query in text(QUERY)) {
        match Query::parse(&query).and_then(|query| Event::from_query(&query)) {
            Ok(event) => assert_keeps_the_rules(&event),
            Err(error) => assert_can_be_printed(&error),
        }
    }

    #[test]
    fn a_body_is_events_or_errors_that_can_be_printed(
        body in prop_oneof![
            1 => any::<Vec<u8>>(),
            9 => text(JSON).prop_map(String::into_bytes),
        ],
    ) {
        match Batch::from_json(&body) {
            Ok(batch) => for event in batch.into_events() {
                match event {
                    Ok(event) => assert_keeps_the_rules(&event),
                    Err(error) => assert_can_be_printed(&error),
                }
            },
            Err(error) => assert_can_be_printed(&error),
        }
    }
}

//! Pages with GrowthBook's JavaScript SDK and its tracking plugin, on another origin than abtest and without code of ours.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use abtest_tests::serve::Serve;
use abtest_tests::shop::{Shop, Visitor};
use serde_json::{Value, json};

use super::define;

const EXPERIMENT: &str = "button";
const VARIANTS: [&str; 2] = ["control", "green"];

/// The page: the SDK's own script, and the code that every user of the SDK writes.
fn html(serve: &Serve) -> String {
    format!(
        "<!doctype html><title>A shop</title><link rel=icon href=data:,><script>
         document.addEventListener('growthbookdata', () => {{
             globalThis.seen = _growthbook.evalFeature('{EXPERIMENT}')
         }})</script><script src=auto.min.js data-client-key=alephbet data-api-host={0} \
         data-tracking=growthbook data-event-ingestor-host={0}></script>",
        serve.url
    )
}

fn start() -> (Serve, Shop) {
    let serve = Serve::embedded();
    let settings = serve.call("PATCH", "/settings", Some(r#"{"hash": "growthbook"}"#));
    assert_eq!(settings.status, 200, "{}", settings.text);
    let variants: Vec<Value> = VARIANTS.iter().map(|name| json!({"name": name})).collect();
    define(&serve, EXPERIMENT, &json!({"status": "running", "variants": variants}));
    (serve, Shop::start())
}

/// The variant of the exposure that a page showed.
fn variant(visitor: &Visitor, tab: u64) -> String {
    visitor.wait(tab, "globalThis.seen");
    let seen = visitor.within(tab, "[seen.source, seen.value, seen.experimentResult.key]");
    assert_eq!((&seen[0], &seen[1]), (&json!("experiment"), &seen[2]));
    seen[2].as_str().unwrap().to_owned()
}

fn check(serve: &Serve, expected: &BTreeMap<String, u64>) {
    for variant in VARIANTS {
        let expected = expected.get(variant).copied().unwrap_or(0);
        assert_eq!(serve.count(EXPERIMENT, "participate", variant), expected, "{variant}");
    }
}

/// Waits until every exposure is counted, and checks that it is counted once.
fn wait(serve: &Serve, expected: &BTreeMap<String, u64>) {
    let counted = || {
        VARIANTS.map(|variant| serve.count(EXPERIMENT, "participate", variant)).iter().sum::<u64>()
    };
    let start = Instant::now();
    while counted() < expected.values().sum() {
        assert!(start.elapsed() < Duration::from_secs(20), "not everything is counted");
        std::thread::sleep(Duration::from_millis(20));
    }
    check(serve, expected);
}

#[test]
fn growthbooks_sdk_and_its_plugin_count_each_visitor_of_a_page_once() {
    let (serve, shop) = start();
    let html = html(&serve);
    let mut expected = BTreeMap::new();
    for number in 0..4 {
        let visitor = shop.visitor(json!({}));
        let tab = visitor.open_text(&html);
        let first = variant(&visitor, tab);
        *expected.entry(first.clone()).or_default() += 1;
        // Some leave before the plugin sends: it sends when the page is hidden.
        if number % 2 == 0 {
            visitor.close(tab);
        }
        wait(&serve, &expected);
        // The visitor comes back, sees the same variant, and is sent again.
        let tab = visitor.open_text(&html);
        assert_eq!(variant(&visitor, tab), first);
        visitor.leave(tab);
        assert_eq!(visitor.errors(), json!([]));
    }
    check(&serve, &expected);
    // The plugin's other events are ignored: there is no other experiment, and no goal.
    let results = serve.get("/experiments").json();
    assert_eq!(results.as_array().unwrap().len(), 2, "{results}");
    assert_eq!(results[1]["goals"], json!([]), "{results}");
}

#[test]
fn an_open_page_with_growthbooks_sdk_hears_of_a_winner() {
    let (serve, shop) = start();
    let visitor = shop.visitor(json!({}));
    let tab = visitor.open_text(&html(&serve));
    let winner = if variant(&visitor, tab) == "green" { "control" } else { "green" };
    super::patch(&serve, EXPERIMENT, &json!({"status": "completed", "winner": winner}));
    visitor.wait(tab, &format!("seen.value === '{winner}'"));
    assert_eq!(visitor.within(tab, "seen.source"), "force");
    assert_eq!(visitor.errors(), json!([]));
}

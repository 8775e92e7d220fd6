//! A list of ten thousand experiments.

use abtest_tests::reader::Screen;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use super::{reader, send};

#[test]
fn ten_thousand_experiments_are_listed_and_searched() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let limits = json!({"limits": {"experiments": 20_000, "counters": 100_000,
        "experiments_per_hour": 20_000, "counters_per_hour": 100_000}});
    std::fs::write(&config, limits.to_string()).unwrap();
    let serve = Serve::start(&["--config", config.to_str().unwrap()]);
    let events: Vec<Value> = (0..10_000)
        .flat_map(|number| {
            ["a", "b"].map(|variant| {
                json!({"experiment": format!("experiment {number}"), "variant": variant,
                       "event": "participate", "uuid": "1"})
            })
        })
        .collect();
    send(&serve, &events);
    let screen = Screen::start();
    let reader = reader(&screen, &serve);
    reader.see_text(".title p", "10,000 experiments");
    assert_eq!(reader.texts("ol.rows h2").len(), 50);
    // The list came in pages, and none of them counts as new.
    reader.miss(".fresh");
    reader.fill("input[type=search]", "experiment 9999");
    reader.see_text(".title p", "1 found of 10,000 experiments");
    assert_eq!(reader.texts("ol.rows h2"), ["experiment 9999"]);
    assert!(reader.violations().is_empty());
}

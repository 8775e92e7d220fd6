//! The charts over days.

use abtest_tests::reader::Screen;
use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::Value;

use super::{link, reader, record};

/// Moves the events of today to an earlier day. In the hash of days, the field of a day holds the count before
/// that day.
fn age_by(redis: &Redis, days: u64) {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
    for key in redis.keys().into_iter().filter(|key| key.starts_with("abtest:days:")) {
        let before = redis.command(&["HGET", &key, &now.to_string()]);
        assert!(!before.is_empty(), "{key}");
        redis.command(&["HSET", &key, &(now - days).to_string(), &before]);
        redis.command(&["HDEL", &key, &now.to_string()]);
    }
}

#[test]
fn days_are_drawn_with_gaps_today_and_the_lift_over_time() {
    let redis = Redis::start();
    let serve = Serve::redis(&redis.url());
    // A uuid counts once, so each day adds only the visitors beyond those of the day before.
    let visitors = |control: usize, red: usize| {
        let (reached, more) = (control / 10, red / 8);
        record(
            &serve,
            "button color",
            &[("control", control, &[("signup", reached)]), ("red", red, &[("signup", more)])],
        );
    };
    for (count, days) in [(400, 6), (1_500, 5), (3_000, 4), (4_500, 2), (6_500, 1)] {
        visitors(count, count + 40);
        age_by(&redis, days);
    }
    visitors(7_000, 7_010);

    let screen = Screen::start();
    let reader = reader(&screen, &serve);
    reader.see_text("ol.rows li", "since");
    reader.go(&link("button color"));
    reader.see_text("#days", "today so far");
    assert_eq!(reader.attributes("#days [data-goal=participate] rect.day", "x").len(), 5);
    assert_eq!(reader.attributes("#days [data-goal=participate] circle.gap", "cx").len(), 1);
    assert_eq!(reader.attributes("#days [data-goal=participate] rect.today", "x").len(), 1);
    reader.ask("document.querySelectorAll('details').forEach((one) => { one.open = true })");
    reader.see_text("#days td", "no count");
    reader.see_text("#days th", "(so far)");

    let api = serve.get("/experiments/button%20color?history=true").json();
    let lifts = api["history"]["rows"][0]["lift"].as_array().unwrap().clone();
    assert_eq!(lifts.len(), 6);
    let shown = reader.ask(
        "[...document.querySelectorAll('#settling tbody tr')].map((row) =>
          Number(row.querySelector('data').value))",
    );
    assert_eq!(shown, Value::from(lifts));
    assert_eq!(reader.violations(), [""; 0]);
    assert!(reader.complaints().is_empty());
    reader.picture("days-open");
    reader.ask("document.querySelectorAll('details').forEach((one) => { one.open = false })");
    reader.picture("days");
}

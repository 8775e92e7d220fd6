//! Hostile units, attributes and conditions: too large, too deep, and patterns that take exponential time in many
//! engines. Each is refused with 400 or answered, and events go on being counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use crate::Form;
use crate::load::Load;
use crate::outcome::Outcome;

const JSON: (&str, &str) = ("content-type", "application/json");

pub(crate) fn on_a_folder(form: Form) -> Outcome {
    attack(&Serve::embedded(), form)
}

pub(crate) fn on_redis(form: Form) -> Outcome {
    let redis = Redis::start();
    attack(&Serve::start(&["--redis", &redis.url(), "--counting", "exact"]), form)
}

fn attack(serve: &Serve, form: Form) -> Outcome {
    let rounds = form.of(3, 100);
    let mut wrong = bad_conditions(serve);
    define(serve);
    let before = medians(serve, || std::thread::sleep(Duration::from_millis(300)));
    let load = Load::default();
    let mut during = Duration::ZERO;
    load.during(serve, || {
        load.wait_for(200);
        during = medians(serve, || {
            for _ in 0..rounds {
                wrong.extend(contexts(serve));
                wrong.extend(units(serve));
            }
        });
        load.wait_for(200);
    });
    // Timings never decide: senders and attackers share the machine.
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let remark = format!(
        "median of other requests {:.1} ms before, {:.1} ms under load and attack",
        milliseconds(before),
        milliseconds(during)
    );
    let outcome = load.outcome(serve, rounds);
    let wrong = outcome.wrong.iter().cloned().chain(wrong).collect();
    Outcome { wrong, remark: Some(remark), ..outcome }
}

/// The median time of `/config` while something happens.
fn medians(serve: &Serve, meanwhile: impl FnOnce()) -> Duration {
    let (times, stopped) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stopped.load(Ordering::Relaxed) {
                let start = Instant::now();
                let _ = serve.try_request("GET", "/config", &[], &[]);
                times.lock().unwrap().push(start.elapsed());
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
        stopped.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let mut times = times.into_inner().unwrap();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The most patterns that a condition may have. Each takes exponential time in engines that backtrack.
fn bombs() -> Vec<Value> {
    let patterns = ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}$", "([a-z]+)*!$"];
    patterns.iter().cycle().take(50).map(|one| json!({"agent": {"$regex": one}})).collect()
}

fn define(serve: &Serve) {
    let body = json!({"status": "running", "variants": [{"name": "a"}, {"name": "b"}],
        "targeting": {"$and": [{"$or": bombs()}, {"country": "DE"}]}});
    let answer = serve.call("PUT", "/experiments/bomb/definition", Some(&body.to_string()));
    assert_eq!(answer.status, 201, "{}", answer.text);
}

/// Conditions that cannot be saved.
fn bad_conditions(serve: &Serve) -> Vec<String> {
    let deep = (0..30).fold(json!({"a": 1}), |inner, _| json!({"$not": inner}));
    let mut many = bombs();
    many.push(json!({"agent": {"$regex": "a"}}));
    let conditions = [
        (
            "a pattern that grows when it is compiled",
            json!({"a": {"$regex": "((a{1000}){1000}){1000}"}}),
        ),
        ("a back reference", json!({"a": {"$regex": "(a+)\\1"}})),
        ("a look-ahead", json!({"a": {"$regex": "(?=a+)+$"}})),
        ("a pattern of 1,001 bytes", json!({"a": {"$regex": "a".repeat(1_001)}})),
        ("51 patterns", json!({"$or": many})),
        ("30 levels", deep),
        ("1,001 tests", json!({"a": {"$in": vec![1; 200_000]}})),
    ];
    let refused = conditions.into_iter().filter_map(|(name, targeting)| {
        let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "targeting": targeting});
        let answer = serve.call("PUT", "/experiments/refused/definition", Some(&body.to_string()));
        let is_refused = [400, 413, 422].contains(&answer.status);
        (!is_refused).then(|| format!("{name} was saved: {} {}", answer.status, answer.text))
    });
    refused.collect()
}

/// Attributes that are hostile, each with the status of `/assign`.
fn hostile() -> Vec<(&'static str, String, u16)> {
    let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    let text = |length: usize, end: &str| json!({"agent": "a".repeat(length) + end}).to_string();
    let members: serde_json::Map<String, Value> =
        (0..20_000).map(|number| (number.to_string(), 1.into())).collect();
    vec![
        ("a bomb of 10,000 characters", text(10_000, "!"), 200),
        ("a bomb of 60,000 characters", text(60_000, "!"), 200),
        ("a text of 1,000,000 characters", text(1_000_000, ""), 400),
        ("a text of 1 MiB", text(1 << 20, ""), 413),
        ("17 levels", nested(17), 400),
        ("100,000 levels", nested(100_000), 400),
        ("20,000 members", Value::Object(members).to_string(), 400),
        ("a member twice", "{\"a\":1,\"a\":2}".to_owned(), 400),
        ("a number without end", format!("{{\"a\":{}}}", "9".repeat(10_000)), 400),
        ("half of a character", "{\"a\":\"\\ud800\"}".to_owned(), 400),
        ("an array", "[]".to_owned(), 400),
    ]
}

/// Sends hostile attributes to every endpoint that takes some.
fn contexts(serve: &Serve) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, attributes, expected) in hostile() {
        let assign =
            format!("{{\"experiments\":[\"bomb\"],\"unit\":\"u\",\"attributes\":{attributes}}}");
        // OFREP has the unit among the attributes.
        let context = attributes.replacen('{', "{\"targetingKey\":\"u\",", 1);
        let ofrep = format!("{{\"context\":{context}}}");
        for (path, body) in [
            ("/assign", &assign),
            ("/ofrep/v1/evaluate/flags/bomb", &ofrep),
            ("/ofrep/v1/evaluate/flags", &ofrep),
        ] {
            match serve.try_request("POST", path, &[JSON], body.as_bytes()) {
                Ok(answer) if answer.status == expected => {
                    if expected == 200 && !answer.text.contains("targeting") {
                        wrong.push(format!("{name} to {path}: {}", answer.text));
                    }
                }
                Ok(answer) => wrong.push(format!(
                    "{name} to {path}: {} instead of {expected}: {:.200}",
                    answer.status, answer.text
                )),
                // A server may close while a body that is too large still comes.
                Err(_) if expected == 413 => {}
                Err(error) => wrong.push(format!("{name} to {path}: {error}")),
            }
        }
    }
    wrong
}

/// Units, and whether they keep the rule of units.
fn hostile_units() -> Vec<(&'static str, String, bool)> {
    vec![
        ("an emoji", "🙂".repeat(50), true),
        ("200 bytes", "x".repeat(200), true),
        ("a combined character", "e\u{301}".to_owned(), true),
        ("spaces", "  ".to_owned(), true),
        ("nothing", String::new(), false),
        ("201 bytes", "x".repeat(201), false),
        ("10 kB", "x".repeat(10_000), false),
        ("a zero byte", "a\0b".to_owned(), false),
        ("a line end", "a\nb".to_owned(), false),
        ("an escape character", "\u{1b}[2J".to_owned(), false),
        ("a C1 control character", "a\u{85}".to_owned(), false),
    ]
}

/// Every endpoint that takes a unit has the same rule.
fn units(serve: &Serve) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, unit, keeps) in hostile_units() {
        let status = |path: &str, body: &Value| {
            let answer = serve.try_request("POST", path, &[JSON], body.to_string().as_bytes());
            answer.map_or((0, String::new()), |answer| (answer.status, answer.text))
        };
        let (assign, text) = status("/assign", &json!({"experiments": ["bomb"], "unit": unit}));
        // Without a unit the answer is the caller's default, and its reason says why.
        if assign != 200 || text.contains("no_unit") == keeps {
            wrong.push(format!("{name} to /assign: {assign} {text:.200}"));
        }
        let (flag, text) =
            status("/ofrep/v1/evaluate/flags/bomb", &json!({"context": {"targetingKey": unit}}));
        if flag != if keeps { 200 } else { 400 } {
            wrong.push(format!("{name} to OFREP: {flag} {text:.200}"));
        }
        let event =
            json!({"experiment": "bomb", "variant": "a", "event": "participate", "uuid": unit});
        let (track, text) = status("/track", &event);
        if track != if keeps { 200 } else { 400 } {
            wrong.push(format!("{name} to /track: {track} {text:.200}"));
        }
    }
    wrong
}

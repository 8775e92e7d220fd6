//! The real Gimel on the same Redis: what one tracks the other reads, and neither loses a count.

use std::collections::BTreeMap;

use abtest_tests::gimel::Gimel;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Serve, encode, track_path};
use serde_json::{Value, json};

/// Goal counts by experiment, goal and variant: (successes, trials).
type Counts = BTreeMap<(String, String, String), (u64, u64)>;

const NAMES: [&str; 12] = [
    "plain",
    "two words",
    " spaces ",
    "naïve",
    "购买",
    "👩‍👩‍👧",
    "50% off",
    "100%",
    "%41",
    "a%2Fb",
    "a/b?c=d&e",
    "%",
];

/// A stream of events in which many come again; the same for the same seed.
fn events(seed: u64, count: u64) -> Vec<[String; 4]> {
    let mut state = seed;
    let mut below = move |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    (0..count)
        .map(|_| {
            let goal = if below(2) == 0 { "participate" } else { NAMES[below(8)] };
            let uuid = format!("{:032x}", below(200));
            [NAMES[below(12)].into(), NAMES[3 + below(9)].into(), goal.into(), uuid]
        })
        .collect()
}

fn track_by_gimel(gimel: &mut Gimel, events: &[[String; 4]]) {
    let arguments: Vec<Value> = events
        .iter()
        .map(|[experiment, variant, event, uuid]| {
            json!({"experiment": experiment, "variant": variant, "event": event, "uuid": uuid})
        })
        .collect();
    gimel.call("track", &arguments);
}

fn track_by_abtest(serve: &Serve, events: &[[String; 4]]) {
    for [experiment, variant, event, uuid] in events {
        let path = track_path("alephbet", experiment, variant, event, uuid);
        let answer = serve.request("GET", &path, &[], &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
}

fn counts(results: &Value) -> Counts {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut counts = Counts::new();
    for experiment in &results.as_array().unwrap()[1..] {
        for goal in experiment["goals"].as_array().unwrap() {
            for result in goal["results"].as_array().unwrap() {
                counts.insert(
                    (text(&experiment["experiment"]), text(&goal["goal"]), text(&result["label"])),
                    (result["successes"].as_u64().unwrap(), result["trials"].as_u64().unwrap()),
                );
            }
        }
    }
    counts
}

/// Both read the same; and what they read is what was sent (HyperLogLog is exact for so few).
fn assert_both_read(gimel: &mut Gimel, serve: &Serve, events: &[[String; 4]]) {
    let by_gimel = counts(&gimel.call("all", &[json!({})])[0]);
    let by_abtest = counts(&serve.get("/experiments").json());
    assert_eq!(by_gimel, by_abtest);
    assert!(!by_gimel.is_empty());
    for ((experiment, goal, variant), (successes, trials)) in by_abtest {
        let sent = |wanted: &str| {
            let of_counter = events
                .iter()
                .filter(|[e, v, g, _]| (e, v, &**g) == (&experiment, &variant, wanted));
            of_counter.map(|[.., uuid]| uuid).collect::<std::collections::BTreeSet<_>>().len()
                as u64
        };
        assert_eq!((successes, trials), (sent(&goal), sent("participate")), "{experiment} {goal}");
    }
}

struct Both {
    redis: Redis,
    gimel: Gimel,
    serve: Serve,
}

fn both() -> Both {
    let redis = Redis::start();
    let (gimel, serve) = (Gimel::start(&redis), Serve::redis(&redis.url()));
    Both { redis, gimel, serve }
}

#[test]
fn what_gimel_tracked_abtest_reads() {
    let Both { redis: _redis, mut gimel, serve } = both();
    let events = events(1, 1_500);
    track_by_gimel(&mut gimel, &events);
    assert_both_read(&mut gimel, &serve, &events);
}

#[test]
fn what_abtest_tracked_gimel_reads() {
    let Both { redis: _redis, mut gimel, serve } = both();
    let events = events(2, 1_500);
    track_by_abtest(&serve, &events);
    assert_both_read(&mut gimel, &serve, &events);
}

#[test]
fn gimel_and_abtest_count_into_the_same_keys() {
    let Both { redis: _redis, mut gimel, serve } = both();
    let events = events(3, 2_000);
    for (number, part) in events.chunks(100).enumerate() {
        if number % 2 == 0 {
            track_by_gimel(&mut gimel, part);
        } else {
            track_by_abtest(&serve, part);
        }
    }
    // Browsers send again what they sent to the other before.
    track_by_abtest(&serve, &events[..300]);
    track_by_gimel(&mut gimel, &events[300..600]);
    assert_both_read(&mut gimel, &serve, &events);
}

#[test]
fn one_experiment_and_a_scope_read_alike() {
    let Both { redis: _redis, mut gimel, serve } = both();
    track_by_gimel(&mut gimel, &events(4, 500));
    let scope = "plain,unknown,50% off";
    let by_gimel = counts(&gimel.call("all", &[json!({"scope": scope})])[0]);
    let results = serve.get(&format!("/experiments?scope={}", encode(scope))).json();
    assert_eq!(by_gimel, counts(&results));
    let order: Vec<&Value> = results.as_array().unwrap()[1..]
        .iter()
        .map(|experiment| &experiment["experiment"])
        .collect();
    assert_eq!(order, ["plain", "unknown", "50% off"]);
    assert_eq!(results[0]["meta"]["scope"], scope);
    let one = serve.get("/experiments/50%25%20off").json();
    let listed =
        serve.get(&format!("/experiments?analysis=full&days=true&scope={}", encode(scope))).json();
    assert_eq!(one, listed[3]);
}

#[test]
fn what_one_deletes_is_empty_for_the_other() {
    let Both { redis, mut gimel, serve } = both();
    let events = events(5, 600);
    let names = |results: &Value| -> Vec<String> {
        let experiments = results.as_array().unwrap()[1..].iter();
        experiments.map(|experiment| experiment["experiment"].as_str().unwrap().into()).collect()
    };
    track_by_abtest(&serve, &events);
    track_by_abtest(&serve, &[["a:b".into(), "c:d".into(), "e:f".into(), "1".into()]]);
    let listed = names(&gimel.call("all", &[json!({})])[0]);
    let deletions: Vec<Value> = listed.iter().map(|name| json!({"experiment": name})).collect();
    gimel.call("delete", &deletions);
    assert_eq!(names(&serve.get("/experiments").json()), Vec::<String>::new());
    // Gimel knows neither the registry nor the limits of new names per hour.
    assert_eq!(keys_of_counts(&redis), ["abtest:namespaces", "{abtest}:new"]);

    track_by_gimel(&mut gimel, &events);
    track_by_gimel(&mut gimel, &[["a:b".into(), "c".into(), "d".into(), "1".into()]]);
    for name in names(&serve.get("/experiments").json()) {
        let deleted = serve.call("DELETE", &format!("/delete?experiment={}", encode(&name)), None);
        assert_eq!(deleted.json(), json!({"experiment": name, "deleted": true}));
    }
    assert_eq!(gimel.call("all", &[json!({})])[0].as_array().unwrap().len(), 1);
    assert_eq!(keys_of_counts(&redis), Vec::<String>::new());
}

/// The keys without those that stay after a deletion: days, which Gimel does not know and which start
/// again with their counter, the version and the migration mark of the namespace's documents, and the answers
/// to commits, which expire.
fn keys_of_counts(redis: &Redis) -> Vec<String> {
    let stays = |key: &String| {
        let of_documents = key.starts_with("abtest:{documents:");
        let stays = key.ends_with(":version") || key.ends_with(":migrated");
        key.starts_with("abtest:days:") || of_documents && (stays || key.contains("}:commit:"))
    };
    let mut keys: Vec<String> = redis.keys().into_iter().filter(|key| !stays(key)).collect();
    keys.sort();
    keys
}

#[test]
fn colons_come_back_as_they_were_sent_whoever_wrote_them() {
    let Both { redis: _redis, mut gimel, serve } = both();
    track_by_gimel(&mut gimel, &[["price: now".into(), "red".into(), "signup".into(), "1".into()]]);
    track_by_abtest(
        &serve,
        &[
            ["price: now".into(), "red".into(), "signup".into(), "1".into()],
            ["price: now".into(), "red".into(), "signup".into(), "2".into()],
            ["a:b".into(), ":c:".into(), "d::e".into(), "1".into()],
        ],
    );
    let counts = counts(&serve.get("/experiments").json());
    let count = |e: &str, g: &str, v: &str| counts[&(e.into(), g.into(), v.into())].0;
    assert_eq!(count("price: now", "signup", "red"), 2);
    assert_eq!(count("a:b", "d::e", ":c:"), 1);
    assert_eq!(counts.len(), 2);
}

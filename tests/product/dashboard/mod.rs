//! The dashboard in Chromium, on a real server with real counts.

mod actions;
mod command;
mod days;
mod definitions;
mod figures;
mod files;
mod looks;
mod many;
mod secrets;
mod states;
mod types;
mod views;

use abtest_tests::reader::{Reader, Screen};
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

/// A name that is valid HTML.
const HOSTILE: &str = "<img src=x onerror=document.title='owned'>";

/// A variant, its visitors, and how many of them reached each goal.
type Variant<'a> = (&'a str, usize, &'a [(&'a str, usize)]);

/// Sends the events of an experiment.
fn record(serve: &Serve, experiment: &str, variants: &[Variant]) {
    let mut events = Vec::new();
    for (variant, visitors, goals) in variants {
        let mut send = |goal: &str, count: usize| {
            events.extend((0..count).map(|visitor| {
                json!({"experiment": experiment, "variant": variant, "event": goal,
                       "uuid": format!("{variant}{visitor}")})
            }));
        };
        send("participate", *visitors);
        for (goal, reached) in *goals {
            send(goal, *reached);
        }
    }
    send(serve, &events);
}

fn send(serve: &Serve, events: &[Value]) {
    for batch in events.chunks(500) {
        let answer = serve.call("POST", "/track", Some(&Value::from(batch).to_string()));
        assert_eq!(answer.status, 200);
    }
}

/// A server with one experiment of each kind.
fn server_with_experiments() -> Serve {
    let serve = Serve::embedded();
    record(
        &serve,
        "button color",
        &[
            ("control", 4_000, &[("signup", 400), ("purchase", 90)]),
            ("blue", 4_040, &[("signup", 560), ("purchase", 120)]),
            ("red", 3_990, &[("signup", 410), ("purchase", 88)]),
        ],
    );
    record(&serve, "split", &[("one", 3_000, &[("paid", 300)]), ("two", 2_500, &[("paid", 260)])]);
    record(&serve, "early", &[("7 days", 30, &[("signup", 4)]), ("14 days", 28, &[("signup", 5)])]);
    record(&serve, "no goals", &[("a", 100, &[]), ("b", 90, &[])]);
    record(
        &serve,
        "clicks",
        &[("a", 1_000, &[("click", 1_500)]), ("b", 1_010, &[("click", 1_700)])],
    );
    record(
        &serve,
        HOSTILE,
        &[
            ("<b>bold</b>", 500, &[("=1+1", 50), ("\"><script>alert(1)</script>", 20)]),
            ("=cmd|' /C calc'!A0", 510, &[("=1+1", 55)]),
            ("|pipe\\ `x` [l](javascript:alert(1)) \u{202e}evil", 505, &[("=1+1", 70)]),
        ],
    );
    let variants: Vec<String> = (0..50).map(|number| format!("variant {number:02}")).collect();
    let goals: Vec<[(&str, usize); 1]> = (0..50).map(|number| [("signup", 80 + number)]).collect();
    let many: Vec<Variant> = variants
        .iter()
        .zip(&goals)
        .map(|(variant, goals)| (variant.as_str(), 800, goals.as_slice()))
        .collect();
    record(&serve, "many variants", &many);
    serve
}

/// A reader who is logged in.
fn reader(screen: &Screen, serve: &Serve) -> Reader {
    reader_with(screen, serve, json!({}))
}

fn reader_with(screen: &Screen, serve: &Serve, how: Value) -> Reader {
    let reader = screen.read_with(&format!("{}/", serve.url), how);
    reader.fill("#key", &serve.key);
    reader.click("#login button");
    reader.see_text("h1", "Experiments");
    // The request before the login got 401, which the browser logs.
    reader.complaints();
    reader
}

/// The link to an experiment.
fn link(experiment: &str) -> String {
    // A plus in a path is not a space.
    format!("#/experiment/{}", abtest_tests::serve::encode(experiment).replace('+', "%20"))
}

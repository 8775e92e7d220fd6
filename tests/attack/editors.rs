//! Editors change one definition at once, also while `serve` is killed. Each change that was
//! acknowledged is in the history once, and history, document and layer agree.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use abtest_tests::redis::Redis;
use abtest_tests::serve::{Answer, Serve};
use serde_json::{Value, json};

use crate::Form;
use crate::outcome::Outcome;

const DEFINITION: &str = "/experiments/button/definition";

pub(crate) fn at_once_on_a_folder(form: Form) -> Outcome {
    at_once(&[Serve::embedded()], form)
}

pub(crate) fn at_once_on_redis(form: Form) -> Outcome {
    let redis = Redis::start();
    at_once(&[Serve::redis(&redis.url()), Serve::redis(&redis.url())], form)
}

/// Ten editors: half of them without a condition, half of them with the version that they read.
fn at_once(servers: &[Serve], form: Form) -> Outcome {
    const EDITORS: usize = 10;
    let changes = Changes::begin(&servers[0]);
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for editor in 0..EDITORS {
            let (serve, changes, stopped) = (&servers[editor % servers.len()], &changes, &stopped);
            scope.spawn(move || {
                for step in 0.. {
                    let text = format!("{editor}-{step}");
                    changes.make(serve, &text, editor % 2 == 1);
                    if stopped.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(form.of(1_500, 60_000)));
        stopped.store(true, Ordering::Relaxed);
    });
    let mut outcome = changes.outcome(&servers[0], 1);
    // Nothing was killed, so everything that is stored was acknowledged.
    let stored = servers[0].get(DEFINITION).json()["version"].as_u64().unwrap_or(0);
    if Some(stored - 1) != outcome.acknowledged {
        outcome.wrong.push(format!("{stored} versions, {:?} acknowledged", outcome.acknowledged));
    }
    outcome
}

pub(crate) fn killed_on_a_folder(form: Form) -> Outcome {
    killed(Serve::embedded(), form)
}

pub(crate) fn killed_on_redis(form: Form) -> Outcome {
    let redis = Redis::start();
    killed(Serve::redis(&redis.url()), form)
}

/// Four editors while the server is killed and started again.
fn killed(mut serve: Serve, form: Form) -> Outcome {
    const EDITORS: usize = 4;
    let (changes, rounds) = (Changes::begin(&serve), form.of(4, 20));
    for round in 0..rounds {
        let process = serve.process();
        std::thread::scope(|scope| {
            for editor in 0..EDITORS {
                let (serve, changes) = (&serve, &changes);
                scope.spawn(move || {
                    let texts = (0..).map(|step| format!("{round}-{editor}-{step}"));
                    for text in texts {
                        if !changes.make(serve, &text, editor % 2 == 1) {
                            break;
                        }
                    }
                });
            }
            // Each round is killed at another point.
            let wanted = changes.accepted() + 10 + 3 * (round % 5);
            while changes.accepted() < wanted {
                std::thread::yield_now();
            }
            let killed = std::process::Command::new("kill").args(["-KILL", &process]).status();
            assert!(killed.unwrap().success());
        });
        serve.kill();
        serve.restart();
        changes.check(&serve);
    }
    changes.outcome(&serve, rounds)
}

/// The changes that were acknowledged.
#[derive(Default)]
struct Changes {
    /// The text of each change, by the version that it made.
    accepted: Mutex<BTreeMap<u64, String>>,
    next_traffic: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Changes {
    /// Creates the experiment, in a layer.
    fn begin(serve: &Serve) -> Self {
        let layers = json!({"layers": [{"name": "shared"}]});
        assert_eq!(serve.call("PATCH", "/settings", Some(&layers.to_string())).status, 200);
        let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "status": "running",
            "layer": "shared", "traffic": 1});
        assert_eq!(serve.call("PUT", DEFINITION, Some(&body.to_string())).status, 201);
        Self::default()
    }

    fn accepted(&self) -> u64 {
        self.accepted.lock().unwrap().len() as u64
    }

    /// Makes a change, and tells whether the server is there. With a condition, somebody else may be
    /// faster.
    fn make(&self, serve: &Serve, text: &str, with_condition: bool) -> bool {
        let traffic = 1 + self.next_traffic.fetch_add(1, Ordering::Relaxed) % 90;
        let body = json!({"description": text, "traffic": traffic}).to_string();
        let headers = [("x-api-key", &*serve.key), ("content-type", "application/json")];
        let send = |method: &str, headers: &[(&str, &str)], body: &str| -> Option<Answer> {
            serve.try_request(method, DEFINITION, headers, body.as_bytes()).ok()
        };
        let answer = if with_condition {
            let Some(read) = send("GET", &headers[..1], "") else { return false };
            let condition = ("if-match", read.header("etag"));
            send("PATCH", &[headers[0], headers[1], condition], &body)
        } else {
            send("PATCH", &headers, &body)
        };
        let Some(answer) = answer else { return false };
        match answer.status {
            200 => {
                let version = answer.json()["definition"]["version"].as_u64().unwrap();
                let before = self.accepted.lock().unwrap().insert(version, text.to_owned());
                if let Some(before) = before {
                    self.note(format!("version {version} for {text} and {before}"));
                }
            }
            412 if with_condition => {}
            status => self.note(format!("{status}: {}", answer.text)),
        }
        true
    }

    fn note(&self, wrong: String) {
        self.wrong.lock().unwrap().push(wrong);
    }

    /// Checks that document, history and layer agree. Returns the history.
    fn check(&self, serve: &Serve) -> Vec<Value> {
        let (document, history) = (serve.get(DEFINITION).json(), history(serve));
        let last = document["version"].as_u64().unwrap_or(0);
        let versions: Vec<u64> = history.iter().filter_map(|one| one["version"].as_u64()).collect();
        if versions != (1..=last).collect::<Vec<_>>() {
            self.note(format!("the history of version {last} has the versions {versions:?}"));
        }
        for member in ["description", "traffic"] {
            let mut value = Value::Null;
            for change in &history {
                let Some([before, after]) = change["changed"][member].as_array().map(Vec::as_slice)
                else {
                    continue;
                };
                if *before != value {
                    self.note(format!("{member} begins anew in {change}"));
                }
                value = after.clone();
            }
            if value != document[member] {
                self.note(format!("{member} is {} and in the history {value}", document[member]));
            }
        }
        let settings = serve.get("/settings").json();
        if settings["layers"][0]["holders"][0]["slots"] != document["slots"] {
            self.note(format!("the layer and version {last} hold other slots"));
        }
        history
    }

    /// Compares what was acknowledged with the history.
    fn outcome(self, serve: &Serve, rounds: u64) -> Outcome {
        let history = self.check(serve);
        let accepted = self.accepted.into_inner().unwrap();
        let mut versions: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for change in &history {
            let text = change["changed"]["description"][1].as_str();
            if let (Some(text), Some(version)) = (text, change["version"].as_u64()) {
                versions.entry(text).or_default().push(version);
            }
        }
        let (mut lost, mut double) = (0, 0);
        for (version, text) in &accepted {
            match versions.get(&**text).map(Vec::as_slice) {
                Some([made]) if made == version => {}
                Some([_, _, ..]) => double += 1,
                _ => lost += 1,
            }
        }
        let acknowledged = Some(accepted.len() as u64);
        Outcome {
            rounds,
            acknowledged,
            lost,
            double,
            wrong: self.wrong.into_inner().unwrap(),
            remark: None,
        }
    }
}

/// All changes, oldest first, read in parts of 1,000.
fn history(serve: &Serve) -> Vec<Value> {
    let mut changes: Vec<Value> = Vec::new();
    loop {
        let before = changes.first().map(|first| format!("&before={}", first["version"]));
        let path =
            "/experiments/button/history?limit=1000".to_owned() + &before.unwrap_or_default();
        let part = serve.get(&path).json();
        match part.as_array().map(Vec::as_slice) {
            None | Some([]) => return changes,
            Some(part) => changes.splice(0..0, part.iter().cloned()),
        };
    }
}

//! `abtest import` is killed at different points, while visitors are counted in the same Redis. Then it
//! is run again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use abtest_tests::binaries::binary;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Serve, count};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Form;
use crate::load::Load;
use crate::outcome::Outcome;

/// The experiment that is imported.
const MOVED: &str = "moved";

/// Its participants.
const PARTICIPANTS: u64 = 12_000;

pub(crate) fn into_a_folder(form: Form) -> Outcome {
    let export = Export::of_folder();
    let target = |name: String| {
        let data = export.folder.path().join(name).display().to_string();
        vec!["--data".to_owned(), data]
    };
    let duration = export.import(&target("whole".to_owned()));
    let rounds = form.of(3, 20);
    let mut wrong = Vec::new();
    for round in 0..rounds {
        let place = target(format!("round-{round}"));
        let counted = || {
            // The import may be killed before it creates the folder.
            if !Path::new(&place[1]).join("counters").is_dir() {
                return 0;
            }
            let output = export.abtest(&["results", "--json"], &place).output().unwrap();
            assert!(output.status.success(), "{}", text(&output));
            count(&serde_json::from_slice(&output.stdout).unwrap(), MOVED, "participate", "v")
        };
        wrong.extend(export.killed_and_repeated(&place, delay(duration, round, rounds), &counted));
    }
    Outcome::without_events(rounds, wrong)
}

pub(crate) fn into_redis_exactly(form: Form) -> Outcome {
    into_redis(&Export::of_redis("exact"), "exact", form)
}

pub(crate) fn into_redis_as_estimates(form: Form) -> Outcome {
    into_redis(&Export::of_redis("hll"), "hll", form)
}

pub(crate) fn uuids_into_redis(form: Form) -> Outcome {
    into_redis(&Export::of_folder(), "exact", form)
}

/// Imports into a Redis that counts visitors at the same time, each round into another namespace.
fn into_redis(export: &Export, counting: &str, form: Form) -> Outcome {
    let redis = Redis::start();
    let serve = Serve::start(&["--redis", &redis.url(), "--counting", counting]);
    let config = export.folder.path().join("config.json");
    std::fs::write(&config, json!({"counting": counting}).to_string()).unwrap();
    let target = |namespace: &str| {
        let config = config.to_str().unwrap();
        let url = redis.url();
        ["--redis", &url, "--config", config, "--namespace", namespace].map(str::to_owned).to_vec()
    };
    let rounds = form.of(3, 12);
    let load = Load::default();
    let wrong = load.during(&serve, || {
        let duration = export.import(&target("whole"));
        let mut wrong = Vec::new();
        for round in 0..rounds {
            let namespace = format!("round-{round}");
            let counted = || {
                let results = serve.get(&format!("/experiments?namespace={namespace}")).json();
                count(&results, MOVED, "participate", "v")
            };
            let delay = delay(duration, round, rounds);
            wrong.extend(export.killed_and_repeated(&target(&namespace), delay, &counted));
            let definition = format!("/experiments/{MOVED}/definition?namespace={namespace}");
            if serve.get(&definition).status != 200 {
                wrong.push(format!("round {round}: there is no definition"));
            }
        }
        load.wait_for(100);
        wrong
    });
    if counting == "hll" {
        // Estimates do not tell whether a single event is lost.
        return Outcome::without_events(rounds, wrong);
    }
    let mut outcome = load.outcome(&serve, rounds);
    outcome.wrong.extend(wrong);
    outcome
}

/// Each round is killed at another part of its time.
fn delay(duration: Duration, round: u64, rounds: u64) -> Duration {
    duration.mul_f64((round + 1) as f64 / (rounds + 1) as f64)
}

/// An experiment with a definition, exported to a file.
struct Export {
    folder: TempDir,
    /// Its participants, as they were counted.
    participants: u64,
}

impl Export {
    fn of_folder() -> Self {
        let mut serve = Serve::embedded();
        let export = Self::fill(&serve);
        assert!(serve.terminate().success());
        export.write(&["--data".to_owned(), serve.data().display().to_string()]);
        export
    }

    fn of_redis(counting: &str) -> Self {
        let redis = Redis::start();
        let export = Self::fill(&Serve::start(&["--redis", &redis.url(), "--counting", counting]));
        export.write(&["--redis".to_owned(), redis.url()]);
        export
    }

    fn fill(serve: &Serve) -> Self {
        let send = |event: &dyn Fn(u64) -> Value, numbers: std::ops::Range<u64>| {
            let events = Value::Array(numbers.map(event).collect()).to_string();
            let answer = serve.call("POST", "/track", Some(&events));
            assert_eq!(answer.status, 200, "{}", answer.text);
        };
        let event = |goal: String, uuid: u64| json!({"experiment": MOVED, "variant": "v", "event": goal, "uuid": format!("moved-{uuid}")});
        for first in (0..PARTICIPANTS).step_by(500) {
            send(&|uuid| event("participate".to_owned(), uuid), first..first + 500);
        }
        send(&|number| event(format!("goal {number}"), 1), 0..60);
        let definition = json!({"variants": [{"name": "v"}, {"name": "w"}]}).to_string();
        let path = format!("/experiments/{MOVED}/definition");
        let created = serve.call("PUT", &path, Some(&definition));
        assert_eq!(created.status / 100, 2, "{}", created.text);
        let participants = serve.count(MOVED, "participate", "v");
        Self { folder: tempfile::tempdir().unwrap(), participants }
    }

    fn write(&self, place: &[String]) {
        let file = self.file().display().to_string();
        let output = self.abtest(&["export", MOVED, "--output", &file], place).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("export.json")
    }

    /// Imports without an attack, and says how long that takes.
    fn import(&self, place: &[String]) -> Duration {
        let start = Instant::now();
        let output = self.command(place).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        start.elapsed()
    }

    fn command(&self, place: &[String]) -> Command {
        self.abtest(&["import", self.file().to_str().unwrap()], place)
    }

    fn abtest(&self, arguments: &[&str], place: &[String]) -> Command {
        let mut command = Command::new(binary("abtest"));
        command.args(arguments).args(place).env("XDG_STATE_HOME", self.folder.path());
        command
    }

    /// Kills an import after a while, and imports again. Returns what is wrong.
    fn killed_and_repeated(
        &self,
        place: &[String],
        delay: Duration,
        counted: &dyn Fn() -> u64,
    ) -> Option<String> {
        let wrong = |what: String| Some(format!("killed after {} ms: {what}", delay.as_millis()));
        let mut import = self.command(place);
        let mut import = import.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(delay);
        import.kill().unwrap();
        let was_finished = import.wait().unwrap().success();
        let found = counted();
        if found != 0 && found != self.participants {
            return wrong(format!("{found} of {} participants are seen", self.participants));
        }
        let output = self.command(place).output().unwrap();
        // A finished import is refused. It may have finished right before it was killed.
        let refusals = ["already exists", "has a definition here"];
        let is_refused = refusals.iter().any(|refusal| text(&output).contains(refusal));
        if (was_finished || !output.status.success()) && !is_refused {
            return wrong(format!("the second import: {}", text(&output)));
        }
        let found = counted();
        if found != self.participants {
            return wrong(format!("then {found} of {} participants", self.participants));
        }
        None
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

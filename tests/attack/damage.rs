//! Each file of a stopped server's data folder is damaged. The next start must refuse the folder and
//! change nothing in it, or report what is damaged, or nothing may be missing.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use crate::Form;
use crate::outcome::Outcome;

/// Participants per variant.
const PARTICIPANTS: u64 = 200;

/// Events in one commit.
const BATCH: u64 = 20;

/// Participants per variant of the deleted experiment: enough that the tables are compacted.
const DELETED: u64 = 30_000;

/// How long the tables may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
enum Damage {
    /// A bit at this share of the file, in percent.
    Flip(usize),
    Cut,
    Zero,
    Delete,
}

impl Damage {
    const ALL: [Self; 8] = [
        Self::Flip(50),
        Self::Cut,
        Self::Zero,
        Self::Delete,
        Self::Flip(0),
        Self::Flip(20),
        Self::Flip(80),
        Self::Flip(100),
    ];

    /// Damages a file and says whether that changed it.
    fn apply(self, file: &Path) -> bool {
        let before = fs::read(file).unwrap();
        // A journal is allocated ahead: its end is zero.
        let written = before.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let mut bytes = before.clone();
        match self {
            Self::Delete => {
                fs::remove_file(file).unwrap();
                return true;
            }
            Self::Cut => bytes.truncate(written / 2),
            Self::Zero => bytes.fill(0),
            Self::Flip(_) if written == 0 => {}
            Self::Flip(percent) => bytes[(written - 1) * percent / 100] ^= 1,
        }
        fs::write(file, &bytes).unwrap();
        bytes != before
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip(percent) => write!(formatter, "flipped at {percent}%"),
            Self::Cut => formatter.write_str("cut"),
            Self::Zero => formatter.write_str("zeroed"),
            Self::Delete => formatter.write_str("deleted"),
        }
    }
}

pub(crate) fn of_each_file(form: Form) -> Outcome {
    let mut serve = Serve::embedded();
    let mut acknowledged = fill(&serve);
    if form == Form::Full {
        acknowledged += fill_tables(&mut serve);
    }
    assert!(serve.terminate().success());
    // The first start after that cuts off what the journal has ahead.
    serve.try_restart().unwrap();
    let before = state(&serve);
    assert_eq!(before["error"], Value::Null);
    assert!(serve.terminate().success());
    let whole = serve.data().with_file_name("whole");
    copy(&serve.data(), &whole);
    let files = files(&whole.join("counters"));
    let mut outcome = Outcome { acknowledged: Some(acknowledged), ..Outcome::default() };
    let damages = usize::try_from(form.of(4, Damage::ALL.len() as u64)).unwrap();
    for (number, file) in files.keys().enumerate() {
        for (kind, damage) in Damage::ALL[..damages].iter().enumerate() {
            // The short form damages each file in two of four ways.
            if form == Form::Short && (number + kind) % 2 == 1 {
                continue;
            }
            fs::remove_dir_all(serve.data()).unwrap();
            copy(&whole, &serve.data());
            if !damage.apply(&serve.data().join("counters").join(file)) {
                continue;
            }
            outcome.rounds += 1;
            if let Err(wrong) = start(&mut serve, &before) {
                outcome.wrong.push(format!("{} {damage}: {wrong}", file.display()));
            }
        }
    }
    outcome
}

/// Starts a server on the damaged folder and says what is wrong with how it went.
fn start(serve: &mut Serve, before: &Value) -> Result<(), String> {
    let damaged = files(&serve.data().join("counters"));
    if let Err(log) = serve.try_restart() {
        if !log.contains("damaged") && !log.contains("cannot be opened") {
            return Err(format!("it does not say why it does not start: {log}"));
        }
        let mut after = files(&serve.data().join("counters"));
        // The lock of the folder.
        if !damaged.contains_key(Path::new("watermark")) {
            after.remove(Path::new("watermark"));
        }
        return if after == damaged { Ok(()) } else { Err("refused files were changed".into()) };
    }
    let found = state(serve);
    let is_reported = serve.log.lock().unwrap().contains("damaged");
    serve.kill();
    if found == *before || is_reported || found["error"] != Value::Null {
        return Ok(());
    }
    Err(format!("silent: {found} instead of {before}"))
}

/// What a reader sees, and what is counted after all events came again.
fn state(serve: &Serve) -> Value {
    let results = serve.get("/experiments/kept?method=sequential");
    let time_line = serve.get("/experiments?days=true&analysis=none");
    let again = record(serve, "kept", 0..PARTICIPANTS);
    let counted = serve.get("/experiments/kept?analysis=none");
    let mut state = json!({
        "results": results.text, "time_line": time_line.text, "counted": counted.text,
    });
    let statuses = [results.status, time_line.status, again, counted.status];
    if statuses.iter().any(|status| *status != 200) {
        state["error"] = json!(statuses);
    }
    state
}

/// Records events and a look.
fn fill(serve: &Serve) -> u64 {
    for from in (0..PARTICIPANTS).step_by(BATCH as usize) {
        assert_eq!(record(serve, "kept", from..from + BATCH), 200);
    }
    let look = serve.call("POST", "/experiments/kept/looks?planned=8000", None);
    assert_eq!(look.status, 200, "{}", look.text);
    2 * PARTICIPANTS
}

/// Has the store write tables: it does after a large deletion.
fn fill_tables(serve: &mut Serve) -> u64 {
    for from in (0..DELETED).step_by(250) {
        assert_eq!(record(serve, "deleted", from..from + 250), 200);
    }
    assert_eq!(serve.call("DELETE", "/experiments/deleted", None).status, 200);
    let tables = serve.data().join("counters/keyspaces/3/tables");
    let start = Instant::now();
    while fs::read_dir(&tables).map_or(true, |mut tables| tables.next().is_none()) {
        assert!(start.elapsed() < PATIENCE, "no table is written");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(record(serve, "kept", 0..BATCH), 200);
    2 * DELETED
}

fn record(serve: &Serve, experiment: &str, uuids: std::ops::Range<u64>) -> u16 {
    let event = |variant: &str, uuid: u64| {
        json!({"experiment": experiment, "variant": variant, "event": "participate",
            "uuid": format!("{variant}{uuid}")})
    };
    let events: Vec<Value> =
        uuids.flat_map(|uuid| [event("red", uuid), event("blue", uuid)]).collect();
    let headers = [("content-type", "application/json")];
    let body = json!(events).to_string();
    serve.request("POST", "/track", &headers, body.as_bytes()).status
}

/// The files of a folder with what they hold.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(files: &mut BTreeMap<PathBuf, Vec<u8>>, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(files, root, &path);
            } else {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    add(&mut files, folder, folder);
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

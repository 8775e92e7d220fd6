//! The embedded store keeps the contract, and what is only true of it.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod contract;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use abtest_config::Limits;
use abtest_model::Event;
use abtest_store::embedded::{EmbeddedStore, OpenError};
use abtest_store::{Counters, Include, Recorder};
use contract::{Backend, event};
use tempfile::TempDir;

struct Folder(TempDir);

impl Backend for Folder {
    type Store = EmbeddedStore;

    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self, limits: Limits) -> EmbeddedStore {
        EmbeddedStore::open(self.0.path(), limits).unwrap()
    }

    /// Only a limit refuses an event here.
    fn spoil(&self) -> bool {
        false
    }
}

contract!(Folder);

#[test]
fn a_folder_in_use_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let _first = folder.open(Limits::default());
    let error = EmbeddedStore::open(folder.0.path(), Limits::default()).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("stop that one"), "{error}");
}

#[tokio::test]
async fn the_uuids_of_a_large_deleted_experiment_are_swept_and_recording_goes_on() {
    let folder = Folder::new();
    let store = folder.open(Limits::default());
    for batch in 0..100 {
        let events: Vec<_> = (0..200)
            .map(|uuid| event("ns", "large", "g", "v", &format!("{batch}-{uuid}")))
            .collect();
        store.record(events).await.unwrap();
    }
    let large = event("ns", "large", "g", "v", "0-0");
    assert!(store.delete(&large.namespace, &large.experiment).await.unwrap());
    drop(store);
    // Cut off before it was finished, the sweep goes on when the folder is opened again.
    let store = folder.open(Limits::default());
    assert_eq!(store.record(vec![large.clone()]).await.unwrap(), [Ok(())]);
    let tallies = store.read(&large.namespace, None, Include::COUNTS).await.unwrap();
    assert_eq!(tallies[0].count("g", &large.variant), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_recording_goes_on_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        return as_root("a_full_disk_is_told_and_recording_goes_on_once_there_is_room");
    };
    let ballast = disk.0.path().join("ballast");
    let folder = disk.0.path().join("data");
    let store = EmbeddedStore::open(&folder, Limits::default()).unwrap();
    store.record(vec![kept("before")]).await.unwrap();
    fill(&ballast);
    let mut acknowledged = vec![kept("before")];
    let mut refused = Vec::new();
    // Opening anew after a failure frees a little room, so it takes some batches to fill again.
    for attempt in 0..3 {
        let batch = record_until_full(&store, attempt, &mut acknowledged).await;
        refused.extend(batch);
    }
    std::fs::remove_file(&ballast).unwrap();
    store.record(refused.clone()).await.unwrap();
    let all = (acknowledged.len() + refused.len()) as u64;
    assert_eq!(kept_count(&store).await, all);
    drop(store);
    let store = EmbeddedStore::open(&folder, Limits::default()).unwrap();
    store.record([acknowledged, refused].concat()).await.unwrap();
    assert_eq!(kept_count(&store).await, all, "each counted once, also after reopening");
}

/// Records batches until one is refused, and gives that one.
async fn record_until_full(
    store: &EmbeddedStore,
    attempt: usize,
    acknowledged: &mut Vec<Event>,
) -> Vec<Event> {
    for batch in 0..1_000 {
        let long = "x".repeat(150);
        let events: Vec<Event> =
            (0..200).map(|uuid| kept(&format!("{attempt}-{batch}-{uuid}-{long}"))).collect();
        let counted = kept_count(store).await;
        match store.record(events.clone()).await {
            Ok(_) => acknowledged.extend(events),
            Err(error) => {
                assert!(error.is_temporary(), "{error}");
                assert_eq!(kept_count(store).await, counted, "a refused batch is not counted");
                return events;
            }
        }
    }
    panic!("the disk was never full");
}

/// Runs a test of this file as the root of its own user namespace, which may mount. Fails where the
/// system allows neither.
fn as_root(test: &str) {
    assert!(std::env::var_os(AS_ROOT).is_none(), "a user namespace's root could not mount either");
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(AS_ROOT, "1")
        .status();
    let passed = status.is_ok_and(|status| status.success());
    assert!(passed, "this test fills a small disk: run it as root, or allow user namespaces");
}

/// In the environment of a process that [`as_root`] started.
const AS_ROOT: &str = "ABTEST_AS_ROOT";

/// A file system of a few megabytes in memory.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// None where this process must not mount.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, as a failed test may still have files open.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// Writes a file until there is no room left.
fn fill(file: &Path) {
    let mut file = std::fs::File::create(file).unwrap();
    while file.write_all(&[1; 4_096]).is_ok() {}
}

/// In the environment of a process that is to be killed: the folder in which it records.
const TO_BE_KILLED: &str = "ABTEST_RECORD_UNTIL_KILLED";

/// How many tasks of that process record at the same time.
const RECORDERS: usize = 16;

/// What stands before an acknowledged uuid in that process's output.
const ACKNOWLEDGED: &str = "acknowledged ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_acknowledged_and_counts_nothing_twice() {
    if let Some(folder) = std::env::var_os(TO_BE_KILLED) {
        record_until_killed(folder.as_ref()).await;
    }
    let folder = Folder::new();
    let mut expected = 0;
    // Each process starts from what the killed one before it left.
    for acknowledgements in [1, 40, 400, 2_000, 400] {
        let acknowledged = kill_after(folder.0.path(), acknowledgements);
        let store = folder.open(Limits::default());
        // Counted but not told, because the process was killed in between: one for each recorder.
        let counted = kept_count(&store).await;
        let least = expected + acknowledged.len() as u64;
        assert!((least..=least + RECORDERS as u64).contains(&counted), "{counted}, {least}");

        let again: Vec<Event> = acknowledged.iter().map(|uuid| kept(uuid)).collect();
        store.record(again).await.unwrap();
        assert_eq!(kept_count(&store).await, counted, "what was acknowledged is known");
        expected = counted;

        // The deletions that were cut off left nothing that could be counted or pass for seen.
        let deleted = event("ns", "deleted", "g", "v", "0");
        store.delete(&deleted.namespace, &deleted.experiment).await.unwrap();
        store.record(vec![deleted.clone()]).await.unwrap();
        let scope = [deleted.experiment.clone()];
        let tallies = store.read(&deleted.namespace, Some(&scope), Include::COUNTS).await.unwrap();
        assert_eq!(tallies[0].count("g", &deleted.variant), 1);
    }
}

fn kept(uuid: &str) -> Event {
    event("ns", "kept", "participate", "v", uuid)
}

async fn kept_count(store: &EmbeddedStore) -> u64 {
    let kept = kept("x");
    let scope = [kept.experiment];
    let tallies = store.read(&kept.namespace, Some(&scope), Include::COUNTS).await.unwrap();
    tallies[0].count("participate", &kept.variant)
}

/// Starts this test in a process of its own, kills that after so many acknowledgements, and
/// gives all uuids that it had acknowledged.
fn kill_after(folder: &Path, acknowledgements: usize) -> HashSet<String> {
    let mut process = Killed(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("a_killed_process_loses_nothing_acknowledged_and_counts_nothing_twice")
            .env(TO_BE_KILLED, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut output = BufReader::new(process.0.stdout.take().unwrap());
    let mut acknowledged = HashSet::new();
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // A line without an end was cut off by the kill: its event was not acknowledged to us.
        if let Some(uuid) = line.strip_prefix(ACKNOWLEDGED).and_then(|line| line.strip_suffix('\n'))
        {
            assert!(acknowledged.insert(uuid.to_owned()), "{uuid} is new each time");
            if acknowledged.len() == acknowledgements {
                process.0.kill().unwrap();
            }
        }
        line.clear();
    }
    assert!(acknowledged.len() >= acknowledgements, "it ended before it was killed");
    acknowledged
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn record_until_killed(folder: &Path) -> ! {
    let store = Arc::new(EmbeddedStore::open(folder, Limits::default()).unwrap());
    let deleting = Arc::clone(&store);
    tokio::spawn(async move {
        loop {
            let events: Vec<Event> =
                (0..100).map(|uuid| event("ns", "deleted", "g", "v", &uuid.to_string())).collect();
            let deleted = events[0].clone();
            deleting.record(events).await.unwrap();
            deleting.delete(&deleted.namespace, &deleted.experiment).await.unwrap();
        }
    });
    for recorder in 0..RECORDERS {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for number in 0_u64.. {
                let uuid = format!("{}-{recorder}-{number}", std::process::id());
                // Twice in a batch and once more alone: it counts once.
                store.record(vec![kept(&uuid), kept(&uuid)]).await.unwrap();
                println!("{ACKNOWLEDGED}{uuid}");
                store.record(vec![kept(&uuid)]).await.unwrap();
            }
        });
    }
    std::future::pending().await
}

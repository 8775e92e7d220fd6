//! A folder whose files were damaged is refused, never opened with less than was acknowledged.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::fs;
use std::path::{Path, PathBuf};

use abtest_config::Limits;
use abtest_model::{Event, Experiment, Goal, Namespace, Uuid, Variant};
use abtest_store::embedded::{EmbeddedStore, OpenError};
use abtest_store::{Counters, Include, Recorder};
use tempfile::TempDir;

const EVENTS: u64 = 2_000;

fn event(number: u64) -> Event {
    Event {
        namespace: Namespace::default(),
        experiment: Experiment::new("e").unwrap(),
        variant: Variant::new("red").unwrap(),
        goal: Goal::new("participate").unwrap(),
        uuid: Uuid::new(number.to_string()).unwrap(),
    }
}

async fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    for from in (0..EVENTS).step_by(100) {
        store.record((from..from + 100).map(event).collect()).await.unwrap();
    }
    folder
}

fn journal(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|file| file.extension().is_some_and(|end| end == "jnl")).unwrap()
}

/// How much of the journal is written; the rest is allocated ahead.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[tokio::test]
async fn a_damaged_journal_is_refused_and_stays_as_it_is() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("a bit flipped at 10%", |bytes| {
            let at = written(bytes) / 10;
            bytes[at] ^= 1;
        }),
        ("a bit flipped at 90%", |bytes| {
            let at = written(bytes) * 9 / 10;
            bytes[at] ^= 1;
        }),
        ("cut in half", |bytes| bytes.truncate(written(bytes) / 2)),
        ("zeroed from the middle", |bytes| {
            let (middle, end) = (written(bytes) / 2, written(bytes));
            bytes[middle..end].fill(0);
        }),
    ];
    for (name, damage) in damages {
        let folder = filled().await;
        let file = journal(folder.path());
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, &bytes).unwrap();
        for _ in 0..2 {
            let refused = EmbeddedStore::open(folder.path(), Limits::default()).err();
            let refused = refused.unwrap_or_else(|| panic!("{name}: opened"));
            assert!(!refused.to_string().is_empty(), "{name}: {refused}");
            assert!(fs::read(&file).unwrap() == bytes, "{name}: the journal was changed");
        }
    }
}

#[tokio::test]
async fn removed_files_are_noticed() {
    for name in ["0.jnl", "keyspaces"] {
        let folder = filled().await;
        let path = folder.path().join(name);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        assert!(EmbeddedStore::open(folder.path(), Limits::default()).is_err(), "{name}");
    }
}

#[tokio::test]
async fn without_the_watermark_what_is_left_opens() {
    let folder = filled().await;
    let file = journal(folder.path());
    let mut bytes = fs::read(&file).unwrap();
    let half = written(&bytes) / 2;
    bytes.truncate(half);
    fs::write(&file, &bytes).unwrap();
    let refused = EmbeddedStore::open(folder.path(), Limits::default()).err().unwrap();
    assert!(matches!(refused, OpenError::Incomplete { .. }), "{refused}");
    assert!(refused.to_string().contains("watermark"), "{refused}");
    fs::remove_file(folder.path().join("watermark")).unwrap();
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    let one = event(0);
    let tallies = store.read(&one.namespace, None, Include::COUNTS).await.unwrap();
    assert!((1..EVENTS).contains(&tallies[0].trials(&one.variant)));
    store.record((0..EVENTS).map(event).collect()).await.unwrap();
    let tallies = store.read(&one.namespace, None, Include::COUNTS).await.unwrap();
    assert_eq!(tallies[0].trials(&one.variant), EVENTS);
}

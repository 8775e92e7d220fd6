//! A folder that an earlier version wrote is read with all that it holds.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::fs;
use std::path::Path;

use abtest_config::Limits;
use abtest_model::{Event, Experiment, Goal, Namespace, Uuid, Variant};
use abtest_store::contents::{Control, Looks};
use abtest_store::embedded::{EmbeddedStore, OpenError};
use abtest_store::{Counters, Danger, Documents, Include, Kind, Recorder};
use tempfile::TempDir;

/// A copy of the folder that `abtest serve` of commit 75b0bc9 wrote: `button é` in `shop:a` with
/// a control and a look, `plain`, and the deleted experiment `deleted`, which had a control.
fn format_1() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1");
    copy_folder(&fixture, copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn event(uuid: &str) -> Event {
    Event {
        namespace: Namespace::new("shop:a").unwrap(),
        experiment: Experiment::new("button é").unwrap(),
        variant: Variant::new("red").unwrap(),
        goal: Goal::new("signup").unwrap(),
        uuid: Uuid::new(uuid).unwrap(),
        allocation: None,
        value: None,
        id: None,
    }
}

async fn signups(store: &EmbeddedStore) -> u64 {
    let Event { namespace, variant, .. } = event("x");
    store.read(&namespace, None, Include::COUNTS).await.unwrap()[0].count("signup", &variant)
}

#[tokio::test]
async fn a_folder_of_format_1_keeps_its_counts_looks_and_controls() {
    let folder = format_1();
    let Event { namespace, experiment, .. } = event("x");
    // Opened twice: the first time migrates it.
    for new in 0..2 {
        let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
        assert_eq!(signups(&store).await, 60 + new);
        let events = vec![event("red0"), event("red59"), event(&format!("new{new}"))];
        store.record(events).await.unwrap();
        assert_eq!(signups(&store).await, 61 + new, "the old uuids are known");
        let looks = store.get(&namespace, &Kind::Looks.of(&experiment)).await.unwrap().unwrap();
        let Looks { looks: parsed } = looks.parse().unwrap();
        assert_eq!(looks.version, 1);
        assert_eq!((parsed.len(), parsed[0].participants, parsed[0].planned), (1, 610, 5_000));
        assert_eq!(parsed[0].statistics[0].variant, "blue");
        let control = store.get(&namespace, &Kind::Control.of(&experiment)).await.unwrap();
        let Control { control } = control.unwrap().parse().unwrap();
        assert_eq!(control, "red");
        let other = store.snapshot(&Namespace::default(), None).await.unwrap().unwrap();
        assert_eq!(other.documents, [], "the deleted experiment's control stays deleted");
    }
    assert!(!folder.path().join("looks.jsonl").exists());
    assert!(folder.path().join("looks.jsonl.migrated").exists());
}

#[tokio::test]
async fn a_torn_line_of_format_1_costs_no_other_line() {
    let folder = format_1();
    for name in ["looks.jsonl", "controls.jsonl"] {
        let file = folder.path().join(name);
        let mut bytes = fs::read(&file).unwrap();
        // Cut off within the two bytes of `é`.
        bytes.extend(b"\n{\"namespace\":\"shop:a\",\"experiment\":\"\xc3");
        fs::write(&file, bytes).unwrap();
    }
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    let namespace = event("x").namespace;
    assert_eq!(store.list(&namespace, &Kind::ALL, None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn documents_of_format_2_get_checksums_and_one_that_is_damaged_is_kept_as_it_is() {
    let folder = format_1();
    drop(EmbeddedStore::open(folder.path(), Limits::default()).unwrap());
    let name = |kind| format!("shop:a\0{kind}\0button é");
    let stored = |version: u64, rest: &str| [&version.to_be_bytes(), rest.as_bytes()].concat();
    {
        let database = fjall::Database::builder(folder.path()).open().unwrap();
        let keyspace =
            |name| database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
        let documents = keyspace("documents");
        documents.insert(name("looks"), stored(3, "1{\"looks\":[]}")).unwrap();
        documents.insert(name("control"), stored(4, "0")).unwrap();
        documents.insert(name("baseline"), stored(5, "x")).unwrap();
        keyspace("meta").insert("format", "2").unwrap();
        database.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let Event { namespace, experiment, .. } = event("x");
    for _ in 0..2 {
        let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
        let found = store.list(&namespace, &Kind::ALL, None).await.unwrap();
        let versions: Vec<u64> = found.iter().map(|document| document.version).collect();
        assert_eq!(versions, [3, 5], "the control is deleted");
        assert_eq!(&**found[0].content().unwrap(), "{\"looks\":[]}");
        assert!(found[1].content().is_err());
        let damaged = store.damaged();
        assert_eq!(damaged.len(), 1);
        assert_eq!(store.health().await, Ok(vec![Danger::Damaged { records: 1 }]));
        assert_eq!(damaged[0].to_string(), "the baseline of `button é` in namespace `shop:a`");
        assert_eq!(found[1].key, Kind::Baseline.of(&experiment));
    }
}

#[test]
fn a_folder_of_a_newer_format_is_refused() {
    let folder = format_1();
    drop(EmbeddedStore::open(folder.path(), Limits::default()).unwrap());
    {
        let database = fjall::Database::builder(folder.path()).open().unwrap();
        let meta = database.keyspace("meta", fjall::KeyspaceCreateOptions::default).unwrap();
        meta.insert("format", "9").unwrap();
        database.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let refused = EmbeddedStore::open(folder.path(), Limits::default()).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { .. }), "{refused}");
}

//! A folder whose files were damaged is refused, never opened with less than was acknowledged.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::fs;
use std::path::{Path, PathBuf};

use abtest_config::Limits;
use abtest_model::{Event, Experiment, Goal, Namespace, Uuid, Variant};
use abtest_store::embedded::{self, EmbeddedStore, OpenError};
use abtest_store::{CommitError, Counters, Documents, Expected, Include, Kind, Recorder, Write};
use tempfile::TempDir;

const EVENTS: u64 = 2_000;

fn event(number: u64) -> Event {
    Event {
        namespace: Namespace::default(),
        experiment: Experiment::new("e").unwrap(),
        variant: Variant::new("red").unwrap(),
        goal: Goal::new("participate").unwrap(),
        uuid: Uuid::new(number.to_string()).unwrap(),
        allocation: None,
        value: None,
        id: None,
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

/// What was refused, and that it names what to do.
fn refusal(folder: &Path) -> String {
    let refused = EmbeddedStore::open(folder, Limits::default()).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("abtest data check") && text.contains("abtest data repair"), "{text}");
    text
}

/// The folder of a keyspace, by its name.
fn keyspace(folder: &Path, name: &str) -> PathBuf {
    let database = fjall::Database::builder(folder).open().unwrap();
    let keyspace = database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
    folder.join("keyspaces").join(keyspace.id().to_string())
}

#[tokio::test]
async fn a_damaged_journal_is_named_without_the_watermark_too() {
    let folder = filled().await;
    fs::remove_file(folder.path().join("watermark")).unwrap();
    let file = journal(folder.path());
    let mut bytes = fs::read(&file).unwrap();
    let middle = written(&bytes) / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let text = refusal(folder.path());
    assert!(text.contains("0.jnl is damaged") && text.contains("later commits follow"), "{text}");
}

#[tokio::test]
async fn a_last_commit_that_was_cut_off_is_no_damage_unless_it_was_acknowledged() {
    let damage = |folder: &Path| {
        let file = journal(folder);
        let mut bytes = fs::read(&file).unwrap();
        let last = written(&bytes) - 200;
        bytes[last] ^= 1;
        fs::write(&file, &bytes).unwrap();
        bytes
    };
    let folder = filled().await;
    let bytes = damage(folder.path());
    let text = refusal(folder.path());
    assert!(text.contains("1 of 20 commits are missing"), "{text}");
    assert!(fs::read(journal(folder.path())).unwrap() == bytes, "the journal was changed");

    // A power cut may leave the watermark behind, too.
    let folder = filled().await;
    fs::remove_file(folder.path().join("watermark")).unwrap();
    damage(folder.path());
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    let Event { namespace, variant, .. } = event(0);
    let tallies = store.read(&namespace, None, Include::COUNTS).await.unwrap();
    assert_eq!(tallies[0].trials(&variant), EVENTS - 100);
}

#[tokio::test]
async fn a_keyspace_that_lost_its_files_is_refused_and_stays_as_it_is() {
    for name in ["counters", "seen", "days", "documents", "history", "namespaces", "meta"] {
        let folder = filled().await;
        let own = keyspace(folder.path(), name);
        fs::remove_dir_all(&own).unwrap();
        assert!(!refusal(folder.path()).is_empty());
        assert!(!own.exists(), "{name}");

        let folder = filled().await;
        let own = keyspace(folder.path(), name);
        fs::remove_file(own.join("current")).unwrap();
        fs::write(own.join("tables/7"), "a table").unwrap();
        let text = refusal(folder.path());
        assert!(text.contains("current is missing"), "{name}: {text}");
        assert_eq!(fs::read(own.join("tables/7")).unwrap(), b"a table", "{name}");
    }
}

/// Changes the value of one record, as no checksum of fjall's notices.
fn replace(folder: &Path, keyspace: &str, change: impl Fn(&[u8]) -> Vec<u8>) {
    let database = fjall::Database::builder(folder).open().unwrap();
    let keyspace = database.keyspace(keyspace, fjall::KeyspaceCreateOptions::default).unwrap();
    let (key, value) = keyspace.first_key_value().unwrap().into_inner().unwrap();
    keyspace.insert(key, change(&value)).unwrap();
    database.persist(fjall::PersistMode::SyncAll).unwrap();
}

fn flipped(value: &[u8]) -> Vec<u8> {
    let mut flipped = value.to_vec();
    *flipped.last_mut().unwrap() ^= 0x40;
    flipped
}

#[tokio::test]
async fn a_counter_with_an_older_count_is_refused() {
    let folder = filled().await;
    replace(folder.path(), "counters", flipped);
    let text = refusal(folder.path());
    assert!(text.contains("counted uuids are missing") || text.contains("come back"), "{text}");
}

#[tokio::test]
async fn a_damaged_record_is_reported_kept_and_spoils_nothing_else() {
    let Event { namespace, experiment, variant, .. } = event(0);
    let key = Kind::Looks.of(&experiment);
    let put = |expected| Write::put(key.clone(), expected, "{\"looks\":[]}");
    let kept = |folder: &Path| -> Vec<Vec<u8>> {
        let database = fjall::Database::builder(folder).open().unwrap();
        let damaged = database.keyspace("damaged", fjall::KeyspaceCreateOptions::default).unwrap();
        damaged.iter().map(|entry| entry.value().unwrap().to_vec()).collect()
    };
    let folder = filled().await;
    {
        let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
        store.commit(&namespace, None, vec![put(Expected::Absent)]).await.unwrap();
    }
    replace(folder.path(), "documents", flipped);
    for _ in 0..2 {
        let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
        let damaged = store.damaged();
        assert_eq!(damaged[0].to_string(), format!("the looks of `e` in namespace `{namespace}`"));
        assert_eq!(damaged.len(), 1);
        let found = store.get(&namespace, &key).await.unwrap().unwrap();
        assert!(found.content().is_err(), "{found:?}");
        let tallies = store.read(&namespace, None, Include::COUNTS).await.unwrap();
        assert_eq!(tallies[0].trials(&variant), EVENTS);
        let anew = store.commit(&namespace, None, vec![put(Expected::Absent)]).await;
        assert!(matches!(anew, Err(CommitError::Conflict { .. })), "{anew:?}");
        drop(store);
        assert_eq!(kept(folder.path()).len(), 1, "it is kept once");
    }
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    store.commit(&namespace, None, vec![put(Expected::Any)]).await.unwrap();
    assert_eq!(store.damaged(), []);
    drop(store);
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    assert_eq!(store.damaged(), []);
    drop(store);
    assert_eq!(kept(folder.path()).len(), 1, "what was replaced is still kept");
}

#[tokio::test]
async fn an_unreadable_version_of_a_namespace_never_becomes_an_old_one() {
    let Event { namespace, experiment, .. } = event(0);
    let folder = filled().await;
    let put = || Write::put(Kind::Control.of(&experiment), Expected::Any, "{}");
    let before = {
        let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
        store.commit(&namespace, None, vec![put()]).await.unwrap().version
    };
    replace(folder.path(), "namespaces", |_| b"x".to_vec());
    let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
    assert!(store.version(&namespace).await.unwrap() > before);
    assert!(
        store.damaged()[0].what.starts_with("the version of namespace"),
        "{:?}",
        store.damaged()
    );
    let after = store.commit(&namespace, None, vec![put()]).await.unwrap().version;
    assert!(after > before);
}

/// The count of the one counter, and how many of its uuids count again when they come back.
async fn counted(folder: &Path) -> (u64, u64) {
    let store = EmbeddedStore::open(folder, Limits::default()).unwrap();
    let Event { namespace, variant, .. } = event(0);
    let tallies = store.read(&namespace, None, Include::COUNTS).await.unwrap();
    let before = tallies.first().map_or(0, |tally| tally.trials(&variant));
    store.record((0..EVENTS).map(event).collect()).await.unwrap();
    let tallies = store.read(&namespace, None, Include::COUNTS).await.unwrap();
    (before, tallies[0].trials(&variant) - before)
}

#[tokio::test]
async fn a_whole_folder_passes_the_check_which_changes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("counters");
    fs::rename(filled().await.keep(), &folder).unwrap();
    let before = fs::read(journal(&folder)).unwrap();
    let found = embedded::check(&folder).unwrap();
    assert_eq!(found.findings, []);
    let contents = found.contents.unwrap();
    assert_eq!((contents.experiments, contents.counters, contents.uuids), (1, 1, EVENTS));
    assert!(fs::read(journal(&folder)).unwrap() == before);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "no copy is left");
    let store = EmbeddedStore::open(&folder, Limits::default()).unwrap();
    assert!(matches!(embedded::check(&folder), Err(OpenError::InUse { .. })));
    drop(store);
}

#[tokio::test]
async fn a_repair_saves_all_but_the_damaged_commit_and_sets_the_folder_aside() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("counters");
    fs::rename(filled().await.keep(), &folder).unwrap();
    let file = journal(&folder);
    let mut bytes = fs::read(&file).unwrap();
    let middle = written(&bytes) / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert_eq!(embedded::check(&folder).unwrap().findings.len(), 1);
    let repaired = embedded::repair(&folder).unwrap();
    assert_eq!(repaired.saved.uuids, EVENTS, "later commits have the whole count");
    assert_eq!(repaired.forgotten_uuids, 100, "one commit's uuids");
    assert_eq!(repaired.before.unwrap().uuids, EVENTS);
    assert!(fs::read(repaired.set_aside.join("0.jnl")).unwrap() == bytes);
    assert_eq!(embedded::check(&folder).unwrap().findings, []);
    assert_eq!(counted(&folder).await, (EVENTS, 100));
    assert_eq!(counted(&folder).await, (EVENTS + 100, 0));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2, "nothing else is left");
}

#[tokio::test]
async fn a_repair_continues_without_a_keyspace_that_is_gone() {
    // The journal still has all of it.
    for name in ["counters", "seen", "days", "documents", "meta"] {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("counters");
        fs::rename(filled().await.keep(), &folder).unwrap();
        fs::remove_dir_all(keyspace(&folder, name)).unwrap();
        assert_ne!(embedded::check(&folder).unwrap().findings, [], "{name}");
        let repaired = embedded::repair(&folder).unwrap();
        assert_eq!((repaired.saved.uuids, repaired.forgotten_uuids), (EVENTS, 0), "{name}");
        assert_eq!(counted(&folder).await, (EVENTS, 0), "{name}");
    }
}

#[tokio::test]
async fn a_repair_saves_the_readable_blocks_of_a_damaged_table() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("counters");
    fs::rename(filled().await.keep(), &folder).unwrap();
    {
        let database = fjall::Database::builder(&folder).open().unwrap();
        let seen = database.keyspace("seen", fjall::KeyspaceCreateOptions::default).unwrap();
        seen.rotate_memtable_and_wait().unwrap();
    }
    let tables = keyspace(&folder, "seen").join("tables");
    let table = fs::read_dir(tables).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&table).unwrap();
    let third = bytes.len() / 3;
    bytes[third] ^= 1;
    fs::write(&table, bytes).unwrap();
    // What the journal has is not asked for: the table counts as newer.
    let found = embedded::check(&folder).unwrap().findings;
    assert!(found[0].to_string().contains("tables/"), "{found:?}");
    let repaired = embedded::repair(&folder).unwrap();
    assert_eq!(repaired.saved.uuids, EVENTS);
    assert!((1..EVENTS).contains(&repaired.forgotten_uuids), "{repaired:?}");
    assert_eq!(counted(&folder).await, (EVENTS, repaired.forgotten_uuids));
}

#[tokio::test]
async fn a_folder_whose_creation_was_cut_off_is_created_again() {
    type Step = fn(&Path);
    let steps: [Step; 5] = [
        |folder| fs::create_dir(folder.join("keyspaces")).unwrap(),
        |folder| fs::write(folder.join("0.jnl"), [0; 4_096]).unwrap(),
        |folder| fs::write(folder.join("version"), "").unwrap(),
        |folder| fs::write(folder.join("version"), b"FJL\x03").unwrap(),
        |folder| {
            fs::create_dir_all(folder.join("keyspaces/0/tables")).unwrap();
            fs::write(folder.join("keyspaces/0/v0"), "").unwrap();
            fs::write(folder.join("keyspaces/0/.tmp4fT9"), "").unwrap();
        },
    ];
    for cut_off_after in 0..=steps.len() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("watermark"), "").unwrap();
        fs::write(folder.path().join("lock"), "").unwrap();
        steps[..cut_off_after].iter().for_each(|step| step(folder.path()));
        let store = EmbeddedStore::open(folder.path(), Limits::default());
        let store = store.unwrap_or_else(|error| panic!("after {cut_off_after} steps: {error}"));
        store.record(vec![event(1)]).await.unwrap();
        drop(store);
        let store = EmbeddedStore::open(folder.path(), Limits::default()).unwrap();
        let read = store.read(&event(1).namespace, None, Include::COUNTS).await.unwrap();
        assert_eq!(read.len(), 1, "cut off after {cut_off_after} steps");
    }
}

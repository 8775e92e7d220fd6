//! The laws of [`Documents`].

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use abtest_config::Limits;
use abtest_model::{Experiment, Namespace};
use abtest_store::{
    CommitError, Counters, DocumentKey, Documents, Expected, Kind, Recorder, Write,
};

use super::{Backend, event, experiment, namespace};

fn key(kind: Kind, name: &str) -> DocumentKey {
    DocumentKey::new(kind, name)
}

async fn put(store: &impl Documents, key: &DocumentKey, expected: Expected, json: &str) -> u64 {
    let write = Write::put(key.clone(), expected, json);
    store.commit(&namespace(), None, vec![write]).await.unwrap().versions[0]
}

async fn read(store: &impl Documents, key: &DocumentKey) -> Option<(u64, String)> {
    let found = store.get(&namespace(), key).await.unwrap();
    found.map(|found| {
        assert_eq!(found.key, *key);
        (found.version, found.content().unwrap().to_string())
    })
}

fn is(version: u64, json: &str) -> Option<(u64, String)> {
    Some((version, json.to_owned()))
}

const NAMES: [&str; 8] = ["a", "a:b", "a%3Ab", "50% off {1}", "}", "naïve 👩‍👩‍👧", "absent", "version"];

pub(crate) async fn a_document_reads_as_it_was_written<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let json = |name: &str| format!("{{\"name\": {name:?}, \"text\": \"two words\\n\"}}");
    for name in NAMES {
        for kind in [Kind::Looks, Kind::Layer] {
            assert_eq!(read(&store, &key(kind, name)).await, None);
            let text = json(name);
            assert_eq!(put(&store, &key(kind, name), Expected::Absent, &text).await, 1);
            assert_eq!(read(&store, &key(kind, name)).await, is(1, &text));
        }
    }
    put(&store, &DocumentKey::settings(), Expected::Absent, "{}").await;
    assert_eq!(read(&store, &DocumentKey::settings()).await, is(1, "{}"));
    let names = |documents: &[abtest_store::Document]| -> Vec<String> {
        documents.iter().map(|document| document.key.name.clone()).collect()
    };
    let mut sorted = NAMES.map(str::to_owned);
    sorted.sort();
    let all = store.list(&namespace(), &[Kind::Looks], None).await.unwrap();
    assert_eq!(names(&all), sorted);
    let some = [experiment("a:b"), experiment("never written"), experiment("a")];
    let some = store.list(&namespace(), &[Kind::Looks, Kind::Layer], Some(&some)).await.unwrap();
    assert_eq!(names(&some), ["a", "a:b", "a", "a:b"]);
    assert_eq!(**some[1].content().unwrap(), json("a:b"));
    let nothing: &[Experiment] = &[];
    assert_eq!(store.list(&namespace(), &[Kind::Looks], Some(nothing)).await.unwrap(), []);
}

pub(crate) async fn documents_of_other_namespaces_and_kinds_stay_apart<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let spaces = ["n", "n:a", "n%3Aa", "n}a", "{n}"].map(|name| Namespace::new(name).unwrap());
    for (number, space) in spaces.iter().enumerate() {
        for kind in Kind::ALL {
            let write = Write::put(key(kind, "a"), Expected::Absent, format!("\"{kind}{number}\""));
            let committed = store.commit(space, None, vec![write]).await.unwrap();
            assert_eq!(committed.versions, [1]);
        }
    }
    for (number, space) in spaces.iter().enumerate() {
        for kind in Kind::ALL {
            let found = store.get(space, &key(kind, "a")).await.unwrap().unwrap();
            assert_eq!(**found.content().unwrap(), format!("\"{kind}{number}\""));
        }
    }
}

pub(crate) async fn a_commit_with_one_conflict_stores_nothing<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let (one, other) = (key(Kind::Definition, "one"), key(Kind::Layer, "other"));
    put(&store, &other, Expected::Absent, "1").await;
    let before = store.snapshot(&namespace(), None).await.unwrap().unwrap();
    let writes = vec![
        Write::put(one.clone(), Expected::Absent, "2").with_entry("{}"),
        Write::put(other.clone(), Expected::Version(7), "2"),
    ];
    let refused = store.commit(&namespace(), None, writes).await.unwrap_err();
    assert_eq!(refused, CommitError::Conflict { key: other.clone(), found: Some(1) });
    assert!(refused.to_string().contains("the layer of `other`"), "{refused}");
    assert_eq!(store.snapshot(&namespace(), None).await.unwrap().unwrap(), before);
    assert_eq!(store.history(&namespace(), &one).await.unwrap(), []);
    let twice = vec![
        Write::put(one.clone(), Expected::Any, "1"),
        Write::put(one.clone(), Expected::Any, "2"),
    ];
    let refused = store.commit(&namespace(), None, twice).await.unwrap_err();
    assert_eq!(refused, CommitError::Twice { key: one });
    assert_eq!(store.snapshot(&namespace(), Some(before.version)).await.unwrap(), None);
}

pub(crate) async fn a_write_expects_the_version_that_it_read<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let looks = key(Kind::Looks, "e");
    let refused = async |expected: Expected| {
        let write = Write::put(looks.clone(), expected, "0");
        match store.commit(&namespace(), None, vec![write]).await.unwrap_err() {
            CommitError::Conflict { found, .. } => found,
            error => panic!("{error}"),
        }
    };
    assert_eq!(refused(Expected::Version(1)).await, None);
    assert_eq!(put(&store, &looks, Expected::Absent, "1").await, 1);
    assert_eq!(refused(Expected::Absent).await, Some(1));
    assert_eq!(put(&store, &looks, Expected::Version(1), "2").await, 2);
    assert_eq!(refused(Expected::Version(1)).await, Some(2));
    assert_eq!(put(&store, &looks, Expected::Any, "3").await, 3);
    let found = store.get(&namespace(), &looks).await.unwrap();
    assert_eq!(put(&store, &looks, Expected::found(found.as_ref()), "4").await, 4);
    assert_eq!(read(&store, &looks).await, is(4, "4"));
}

pub(crate) async fn a_document_created_again_continues_its_versions<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let definition = key(Kind::Definition, "e");
    let delete = async |expected: Expected| {
        let write = Write::delete(definition.clone(), expected);
        store.commit(&namespace(), None, vec![write]).await
    };
    // Deleting what does not exist changes no document.
    assert_eq!(delete(Expected::Any).await.unwrap().versions, [0]);
    put(&store, &definition, Expected::Absent, "1").await;
    put(&store, &definition, Expected::Any, "2").await;
    assert!(delete(Expected::Version(1)).await.is_err());
    assert_eq!(delete(Expected::Version(2)).await.unwrap().versions, [3]);
    assert_eq!(read(&store, &definition).await, None);
    assert_eq!(store.list(&namespace(), &Kind::ALL, None).await.unwrap(), []);
    assert_eq!(delete(Expected::Any).await.unwrap().versions, [3]);
    assert!(delete(Expected::Version(3)).await.is_err());
    assert_eq!(put(&store, &definition, Expected::Absent, "4").await, 4);
    assert_eq!(read(&store, &definition).await, is(4, "4"));
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

pub(crate) async fn the_version_of_a_namespace_grows_with_every_change<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let empty = store.snapshot(&namespace(), None).await.unwrap().unwrap();
    assert_eq!((empty.version, empty.documents), (0, Vec::new()));
    assert_eq!(store.snapshot(&namespace(), Some(0)).await.unwrap(), None);
    let before = now();
    let mut version = 0;
    for number in 0..20 {
        let write = Write::put(key(Kind::Control, "e"), Expected::Any, number.to_string());
        let committed = store.commit(&namespace(), None, vec![write]).await.unwrap();
        assert!(committed.version > version);
        version = committed.version;
        assert_eq!(store.version(&namespace()).await.unwrap(), version);
    }
    // The version is the time, as long as commits do not come faster than milliseconds pass.
    assert!((before..=now() + 20).contains(&version), "{version}");
    let other = Namespace::new("other").unwrap();
    assert_eq!(store.snapshot(&other, None).await.unwrap().unwrap().version, 0);
}

pub(crate) async fn a_snapshot_shows_all_documents_of_one_moment<B: Backend>() {
    let backend = B::new();
    let store = Arc::new(backend.open(Limits::default()));
    let keys = [key(Kind::Definition, "a"), key(Kind::Layer, "b"), key(Kind::Settings, "")];
    let writer = Arc::clone(&store);
    let written = keys.clone();
    let writing = tokio::spawn(async move {
        for number in 0..50 {
            let writes =
                written.clone().map(|key| Write::put(key, Expected::Any, number.to_string()));
            writer.commit(&namespace(), None, writes.to_vec()).await.unwrap();
        }
    });
    let mut version = 0;
    while version == 0 || !writing.is_finished() {
        let Some(snapshot) = store.snapshot(&namespace(), Some(version)).await.unwrap() else {
            continue;
        };
        assert!(snapshot.version > version);
        version = snapshot.version;
        let found: Vec<_> = snapshot.documents.iter().map(|found| found.key.clone()).collect();
        assert_eq!(found, keys);
        let first = &snapshot.documents[0];
        for document in &snapshot.documents {
            assert_eq!((document.version, document.content()), (first.version, first.content()));
        }
    }
    writing.await.unwrap();
}

pub(crate) async fn a_commit_based_on_an_old_version_is_refused<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let (one, other) = (key(Kind::Definition, "one"), key(Kind::Definition, "other"));
    put(&store, &one, Expected::Absent, "1").await;
    let seen = store.snapshot(&namespace(), None).await.unwrap().unwrap().version;
    let change = async |key: &DocumentKey| {
        let write = Write::put(key.clone(), Expected::Any, "2");
        store.commit(&namespace(), Some(seen), vec![write]).await
    };
    let committed = change(&other).await.unwrap();
    let refused = change(&one).await.unwrap_err();
    assert_eq!(refused, CommitError::Outdated { found: committed.version });
    assert_eq!(read(&store, &one).await, is(1, "1"));
}

pub(crate) async fn a_deletion_refuses_what_was_decided_before_it<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let participate = vec![event("ns", "e", "participate", "red", "1")];
    // Also when the experiment has neither documents nor counts.
    for counted in [true, false] {
        if counted {
            store.record(participate.clone()).await.unwrap();
        }
        let seen = store.version(&namespace()).await.unwrap();
        assert_eq!(store.delete(&namespace(), &experiment("e")).await.unwrap(), counted);
        let look = Write::put(key(Kind::Looks, "e"), Expected::Absent, "1");
        let refused = store.commit(&namespace(), Some(seen), vec![look]).await.unwrap_err();
        let found = store.version(&namespace()).await.unwrap();
        assert_eq!(refused, CommitError::Outdated { found });
        assert!(found > seen);
    }
    let seen = store.version(&namespace()).await.unwrap();
    drop(store);
    let store = backend.open(Limits::default());
    assert_eq!(store.version(&namespace()).await.unwrap(), seen, "the version is stored");
}

pub(crate) async fn the_history_has_every_entry_once_also_after_a_deletion<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let definition = key(Kind::Definition, "a:b");
    let entry = |number: u32| format!("{{\"why\": \"reason {number}\"}}");
    let before = now();
    let changes = [
        Write::put(definition.clone(), Expected::Absent, "1").with_entry(entry(1)),
        Write::put(definition.clone(), Expected::Version(1), "2"),
        Write::delete(definition.clone(), Expected::Version(2)).with_entry(entry(3)),
        Write::put(definition.clone(), Expected::Absent, "4").with_entry(entry(4)),
    ];
    for change in changes {
        store.commit(&namespace(), None, vec![change]).await.unwrap();
    }
    let like = Write::put(key(Kind::Definition, "a"), Expected::Absent, "1").with_entry("{}");
    store.commit(&namespace(), None, vec![like]).await.unwrap();
    let history = store.history(&namespace(), &definition).await.unwrap();
    let found: Vec<_> = history.iter().map(|step| (step.version, step.entry.clone())).collect();
    assert_eq!(found, [(1, entry(1)), (3, entry(3)), (4, entry(4))]);
    assert!(history.iter().all(|step| (before..=now()).contains(&step.at)));
    assert!(history.is_sorted_by_key(|step| step.at));
}

pub(crate) async fn of_concurrent_first_writes_one_wins<B: Backend>() {
    let backend = B::new();
    let store = Arc::new(backend.open(Limits::default()));
    let looks = key(Kind::Looks, "e");
    let writers = (0..8).map(|number: u32| {
        let (store, looks) = (Arc::clone(&store), looks.clone());
        tokio::spawn(async move {
            let write = Write::put(looks, Expected::Absent, number.to_string());
            match store.commit(&namespace(), None, vec![write]).await {
                Ok(_) => Some(number),
                Err(CommitError::Conflict { found: Some(1), .. }) => None,
                Err(error) => panic!("{error}"),
            }
        })
    });
    let mut winners = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        winners.extend(writer.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(read(&*store, &looks).await, is(1, &winners[0].to_string()));
}

pub(crate) async fn of_concurrent_changes_each_accepted_one_counts_once<B: Backend>() {
    const WRITERS: u64 = 4;
    const CHANGES: u64 = 15;
    let backend = B::new();
    let store = Arc::new(backend.open(Limits::default()));
    let definition = key(Kind::Definition, "e");
    put(&*store, &definition, Expected::Absent, "0").await;
    let writers = (0..WRITERS).map(|_| {
        let (store, definition) = (Arc::clone(&store), definition.clone());
        tokio::spawn(async move {
            let mut accepted = 0;
            while accepted < CHANGES {
                let found = store.get(&namespace(), &definition).await.unwrap().unwrap();
                let next = found.parse::<u64>().unwrap() + 1;
                let expected = Expected::Version(found.version);
                let write = Write::put(definition.clone(), expected, next.to_string());
                let write = write.with_entry(next.to_string());
                match store.commit(&namespace(), None, vec![write]).await {
                    Ok(_) => accepted += 1,
                    Err(CommitError::Conflict { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let all = WRITERS * CHANGES;
    assert_eq!(read(&*store, &definition).await, is(all + 1, &all.to_string()));
    let history = store.history(&namespace(), &definition).await.unwrap();
    let entries: Vec<u64> = history.iter().map(|step| step.entry.parse().unwrap()).collect();
    assert_eq!(entries, (1..=all).collect::<Vec<_>>());
}

pub(crate) async fn deleting_an_experiment_deletes_its_documents<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    for name in ["a:b", "a"] {
        store.record(vec![event("ns", name, "participate", "red", "1")]).await.unwrap();
        for kind in Kind::OF_EXPERIMENTS {
            put(&store, &key(kind, name), Expected::Absent, "1").await;
        }
    }
    put(&store, &key(Kind::Layer, "a:b"), Expected::Absent, "1").await;
    assert!(store.delete(&namespace(), &experiment("a:b")).await.unwrap());
    for kind in Kind::DELETED_WITH_COUNTS {
        assert_eq!(read(&store, &key(kind, "a:b")).await, None);
    }
    assert_eq!(read(&store, &key(Kind::Definition, "a:b")).await, is(1, "1"));
    for kind in Kind::OF_EXPERIMENTS {
        assert_eq!(read(&store, &key(kind, "a")).await, is(1, "1"));
    }
    assert_eq!(read(&store, &key(Kind::Layer, "a:b")).await, is(1, "1"));
    assert_eq!(put(&store, &key(Kind::Looks, "a:b"), Expected::Absent, "3").await, 3);
}

pub(crate) async fn documents_are_there_after_reopening<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let (one, gone) = (key(Kind::Definition, "a:b"), key(Kind::Looks, "gone"));
    put(&store, &one, Expected::Absent, "\"é\"").await;
    put(&store, &gone, Expected::Absent, "1").await;
    let delete = Write::delete(gone.clone(), Expected::Version(1)).with_entry("{}");
    store.commit(&namespace(), None, vec![delete]).await.unwrap();
    let before = store.snapshot(&namespace(), None).await.unwrap().unwrap();
    drop(store);
    let store = backend.open(Limits::default());
    assert_eq!(store.snapshot(&namespace(), None).await.unwrap().unwrap(), before);
    assert_eq!(store.history(&namespace(), &gone).await.unwrap().len(), 1);
    assert_eq!(put(&store, &gone, Expected::Absent, "3").await, 3);
}

pub(crate) async fn definitions_are_a_snapshot_without_what_belongs_to_counts<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let other = Namespace::new("other: {n}").unwrap();
    assert_eq!(store.namespaces().await.unwrap(), []);
    let unknown = store.definitions(&other, None).await.unwrap().unwrap();
    assert_eq!((unknown.version, unknown.documents.len()), (0, 0));
    assert_eq!(store.definitions(&other, Some(0)).await.unwrap(), None);
    for kind in Kind::ALL {
        put(&store, &key(kind, "a"), Expected::Absent, "1").await;
    }
    let write = Write::put(key(Kind::Layer, "b"), Expected::Absent, "2");
    store.commit(&other, None, vec![write]).await.unwrap();
    let all = store.snapshot(&namespace(), None).await.unwrap().unwrap();
    let some = store.definitions(&namespace(), None).await.unwrap().unwrap();
    let kinds: Vec<Kind> = some.documents.iter().map(|document| document.key.kind).collect();
    assert_eq!(kinds, Kind::DEFINING);
    assert!(some.documents.iter().all(|document| all.documents.contains(document)));
    assert_eq!(some.version, all.version);
    assert_eq!(store.definitions(&namespace(), Some(all.version)).await.unwrap(), None);
    let mut both = [namespace(), other.clone()];
    both.sort();
    assert_eq!(store.namespaces().await.unwrap(), both);
    store
        .commit(&other, None, vec![Write::delete(key(Kind::Layer, "b"), Expected::Version(1))])
        .await
        .unwrap();
    let unknown = Namespace::new("unknown").unwrap();
    let keys = store.defining_keys(&[unknown, namespace(), other]).await.unwrap();
    assert_eq!(keys, [vec![], Kind::DEFINING.map(|kind| key(kind, "a")).to_vec(), vec![]]);
}

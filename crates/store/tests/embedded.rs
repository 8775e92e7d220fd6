//! The embedded store keeps the contract, and what is only true of it.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod contract;

use abtest_model::Limits;
use abtest_store::Store;
use abtest_store::embedded::{EmbeddedStore, OpenError};
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
    let tallies = store.tallies(&large.namespace, None).await.unwrap();
    assert_eq!(tallies[0].count("g", &large.variant), 1);
}

//! Gives the disk space of removed records back while the store runs.
//!
//! fjall 3 keeps more than it needs, in three ways:
//! - A full journal stays until each keyspace has written what it has of it to a table. Most keyspaces
//!   change too little to do so by themselves.
//! - A compaction drops only what was removed before the last clean-up of snapshots.
//! - The tables that a compaction replaced stay until a later table is written after a later clean-up.

use fjall::{Database, Keyspace};

/// After so many closed snapshots, fjall cleans up. It has no call that does so at once.
const SNAPSHOTS_TO_CLEAN_UP: usize = 10_000;

/// A key that no record has. Removing it makes a table necessary.
const NO_RECORD: [u8; 1] = [0];

/// Writes all keyspaces to tables without what was removed, and removes the files that held it.
pub(super) fn give_back(database: &Database, keyspaces: &[Keyspace]) -> fjall::Result<()> {
    clean_up(database);
    keyspaces.iter().try_for_each(Keyspace::rotate_memtable_and_wait)?;
    keyspaces.iter().try_for_each(Keyspace::major_compact)?;
    keyspaces.iter().try_for_each(|keyspace| keyspace.remove(NO_RECORD))?;
    clean_up(database);
    keyspaces.iter().try_for_each(Keyspace::rotate_memtable_and_wait)
}

fn clean_up(database: &Database) {
    (0..SNAPSHOTS_TO_CLEAN_UP).for_each(|_| drop(database.snapshot()));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use fjall::KeyspaceCreateOptions;

    use super::*;

    fn bytes(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let sizes = entries.map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        });
        sizes.sum()
    }

    #[test]
    fn the_tables_of_removed_records_are_gone_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::builder(folder.path()).open().unwrap();
        let keyspaces = ["seen", "meta"]
            .map(|name| database.keyspace(name, KeyspaceCreateOptions::default).unwrap());
        let keys =
            || (0..5_000_u128).map(|number| (number.wrapping_mul(u128::MAX / 7)).to_be_bytes());
        keys().for_each(|key| keyspaces[0].insert(key, "").unwrap());
        keyspaces[1].insert("format", "3").unwrap();
        keyspaces[0].rotate_memtable_and_wait().unwrap();
        let tables = folder.path().join("keyspaces");
        let before = bytes(&tables);
        assert!(before > 50_000, "{before}");
        keys().for_each(|key| keyspaces[0].remove(key).unwrap());
        give_back(&database, &keyspaces).unwrap();
        let start = Instant::now();
        while bytes(&tables) > before / 5 {
            assert!(start.elapsed() < Duration::from_secs(60), "{} of {before}", bytes(&tables));
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(keyspaces[0].iter().count(), 0);
        assert_eq!(keyspaces[1].get("format").unwrap().unwrap().as_ref(), b"3");
    }
}

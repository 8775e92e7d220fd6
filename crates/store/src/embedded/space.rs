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

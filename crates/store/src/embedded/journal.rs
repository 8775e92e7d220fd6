//! Reads a journal of the key-value store without changing it. When fjall opens a folder, it takes
//! the first entry that it cannot read as the journal's end, and cuts the rest off. This finds out
//! whether commits would be lost by that.
//!
//! A batch as fjall 3 writes it. Numbers are little-endian, and nothing is compressed:
//!
//! | bytes | hold |
//! |---|---|
//! | 1 | `1` |
//! | 4 | how many entries follow |
//! | 8 | the sequence number, which rises from batch to batch |
//! | 21 + key + value | for an entry: `2`, type, `0`, keyspace (8), lengths of key (2) and value (4, 4) |
//! | 9 | for an emptied keyspace instead: `4`, keyspace |
//! | 1 | `3` |
//! | 8 | XXH3-64 of all entries |
//! | 4 | `FJL`, 3 |

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

const START: u8 = 1;
const ENTRY: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";

/// Where a batch has its sequence number.
const SEQUENCE: Range<usize> = 5..13;

/// What a journal holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Journal {
    /// The batches that can be read.
    batches: Vec<Batch>,
    /// Bytes that are no batch, before a batch that can be read.
    damaged: Vec<Range<usize>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Batch {
    range: Range<usize>,
    sequence: u64,
}

impl Journal {
    /// Reads the bytes of a journal. What follows the last complete batch is not damage: it is zero,
    /// because a journal is allocated ahead, or a commit that a crash cut off.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let written = written(bytes);
        let mut journal = Self::default();
        let mut at = 0;
        while at < written {
            let Some(next) = (at..written).find_map(|start| read_batch(bytes, start)) else {
                break;
            };
            if next.range.start > at {
                journal.damaged.push(at..next.range.start);
            }
            at = next.range.end;
            journal.batches.push(next);
        }
        journal
    }

    /// Whether it holds any batch.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// What follows the last batch that can be read, without the zeros at the end.
    pub(super) fn rest(&self, bytes: &[u8]) -> Range<usize> {
        let end = self.batches.last().map_or(0, |batch| batch.range.end);
        end..written(bytes).max(end)
    }

    /// The parts that would be lost, in order. A batch whose sequence number is out of order is one.
    pub(super) fn damage(&self) -> Vec<Range<usize>> {
        let disordered = self.disordered().into_iter().filter_map(|at| self.batches.get(at));
        let mut damage: Vec<Range<usize>> = disordered.map(|batch| batch.range.clone()).collect();
        damage.extend(self.damaged.iter().cloned());
        damage.sort_by_key(|range| range.start);
        damage
    }

    /// The journal with every batch that can be read, and nothing else. A sequence number that is out
    /// of order is replaced by one that fits: the checksum says that its batch is whole.
    pub(super) fn repaired(&self, bytes: &[u8]) -> Vec<u8> {
        let disordered = self.disordered();
        let mut repaired = Vec::new();
        let mut before = 0;
        for (position, Batch { range, sequence }) in self.batches.iter().enumerate() {
            let start = repaired.len();
            repaired.extend_from_slice(&bytes[range.clone()]);
            before = if disordered.contains(&position) { before + 1 } else { *sequence };
            let place = start + SEQUENCE.start..start + SEQUENCE.end;
            repaired[place].copy_from_slice(&before.to_le_bytes());
        }
        repaired
    }

    /// The positions of batches whose sequence numbers do not fit between their neighbours'.
    fn disordered(&self) -> Vec<usize> {
        let mut disordered = Vec::new();
        let mut before = None;
        for (position, batch) in self.batches.iter().enumerate() {
            let after = self.batches.get(position + 1).map(|next| next.sequence);
            let too_low = before.is_some_and(|before| batch.sequence <= before);
            // The next one fits to the one before: then this one is too high.
            let too_high = after.is_some_and(|after| {
                after <= batch.sequence && before.is_none_or(|before| before < after)
            });
            if too_low || too_high {
                disordered.push(position);
            } else {
                before = Some(batch.sequence);
            }
        }
        disordered
    }
}

/// The length without the zeros at the end.
fn written(bytes: &[u8]) -> usize {
    const ZEROS: [u8; 4_096] = [0; 4_096];
    let mut length = bytes.len();
    for chunk in bytes.rchunks(ZEROS.len()) {
        if chunk != &ZEROS[..chunk.len()] {
            return length - chunk.iter().rev().take_while(|byte| **byte == 0).count();
        }
        length -= chunk.len();
    }
    0
}

/// The batch that starts there, if it is complete and its checksum is right.
fn read_batch(bytes: &[u8], start: usize) -> Option<Batch> {
    let mut rest = Reader(bytes.get(start..)?);
    if rest.byte()? != START {
        return None;
    }
    let entries = u32::from_le_bytes(rest.take()?);
    let sequence = u64::from_le_bytes(rest.take()?);
    let from = rest.0;
    for _ in 0..entries {
        match rest.byte()? {
            ENTRY => {
                rest.skip(1 + 1 + 8)?;
                let key = u16::from_le_bytes(rest.take()?);
                rest.skip(4)?;
                let value = u32::from_le_bytes(rest.take()?);
                rest.skip(usize::from(key) + usize::try_from(value).ok()?)?;
            }
            CLEAR => rest.skip(8)?,
            _ => return None,
        }
    }
    let hashed = &from[..from.len() - rest.0.len()];
    if rest.byte()? != END {
        return None;
    }
    let checksum = u64::from_le_bytes(rest.take()?);
    if rest.take::<4>()? != TRAILER || xxh3_64(hashed) != checksum {
        return None;
    }
    Some(Batch { range: start..bytes.len() - rest.0.len(), sequence })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.0 = self.0.get(length..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use fjall::{Database, KeyspaceCreateOptions, PersistMode};

    use super::*;

    /// A journal that fjall wrote, with ten batches.
    fn journal() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        {
            let database = Database::builder(folder.path()).open().unwrap();
            let keyspace = database.keyspace("k", KeyspaceCreateOptions::default).unwrap();
            for number in 0..10_u8 {
                let mut batch = database.batch();
                batch.insert(&keyspace, [number], vec![number; usize::from(number) * 100]);
                batch.remove(&keyspace, [number, 1]);
                batch.commit().unwrap();
            }
            database.persist(PersistMode::SyncAll).unwrap();
        }
        std::fs::read(folder.path().join("0.jnl")).unwrap()
    }

    #[test]
    fn a_whole_journal_has_every_batch_and_no_damage() {
        let bytes = journal();
        let read = Journal::read(&bytes);
        assert_eq!((read.batches.len(), read.damage()), (10, Vec::new()));
        assert_eq!(read.repaired(&bytes), bytes[..written(&bytes)]);
    }

    #[test]
    fn every_flipped_byte_before_the_last_batch_is_found_and_costs_one_batch_at_most() {
        let mut bytes = journal();
        bytes.truncate(written(&bytes));
        let whole = Journal::read(&bytes);
        let last = whole.batches[9].range.start;
        for at in (0..last).filter(|at| at % 7 == 0 || *at < 60) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x55;
            let read = Journal::read(&flipped);
            assert_eq!(read.damage().len(), 1, "byte {at}");
            let repaired = Journal::read(&read.repaired(&flipped));
            assert!(repaired.batches.len() >= 9, "byte {at}");
            assert_eq!(repaired.damage(), [], "byte {at}");
        }
    }

    #[test]
    fn a_commit_that_was_cut_off_is_no_damage() {
        let mut bytes = journal();
        let whole = Journal::read(&bytes);
        bytes.truncate(whole.batches[9].range.end - 3);
        bytes.extend([0; 100]);
        let read = Journal::read(&bytes);
        assert_eq!((read.batches.len(), read.damage()), (9, Vec::new()));
    }
}

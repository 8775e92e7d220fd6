//! What there was after the last commit, in a file of its own: `watermark`. A folder that opens with
//! fewer commits has lost data, for example because its journal was damaged, and is refused.
//!
//! The file is written after every commit but not synced, so it may be too old after a power cut,
//! never too new. Two slots take turns, so that a torn write leaves the other one valid. A slot holds
//! [`Totals`] and the CRC-32 of their bytes, big-endian. Formats 1 and 2 had slots of the number of
//! commits and its CRC-32.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::totals::Totals;

/// The file's name.
pub(super) const NAME: &str = "watermark";

const SLOT: usize = Totals::BYTES + 4;

/// The length of a slot of formats 1 and 2.
const OLD_SLOT: usize = 8 + 4;

/// The open file, which also locks the folder.
pub(super) struct Watermark {
    file: File,
}

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// The file is new or empty.
    Nothing,
    /// These were the last totals. `is_whole` says that no slot was damaged.
    Totals { totals: Totals, is_whole: bool },
    /// Only the number of commits, as formats 1 and 2 wrote it.
    Commits(u64),
    /// It cannot be read.
    Damaged,
}

impl Noted {
    /// How many commits there were at least.
    pub(super) fn commits(self) -> u64 {
        match self {
            Self::Totals { totals, .. } => totals.commits,
            Self::Commits(commits) => commits,
            Self::Nothing | Self::Damaged => 0,
        }
    }
}

impl Watermark {
    /// Opens the file, or creates it. `None` if another process has it open.
    pub(super) fn open(folder: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Self::lock(options.open(folder.join(NAME))?)
    }

    /// Opens the file if there is one. `None` if another process has it open.
    pub(super) fn open_existing(folder: &Path) -> io::Result<Option<Option<Self>>> {
        match File::open(folder.join(NAME)) {
            Ok(file) => Ok(Self::lock(file)?.map(Some)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(None)),
            Err(error) => Err(error),
        }
    }

    fn lock(file: File) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// What the file says.
    pub(super) fn read(&self) -> io::Result<Noted> {
        let mut bytes = [0; 2 * SLOT];
        let mut length = 0;
        while length < bytes.len() {
            match self.file.read_at(&mut bytes[length..], length as u64)? {
                0 => break,
                read => length += read,
            }
        }
        Ok(read(&bytes[..length]))
    }

    /// Writes the totals after a commit.
    pub(super) fn write(&self, totals: &Totals) -> io::Result<()> {
        let bytes = totals.encode();
        let slot = [&bytes[..], &crc32fast::hash(&bytes).to_be_bytes()].concat();
        self.file.write_all_at(&slot, (totals.commits % 2) * SLOT as u64)
    }
}

fn read(bytes: &[u8]) -> Noted {
    if bytes.is_empty() {
        return Noted::Nothing;
    }
    if bytes.len() <= 2 * OLD_SLOT {
        let slots = bytes.chunks_exact(OLD_SLOT).filter_map(valid::<8>);
        let commits = slots.map(|number| u64::from_be_bytes(*number)).max();
        return commits.map_or(Noted::Damaged, Noted::Commits);
    }
    let slots = || bytes.chunks(SLOT);
    let is_unused = |slot: &[u8]| slot.iter().all(|byte| *byte == 0);
    let valid = |slot| valid::<{ Totals::BYTES }>(slot).map(Totals::decode);
    let is_whole = slots().all(|slot| is_unused(slot) || valid(slot).is_some());
    let newest = slots().filter_map(valid).max_by_key(|totals| totals.commits);
    newest.map_or(Noted::Damaged, |totals| Noted::Totals { totals, is_whole })
}

/// What a slot holds, if its checksum is right.
fn valid<const LENGTH: usize>(slot: &[u8]) -> Option<&[u8; LENGTH]> {
    let (bytes, checksum) = slot.split_first_chunk::<LENGTH>()?;
    (crc32fast::hash(bytes).to_be_bytes() == checksum).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_write_leaves_the_totals_before() {
        let folder = tempfile::tempdir().unwrap();
        let watermark = Watermark::open(folder.path()).unwrap().unwrap();
        assert!(Watermark::open(folder.path()).unwrap().is_none(), "it is locked");
        assert_eq!(watermark.read().unwrap(), Noted::Nothing);
        let totals = |commits| Totals { commits, uuids: 7 * commits, ..Totals::default() };
        for commits in 1..=4 {
            watermark.write(&totals(commits)).unwrap();
            let expected = Noted::Totals { totals: totals(commits), is_whole: true };
            assert_eq!(watermark.read().unwrap(), expected);
        }
        watermark.file.write_all_at(&[7; 3], 4).unwrap();
        let before = Noted::Totals { totals: totals(3), is_whole: false };
        assert_eq!(watermark.read().unwrap(), before);
        watermark.file.write_all_at(&[7; 3], 4 + SLOT as u64).unwrap();
        assert_eq!(watermark.read().unwrap(), Noted::Damaged);
    }

    #[test]
    fn the_file_of_earlier_formats_is_read() {
        let slot = |number: u64| {
            let number = number.to_be_bytes();
            [&number[..], &crc32fast::hash(&number).to_be_bytes()].concat()
        };
        assert_eq!(read(&[slot(4), slot(3)].concat()), Noted::Commits(4));
        assert_eq!(read(&[slot(4), vec![1; 12]].concat()), Noted::Commits(4));
        assert_eq!(read(&[1; 24]), Noted::Damaged);
    }
}

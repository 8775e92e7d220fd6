//! The number of the last commit, in a file of its own: `watermark`. A folder that opens with fewer
//! commits has lost data, for example because its journal was damaged, and is refused.
//!
//! The number is written after every commit but not synced, so it may be too low after a power
//! cut, never too high. Two slots take turns, so that a torn write leaves the other one valid.
//!
//! | bytes of a slot | hold |
//! |---|---|
//! | 0 to 7 | the number, big-endian |
//! | 8 to 11 | CRC-32 of these 8 bytes, big-endian |

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const NAME: &str = "watermark";

const SLOT: usize = 12;

/// The open file.
pub(super) struct Watermark {
    file: File,
}

impl Watermark {
    /// Opens the file, or creates it. `None` if another process has it open.
    pub(super) fn open(folder: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(folder.join(NAME))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The number of the last commit; 0 if none is known.
    pub(super) fn read(&self) -> io::Result<u64> {
        let mut slots = [0; 2 * SLOT];
        let mut length = 0;
        while length < slots.len() {
            match self.file.read_at(&mut slots[length..], length as u64)? {
                0 => break,
                read => length += read,
            }
        }
        Ok(slots.chunks_exact(SLOT).filter_map(read_slot).max().unwrap_or(0))
    }

    /// Writes the number of the last commit.
    pub(super) fn write(&self, number: u64) -> io::Result<()> {
        let number_bytes = number.to_be_bytes();
        let checksum = crc32fast::hash(&number_bytes).to_be_bytes();
        let slot = [&number_bytes[..], &checksum].concat();
        self.file.write_all_at(&slot, (number % 2) * SLOT as u64)
    }
}

fn read_slot(slot: &[u8]) -> Option<u64> {
    let (number, checksum) = slot.split_first_chunk::<8>()?;
    let valid = crc32fast::hash(number).to_be_bytes() == checksum;
    valid.then(|| u64::from_be_bytes(*number))
}

/// Copies of the journals, made before the key-value store opens and perhaps shortens them. If the
/// process ends before it knows whether that was right, the next one puts the copies back first.
pub(super) struct JournalCopies {
    folder: PathBuf,
}

const JOURNAL: &str = "jnl";
const COPY: &str = "jnl-copy";
const UNFINISHED: &str = "jnl-unfinished";

impl JournalCopies {
    /// Copies the journals. The caller holds the folder's lock.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        let copies = Self { folder: folder.to_owned() };
        copies.restore()?;
        let copied = copies.copy();
        copies.remove(UNFINISHED)?;
        match copied {
            Ok(()) => {}
            // Starting is what frees space; a copy is worth less.
            Err(error) if is_full(&error) => {
                tracing::warn!("no room to copy the journals; they may be shortened if damaged");
                copies.remove(COPY)?;
            }
            Err(error) => return Err(error),
        }
        Ok(copies)
    }

    fn copy(&self) -> io::Result<()> {
        for journal in self.files(JOURNAL)? {
            let unfinished = journal.with_extension(UNFINISHED);
            fs::copy(&journal, &unfinished)?;
            fs::rename(unfinished, journal.with_extension(COPY))?;
        }
        Ok(())
    }

    /// Puts the journals back as they were.
    pub(super) fn restore(&self) -> io::Result<()> {
        for copy in self.files(COPY)? {
            let journal = copy.with_extension(JOURNAL);
            fs::rename(copy, journal)?;
        }
        Ok(())
    }

    /// Removes the copies.
    pub(super) fn discard(&self) -> io::Result<()> {
        self.remove(COPY)
    }

    fn remove(&self, extension: &str) -> io::Result<()> {
        self.files(extension)?.into_iter().try_for_each(fs::remove_file)
    }

    fn files(&self, extension: &str) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let file = entry?.path();
            if file.extension().is_some_and(|found| found == extension) {
                files.push(file);
            }
        }
        Ok(files)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_write_leaves_the_number_before() {
        let folder = tempfile::tempdir().unwrap();
        let watermark = Watermark::open(folder.path()).unwrap().unwrap();
        assert!(Watermark::open(folder.path()).unwrap().is_none(), "it is locked");
        assert_eq!(watermark.read().unwrap(), 0);
        for number in 1..=4 {
            watermark.write(number).unwrap();
            assert_eq!(watermark.read().unwrap(), number);
        }
        watermark.file.write_all_at(&[7; 3], 4).unwrap();
        assert_eq!(watermark.read().unwrap(), 3);
    }
}

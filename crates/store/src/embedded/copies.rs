//! Keeps a folder as it was until it is known that opening it lost nothing.
//!
//! fjall cuts the end off a journal that it cannot read, and removes keyspaces, tables and journals
//! that it takes for unneeded. So hard links to all files are made before it opens a folder, in
//! `before-opening`, with the ends of the journals that may be cut off. If the folder is refused, or
//! if the process ends meanwhile, the files are put back.
//!
//! Nothing may be written to the store before [`Copies::discard`] has returned: otherwise a later
//! start would take it away again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::journal::Journal;
use super::keyspaces;

const READY: &str = "before-opening";
const UNFINISHED: &str = "before-opening.unfinished";
const DONE: &str = "before-opening.done";
const RESTORED: &str = "keyspaces.restored";

const JOURNALS: &str = "journals";
const ENDS: &str = "ends";

/// The links to a folder's files.
pub(super) struct Copies {
    folder: PathBuf,
}

impl Copies {
    /// Puts back what an opening that did not end left. The caller holds the folder's lock.
    pub(super) fn finish(folder: &Path) -> io::Result<()> {
        let copies = Self { folder: folder.to_owned() };
        for unfinished in [UNFINISHED, DONE, RESTORED] {
            remove_folder(&folder.join(unfinished))?;
        }
        copies.restore()
    }

    /// Makes the links, and cuts off what follows the last complete batch of a journal: fjall refuses
    /// some of what a crash leaves there. The caller holds the folder's lock.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        let copies = Self { folder: folder.to_owned() };
        match copies.link() {
            Ok(()) => copies.cut_ends()?,
            // Starting is what frees space, and not every file system has hard links.
            Err(error) if is_full(&error) || error.kind() == ErrorKind::Unsupported => {
                tracing::warn!(%error, "if the data are damaged, opening them may change files");
                remove_folder(&folder.join(UNFINISHED))?;
            }
            Err(error) => return Err(error),
        }
        Ok(copies)
    }

    fn link(&self) -> io::Result<()> {
        let to = self.folder.join(UNFINISHED);
        for part in [JOURNALS, ENDS] {
            fs::create_dir_all(to.join(part))?;
        }
        for (name, journal) in journals(&self.folder)? {
            fs::hard_link(&journal, to.join(JOURNALS).join(&name))?;
            let end = End::of(&fs::read(&journal)?);
            let file = to.join(ENDS).join(&name);
            fs::write(&file, end.encode())?;
            File::open(file)?.sync_all()?;
        }
        let keyspaces = self.folder.join(keyspaces::FOLDER);
        if keyspaces.is_dir() {
            link_folder(&keyspaces, &to.join(keyspaces::FOLDER))?;
        }
        sync_folder(&to)?;
        fs::rename(to, self.folder.join(READY))?;
        sync_folder(&self.folder)
    }

    fn cut_ends(&self) -> io::Result<()> {
        for (name, end) in journals(&self.folder.join(READY).join(ENDS))? {
            match End::decode(fs::read(end)?) {
                Some(end) if !end.bytes.is_empty() => end.cut(&self.folder.join(name))?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts everything back as it was. Repeating it is safe.
    pub(super) fn restore(&self) -> io::Result<()> {
        let ready = self.folder.join(READY);
        if !ready.is_dir() {
            return Ok(());
        }
        let before = journals(&ready.join(JOURNALS))?;
        for (name, journal) in journals(&self.folder)? {
            if !before.iter().any(|(known, _)| *known == name) {
                fs::remove_file(journal)?;
            }
        }
        for (name, linked) in before {
            let journal = self.folder.join(&name);
            if !journal.try_exists()? {
                fs::hard_link(linked, &journal)?;
            }
            if let Some(end) = End::decode(fs::read(ready.join(ENDS).join(&name))?) {
                end.restore(&journal)?;
            }
        }
        let keyspaces = self.folder.join(keyspaces::FOLDER);
        if ready.join(keyspaces::FOLDER).is_dir() {
            let restored = self.folder.join(RESTORED);
            remove_folder(&restored)?;
            link_folder(&ready.join(keyspaces::FOLDER), &restored)?;
            remove_folder(&keyspaces)?;
            fs::rename(restored, keyspaces)?;
        }
        self.discard()
    }

    /// Removes the links.
    pub(super) fn discard(&self) -> io::Result<()> {
        let done = self.folder.join(DONE);
        match fs::rename(self.folder.join(READY), &done) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        sync_folder(&self.folder)?;
        remove_folder(&done)
    }
}

/// The part of a journal that fjall may cut off: what follows its last complete batch.
struct End {
    length: u64,
    from: u64,
    bytes: Vec<u8>,
}

impl End {
    fn of(journal: &[u8]) -> Self {
        let rest = Journal::read(journal).rest(journal);
        Self {
            length: journal.len() as u64,
            from: rest.start as u64,
            bytes: journal[rest].to_vec(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        [&self.length.to_be_bytes()[..], &self.from.to_be_bytes(), &self.bytes].concat()
    }

    fn decode(bytes: Vec<u8>) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let (from, rest) = rest.split_first_chunk::<8>()?;
        let number = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
        Some(Self { length: number(length), from: number(from), bytes: rest.to_vec() })
    }

    fn cut(&self, journal: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(journal)?;
        file.set_len(self.from)?;
        file.sync_all()
    }

    fn restore(&self, journal: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(journal)?;
        file.set_len(self.from)?;
        file.set_len(self.length)?;
        file.write_all_at(&self.bytes, self.from)?;
        file.sync_all()
    }
}

/// The journals of a folder by name, oldest first.
pub(super) fn journals(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(number) = name.strip_suffix(".jnl") {
            journals.push((number.parse::<u64>().unwrap_or(u64::MAX), name, entry.path()));
        }
    }
    journals.sort();
    Ok(journals.into_iter().map(|(_, name, path)| (name, path)).collect())
}

/// Makes a folder with hard links to all files of another one.
pub(super) fn link_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_folder(&entry.path(), &target)?;
        } else {
            fs::hard_link(entry.path(), target)?;
        }
    }
    sync_folder(to)
}

/// Removes a folder that may not exist.
pub(super) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_and_removed_is_put_back_and_what_was_added_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("keyspaces/1/tables")).unwrap();
        for (name, bytes) in
            [("0.jnl", &b"old"[..]), ("1.jnl", b"cut\0\0"), ("keyspaces/1/v0", b"v")]
        {
            fs::write(path(name), bytes).unwrap();
        }
        let copies = Copies::make(folder.path()).unwrap();
        fs::remove_file(path("0.jnl")).unwrap();
        fs::write(path("1.jnl"), "").unwrap();
        fs::write(path("2.jnl"), "new").unwrap();
        fs::remove_dir_all(path("keyspaces/1")).unwrap();
        drop(copies);
        Copies::finish(folder.path()).unwrap();
        assert_eq!(fs::read(path("0.jnl")).unwrap(), b"old");
        assert_eq!(fs::read(path("1.jnl")).unwrap(), b"cut\0\0");
        assert!(!path("2.jnl").exists() && !path(READY).exists());
        assert_eq!(fs::read(path("keyspaces/1/v0")).unwrap(), b"v");
        assert!(path("keyspaces/1/tables").is_dir());
    }
}

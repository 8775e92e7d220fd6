//! The file that a command writes for its user with --output.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

use crate::terminal::{confirm, printable};

/// A place that can be written to.
pub(crate) enum OutputFile {
    /// A regular file, which exists or not. The path has no link at its end.
    Regular { path: PathBuf, exists: bool },
    /// A pipe, a device or a socket: it is written to, never replaced.
    Special(PathBuf),
}

impl OutputFile {
    /// Looks at the path, and changes nothing. A link stands for its target.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let shown = path.display();
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => bail!("{shown} is a folder; name a file in it"),
            Ok(found) => {
                let path = path.canonicalize().with_context(|| format!("cannot read {shown}"))?;
                let exists = true;
                let regular = found.is_file();
                Ok(if regular { Self::Regular { path, exists } } else { Self::Special(path) })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if path.is_symlink() {
                    bail!("{shown} is a link to a file that does not exist; name that file");
                }
                let folder = folder_of(path);
                if !folder.is_dir() {
                    let folder = folder.display();
                    bail!("the folder {folder} does not exist; create it, or name another file");
                }
                Ok(Self::Regular { path: path.to_owned(), exists: false })
            }
            Err(error) => Err(error).with_context(|| format!("cannot write {shown}")),
        }
    }

    /// Asks before an existing file is replaced. Returns whether it may be written.
    pub(crate) fn may_be_written(&self, yes: bool) -> Result<bool> {
        let Self::Regular { path, exists: true } = self else { return Ok(true) };
        if yes {
            return Ok(true);
        }
        let path = printable(&path.display().to_string());
        let otherwise = format!("{path} exists; nothing was written. Add --yes to replace it");
        confirm(&format!("{path} exists. Replace it?"), &otherwise)
    }

    /// Writes the text. Only the owner can read a new file. A reader of a regular file sees the old
    /// text or the new text, never a part.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        let (Self::Regular { path, .. } | Self::Special(path)) = self;
        let failed = || format!("cannot write {}", path.display());
        match self {
            Self::Special(path) => {
                let mut file: File =
                    OpenOptions::new().write(true).open(path).with_context(failed)?;
                file.write_all(text.as_bytes()).with_context(failed)
            }
            Self::Regular { path, exists } => {
                let mut new = NamedTempFile::new_in(folder_of(path)).with_context(failed)?;
                new.write_all(text.as_bytes()).with_context(failed)?;
                let kept = if *exists { new.persist(path) } else { new.persist_noclobber(path) };
                kept.map(drop).with_context(failed)
            }
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{FileTypeExt, symlink};

    use super::*;

    #[test]
    fn a_link_stays_and_its_target_gets_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::fs::write(&target, "old").unwrap();
        symlink(&target, &link).unwrap();
        OutputFile::at(&link).unwrap().write("new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
        std::fs::remove_file(&target).unwrap();
        assert!(OutputFile::at(&link).is_err());
    }

    #[test]
    fn a_pipe_stays_a_pipe_and_gets_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).unwrap()
        });
        let output = OutputFile::at(&pipe).unwrap();
        assert!(output.may_be_written(false).unwrap());
        output.write("text").unwrap();
        assert_eq!(reader.join().unwrap(), "text");
        assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_replaced_and_no_folder_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let output = OutputFile::at(&path).unwrap();
        std::fs::write(&path, "of another program").unwrap();
        assert!(output.write("text").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of another program");
        assert!(OutputFile::at(folder.path()).is_err());
        let missing = OutputFile::at(&folder.path().join("missing/file")).err().unwrap();
        assert!(missing.to_string().contains("missing does not exist"), "{missing}");
        assert!(!folder.path().join("missing").exists());
    }
}

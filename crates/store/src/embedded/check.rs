//! Says what is wrong with a folder. It changes nothing in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::copies::{journals, link_folder, remove_folder};
use super::finding::Finding;
use super::keyspaces::{self, Depth};
use super::watermark::{Noted, Watermark};
use super::{OpenError, files, open};

/// How much a folder holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Experiments with counters.
    pub experiments: u64,
    /// Counters.
    pub counters: u64,
    /// The sum of all counts.
    pub uuids: u64,
    /// Documents, and the marks of deleted ones.
    pub documents: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is wrong; empty if nothing is.
    pub findings: Vec<Finding>,
    /// What the folder holds; `None` if it cannot be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

/// Reads every file of a folder and compares it with its checksums, and opens a copy. The copy is in a
/// folder beside it for a moment, and shares the large files with it.
///
/// # Errors
/// When the folder is in use, is of a newer version, or cannot be read.
pub fn check(folder: &Path) -> Result<Check, OpenError> {
    let failed = |error: io::Error| OpenError::disk(folder, error);
    let watermark = Watermark::open_existing(folder).map_err(failed)?;
    let watermark = watermark.ok_or_else(|| OpenError::InUse { folder: folder.to_owned() })?;
    let noted = watermark.map_or(Ok(Noted::Nothing), |one| one.read()).map_err(failed)?;
    let findings = files::inspect(folder, Depth::Tables).map_err(failed)?;
    if !findings.is_empty() {
        return Ok(Check { findings, contents: None });
    }
    let copy = Beside::of(folder, "check").map_err(failed)?;
    copy_data(folder, &copy.0, <[u8]>::to_vec).map_err(failed)?;
    open::inspect(&copy.0, noted)
}

/// A folder beside another one, which is removed when this is dropped.
pub(super) struct Beside(pub(super) PathBuf);

impl Beside {
    /// An empty folder. What an interrupted command left there is removed.
    pub(super) fn of(folder: &Path, purpose: &str) -> io::Result<Self> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let beside = folder.with_file_name(format!("{name}.{purpose}"));
        remove_folder(&beside)?;
        fs::create_dir(&beside)?;
        Ok(Self(beside))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Err(error) = remove_folder(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a temporary folder is left");
        }
    }
}

/// Copies what fjall needs: the journals as `journal` makes them, and links to the tables, which are
/// never written twice.
pub(super) fn copy_data(
    from: &Path,
    to: &Path,
    journal: impl Fn(&[u8]) -> Vec<u8>,
) -> io::Result<()> {
    for (name, path) in journals(from)? {
        fs::write(to.join(name), journal(&fs::read(path)?))?;
    }
    for name in ["version", "lock", "looks.jsonl", "controls.jsonl"] {
        if from.join(name).try_exists()? {
            fs::copy(from.join(name), to.join(name))?;
        }
    }
    let keyspaces = from.join(keyspaces::FOLDER);
    if keyspaces.is_dir() {
        link_folder(&keyspaces, &to.join(keyspaces::FOLDER))?;
    }
    Ok(())
}

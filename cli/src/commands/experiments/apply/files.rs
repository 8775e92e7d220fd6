//! The files of `apply`: one definition each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Declared;
use crate::terminal::printable;

/// Reads files, and the JSON files of folders and of the folders in them. Two files for one
/// experiment are an error.
pub(super) fn read(paths: &[PathBuf], default_namespace: &str) -> Result<Vec<Declared>> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    if files.is_empty() {
        bail!("there is no .json file in the given folders");
    }
    let mut seen: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let declared = Declared::parse(&text, default_namespace)
            .with_context(|| file.display().to_string())?;
        let key = (declared.namespace.clone(), declared.name.clone());
        if let Some(other) = seen.insert(key, file.clone()) {
            let (one, two) = (other.display(), file.display());
            bail!("{one} and {two} both name {}; keep one", printable(&declared.name));
        }
        all.push(declared);
    }
    Ok(all)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let context = || format!("cannot read the folder {}", path.display());
    let entries = std::fs::read_dir(path).with_context(context)?;
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()
        .with_context(context)?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "json") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

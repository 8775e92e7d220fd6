//! The files of `apply`: one definition each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::client::namespace;
use crate::terminal::printable;

/// What a file says about one definition.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The members of the definition that the file has.
    pub(super) body: Value,
}

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
        let declared =
            declared(&text, default_namespace).with_context(|| file.display().to_string())?;
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

fn declared(text: &str, default_namespace: &str) -> Result<Declared> {
    let mut body: Value = serde_json::from_str(text).context("this is not JSON")?;
    let Some(members) = body.as_object_mut() else { bail!("the file must hold one JSON object") };
    let mut take = |member: &str| match members.remove(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => bail!("`{member}` must be a text"),
    };
    let name = take("name")?.context("`name` is missing; it names the experiment")?;
    let given = take("namespace")?.unwrap_or_else(|| default_namespace.to_owned());
    let namespace = namespace(&given).map_err(|error| anyhow::anyhow!("`namespace`: {error}"))?;
    take("$schema")?;
    Ok(Declared { namespace, name, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_its_experiment_and_perhaps_its_namespace() {
        let one = declared(r#"{"$schema": "x", "name": "a", "traffic": 5}"#, "shop").unwrap();
        assert_eq!((&*one.namespace, &*one.name), ("shop", "a"));
        assert_eq!(one.body, serde_json::json!({"traffic": 5}));
        assert_eq!(declared(r#"{"name": "a", "namespace": "b"}"#, "c").unwrap().namespace, "b");
        for wrong in ["{}", "[]", r#"{"name": 1}"#, "{"] {
            assert!(declared(wrong, "shop").is_err(), "{wrong}");
        }
    }
}

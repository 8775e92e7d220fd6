//! The API key of `serve`: given, or made at the first start and kept.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use abtest_model::Secret;
use anyhow::{Context, Result, bail};

/// The key's file in the data folder.
pub(crate) const FILE: &str = "api-key";

/// A key, and where it is from.
pub(super) struct Key {
    pub(super) secret: Secret,
    pub(super) source: String,
}

/// The key of the environment, else of the file, else of the data folder, where it is made if
/// need be: readable by its owner only.
pub(super) fn find(variable: Option<String>, file: Option<&Path>, data: &Path) -> Result<Key> {
    if let Some(key) = variable.filter(|key| !key.is_empty()) {
        return Ok(Key { secret: Secret::new(key), source: "ABTEST_API_KEY".into() });
    }
    if let Some(file) = file {
        return read(file.to_owned());
    }
    let file = data.join(FILE);
    match make(data, &file) {
        Ok(key) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(file),
        Err(error) => Err(error).with_context(|| {
            format!("cannot keep an API key in {}; set ABTEST_API_KEY, or --data", data.display())
        }),
    }
}

fn make(data: &Path, file: &Path) -> std::io::Result<Key> {
    DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let key = format!("abtest_{}", uuid::Uuid::new_v4().simple());
    writeln!(opened, "{key}")?;
    opened.sync_all()?;
    Ok(Key { secret: Secret::new(key), source: format!("made now, kept in {}", file.display()) })
}

fn read(file: PathBuf) -> Result<Key> {
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read the API key in {}", file.display()))?;
    let key = text.trim();
    if key.is_empty() {
        bail!("the API key's file {} is empty; write a key into it, or remove it", file.display());
    }
    Ok(Key { secret: Secret::new(key), source: file.display().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_kept_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = find(None, None, &data).unwrap();
        let again = find(Some(String::new()), None, &data).unwrap();
        assert_eq!(first.secret, again.secret);
        assert!(first.secret.expose().len() >= 32);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn the_environment_comes_before_a_file_and_a_file_before_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "from file\n").unwrap();
        let found = find(Some("from env".into()), Some(&file), folder.path()).unwrap();
        assert_eq!(found.secret.expose(), "from env");
        assert_eq!(find(None, Some(&file), folder.path()).unwrap().secret.expose(), "from file");
        std::fs::write(&file, "\n").unwrap();
        assert!(find(None, Some(&file), folder.path()).is_err());
    }
}

//! The API key of `serve`: given, or created at the first start and kept.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use abtest_model::ApiKey;
use anyhow::{Context, Result, bail};

/// The key's file in the data folder.
pub(crate) const FILE: &str = "api-key";

/// A key, and where it is from.
pub(super) struct Key {
    pub(super) key: ApiKey,
    pub(super) origin: Origin,
}

/// Where a key is from.
pub(super) enum Origin {
    /// ABTEST_API_KEY.
    Environment,
    /// A file that was there.
    File(PathBuf),
    /// A file that was created now.
    Created(PathBuf),
}

impl Key {
    /// The file that holds it.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Environment => None,
            Origin::File(file) | Origin::Created(file) => Some(file),
        }
    }
}

/// The key of the file that --api-key-file names, else of the environment, else of the data folder.
/// There it is created if it is missing, readable by its owner only.
pub(super) fn find(file: Option<&Path>, variable: Option<String>, data: &Path) -> Result<Key> {
    if let Some(file) = file {
        return read(file.to_owned());
    }
    if let Some(key) = variable.filter(|key| !key.is_empty()) {
        let key = ApiKey::new(&key).context("ABTEST_API_KEY cannot be used")?;
        return Ok(Key { key, origin: Origin::Environment });
    }
    let file = data.join(FILE);
    match create(data, &file) {
        Ok(key) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(file),
        Err(error) => Err(error).with_context(|| {
            format!("cannot keep an API key in {}; set ABTEST_API_KEY, or --data", data.display())
        }),
    }
}

/// The key that may only read: of the file that --read-key-file names, else of the environment.
pub(super) fn find_read(file: Option<&Path>, variable: Option<String>) -> Result<Option<ApiKey>> {
    if let Some(file) = file {
        return Ok(Some(read(file.to_owned())?.key));
    }
    let key = variable.filter(|key| !key.is_empty());
    let key = key.map(|key| ApiKey::new(&key).context("ABTEST_READ_KEY cannot be used"));
    key.transpose()
}

fn create(data: &Path, file: &Path) -> std::io::Result<Key> {
    DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let key = format!("abtest_{}", uuid::Uuid::new_v4().simple());
    writeln!(opened, "{key}")?;
    opened.sync_all()?;
    let key = ApiKey::new(&key).map_err(std::io::Error::other)?;
    Ok(Key { key, origin: Origin::Created(file.to_owned()) })
}

fn read(file: PathBuf) -> Result<Key> {
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read the API key in {}", file.display()))?;
    let key = text.trim();
    if key.is_empty() {
        bail!("the API key's file {} is empty; write a key into it, or remove it", file.display());
    }
    let key = ApiKey::new(key)
        .with_context(|| format!("the API key in {} cannot be used", file.display()))?;
    Ok(Key { key, origin: Origin::File(file) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_created_once_and_kept_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = find(None, None, &data).unwrap();
        assert!(matches!(first.origin, Origin::Created(_)));
        let again = find(None, Some(String::new()), &data).unwrap();
        assert!(matches!(again.origin, Origin::File(_)));
        assert_eq!(first.key, again.key);
        assert!(first.key.expose().len() >= 32);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn the_flag_overrides_the_environment_and_the_environment_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "the key of the file\n").unwrap();
        let variable = || Some("the key of the environment".to_owned());
        let found = find(Some(&file), variable(), folder.path()).unwrap();
        assert_eq!(found.key.expose(), "the key of the file");
        let found = find(None, variable(), folder.path()).unwrap();
        assert_eq!(found.key.expose(), "the key of the environment");
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let error = |text: &str| {
            std::fs::write(&file, text).unwrap();
            format!("{:#}", find(Some(&file), None, folder.path()).err().unwrap())
        };
        assert!(error("\n").contains("is empty"));
        let short = error("hunter2\n");
        assert!(short.contains(&*file.display().to_string()) && short.contains("7 characters"));
        assert!(error("one line of text\nanother one\n").contains("control character"));
        let error = find(None, Some("hunter2".into()), folder.path()).err().unwrap();
        assert!(format!("{error:#}").contains("ABTEST_API_KEY"), "{error:#}");
    }
}

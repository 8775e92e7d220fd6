//! Files that only their owner may read.

use std::path::Path;

use anyhow::{Context, Result};

/// Writes a file with mode 0600, in a folder that is made with mode 0700. A reader sees the old
/// text or the new one.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}; is the folder yours?", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.exists()
    {
        make_folder(folder).with_context(failed)?;
    }
    let new = path.with_extension("new");
    // One that is left from an interrupted run may have any mode.
    let _ = std::fs::remove_file(&new);
    write_new(&new, text).with_context(failed)?;
    std::fs::rename(&new, path).with_context(failed)
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Takes the right to read a file from everybody else.
#[cfg(unix)]
pub(crate) fn protect(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, mode)
        .with_context(|| format!("cannot set the mode of {}; is it yours?", path.display()))
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

/// Elsewhere than on Unix the home folder is private as it is.
#[cfg(not(unix))]
pub(crate) fn protect(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_the_owner_can_read_the_file_and_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/config.json");
        write(&path, "{}").unwrap();
        write(&path, "{ }").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ }");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        protect(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}

//! Files that only their owner may read.

use std::path::Path;

use anyhow::{Context, Result};

/// Writes a file with mode 0600. Creates its folder with mode 0700. A reader sees the old text or
/// the new text, never a part.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}; check that the folder is yours", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.exists()
    {
        create_folder(folder).with_context(failed)?;
    }
    let new = path.with_extension("new");
    // An interrupted run may have left one with another mode.
    let _ = std::fs::remove_file(&new);
    write_new(&new, text).with_context(failed)?;
    std::fs::rename(&new, path).with_context(failed)
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> std::io::Result<()> {
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

/// Makes a file readable by its owner only.
#[cfg(unix)]
pub(crate) fn protect(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, mode).with_context(|| {
        format!("cannot set the mode of {}; check that the file is yours", path.display())
    })
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

/// On other systems the home folder is private already.
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

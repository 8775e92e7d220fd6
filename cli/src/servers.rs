//! The abtest that commands use without --url: a `serve` that runs on this machine, or the one that
//! `abtest login` saved.
//!
//! Both are files in the user's state folder that only the user can read. A running `serve` holds a
//! lock on its file, so a file without a lock is left over from a crash.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use abtest_model::Secret;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::private_file;

/// An abtest that a command can ask.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) key: KnownKey,
}

/// What is known of a server's key.
#[derive(Debug, Clone)]
pub(crate) enum KnownKey {
    /// The key itself.
    Key(Secret),
    /// The file that holds it.
    File(PathBuf),
    /// Nothing: the server got it from its environment.
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Running {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<PathBuf>,
    /// The data folder that it has open.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Login {
    url: String,
    key: String,
}

/// The file of a running `serve`. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Announcement {
    path: PathBuf,
    _locked: File,
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // Without its lock the file is ignored anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Tells other commands of this user where this server is.
pub(crate) fn announce(
    address: &str,
    key_file: Option<&Path>,
    data: Option<&Path>,
) -> Result<Announcement> {
    announce_in(&folder()?, address, key_file, data)
}

fn announce_in(
    folder: &Path,
    address: &str,
    key_file: Option<&Path>,
    data: Option<&Path>,
) -> Result<Announcement> {
    let absolute = |path: &Path| std::path::absolute(path).ok();
    let running = Running {
        url: address.to_owned(),
        key_file: key_file.and_then(absolute),
        data: data.and_then(absolute),
    };
    let name = format!("serve-{}-{}", std::process::id(), uuid::Uuid::new_v4().simple());
    let (new, path) = (folder.join(&name), folder.join(name + ".json"));
    private_file::write(&new, &(serde_json::to_string(&running)? + "\n"))?;
    let file = File::open(&new)?;
    file.lock()?;
    // It appears under its name with the lock already held.
    std::fs::rename(&new, &path)?;
    Ok(Announcement { path, _locked: file })
}

/// The servers that run on this machine for this user.
pub(crate) fn running() -> Vec<Server> {
    folder().map(|folder| running_in(&folder)).unwrap_or_default()
}

fn running_in(folder: &Path) -> Vec<Server> {
    let servers = announced(folder).into_iter().filter_map(|running| {
        Some(Server {
            address: running.url.parse().ok()?,
            key: running.key_file.map_or(KnownKey::Unknown, KnownKey::File),
        })
    });
    servers.collect()
}

/// The address of the running server that has a data folder open.
pub(crate) fn user_of(data: &Path) -> Option<String> {
    let data = data.canonicalize().ok()?;
    let folder = folder().ok()?;
    let is_this = |running: &Running| {
        running.data.as_ref().and_then(|path| path.canonicalize().ok()).as_ref() == Some(&data)
    };
    announced(&folder).into_iter().find(is_this).map(|running| running.url)
}

/// What the running servers wrote. Files without a lock are removed.
fn announced(folder: &Path) -> Vec<Running> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let is_announcement = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("serve-") && name.ends_with(".json")
    };
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| is_announcement(path)) {
        let Ok(file) = File::open(path) else { continue };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let text = std::fs::read_to_string(path).unwrap_or_default();
                found.extend(serde_json::from_str::<Running>(&text));
            }
            Ok(()) => {
                let _ = std::fs::remove_file(path);
            }
            Err(TryLockError::Error(_)) => {}
        }
    }
    found
}

/// The server that `abtest login` saved.
pub(crate) fn login() -> Option<Server> {
    let text = std::fs::read_to_string(login_file().ok()?).ok()?;
    let login: Login = serde_json::from_str(&text).ok()?;
    Some(Server { address: login.url.parse().ok()?, key: KnownKey::Key(Secret::new(login.key)) })
}

/// Saves a server and its key, and returns the file.
pub(crate) fn save_login(address: &Address, key: &Secret) -> Result<PathBuf> {
    let path = login_file()?;
    let login = Login { url: address.to_string(), key: key.expose().to_owned() };
    private_file::write(&path, &(serde_json::to_string(&login)? + "\n"))?;
    Ok(path)
}

/// Removes the saved server, and tells whether there was one.
pub(crate) fn forget_login() -> Result<bool> {
    let path = login_file()?;
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", path.display())),
    }
}

fn login_file() -> Result<PathBuf> {
    Ok(folder()?.join("login.json"))
}

/// The user's state folder for abtest (XDG Base Directory Specification).
fn folder() -> Result<PathBuf> {
    let variable =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        .map(|folder| folder.join("abtest"))
        .context("there is no home folder to save this in; set HOME or XDG_STATE_HOME")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn addresses(folder: &Path) -> Vec<String> {
        running_in(folder).iter().map(|server| server.address.to_string()).collect()
    }

    #[test]
    fn a_server_is_known_while_it_runs_and_only_to_its_user() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("abtest");
        let one = announce_in(&folder, "http://127.0.0.1:1", None, None).unwrap();
        let mode = one.path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let two = announce_in(&folder, "http://127.0.0.1:2", None, None).unwrap();
        assert_eq!(addresses(&folder).len(), 2);
        drop(one);
        assert_eq!(addresses(&folder), ["http://127.0.0.1:2"]);
        drop(two);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn what_a_crash_left_is_ignored_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("serve-1-x.json");
        std::fs::write(&left, r#"{"url": "http://127.0.0.1:1"}"#).unwrap();
        assert!(addresses(folder.path()).is_empty());
        assert!(!left.exists());
    }
}

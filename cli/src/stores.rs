//! Stores that a command opens itself, without asking a running abtest.

use std::path::{Path, PathBuf};

use abtest_config::Limits;
use abtest_model::Secret;
use abtest_store::embedded::EmbeddedStore;
use abtest_store::redis::RedisStore;
use anyhow::{Result, bail};
use tokio::runtime::Runtime;

use crate::{config_file, secrets, servers};

/// The runtime for the store's futures.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// The Redis at an address. If the address is empty: the Redis of the config.
pub(crate) fn redis(runtime: &Runtime, url: &str, config: Option<&Path>) -> Result<RedisStore> {
    let mut config = config_file::read(config)?;
    if !url.is_empty() {
        if !url.contains("://") {
            bail!(
                "`{}` is not a Redis address such as redis://host/; write the experiment's name \
                 before --redis",
                crate::terminal::printable(url)
            );
        }
        config.store.redis.url = Some(Secret::new(url));
    }
    runtime.block_on(async {
        secrets::resolve(&mut config).await?;
        let limits = config.store.limits.without_rates();
        Ok(RedisStore::new(&config.store.redis, limits, config.store.counting)?)
    })
}

/// The counters' folder in a data folder. It must exist.
pub(crate) fn counters(folder: &Path) -> Result<PathBuf> {
    let counters = folder.join("counters");
    if !counters.is_dir() {
        bail!(
            "there are no counters in {}; name the folder of `abtest serve --data`",
            folder.display()
        );
    }
    ensure_free(folder)?;
    Ok(counters)
}

/// Opens the counters in a data folder. They must exist.
pub(crate) fn folder(folder: &Path) -> Result<EmbeddedStore> {
    Ok(EmbeddedStore::open(&counters(folder)?, Limits::default().without_rates())?)
}

/// Opens the counters in a data folder, and creates them if they are missing.
pub(crate) fn folder_or_new(folder: &Path) -> Result<EmbeddedStore> {
    ensure_free(folder)?;
    Ok(EmbeddedStore::open(&folder.join("counters"), Limits::default().without_rates())?)
}

/// The folders that [`folder_or_new`] creates. Removes them again, unless something was stored.
pub(crate) struct NewFolders {
    /// Those that did not exist, the innermost first.
    folders: Vec<PathBuf>,
}

impl NewFolders {
    /// Looks which folders are missing.
    pub(crate) fn of(folder: &Path) -> Self {
        let counters = folder.join("counters");
        let missing = counters.ancestors().take_while(|path| !path.exists());
        Self { folders: missing.map(Path::to_owned).collect() }
    }

    /// Removes the folders that were missing. Call it after the store is closed.
    pub(crate) fn remove(self) -> Result<()> {
        let Some((counters, others)) = self.folders.split_first() else { return Ok(()) };
        if counters.exists() {
            std::fs::remove_dir_all(counters)?;
        }
        // Only empty folders are removed.
        others.iter().filter(|folder| folder.exists()).try_for_each(std::fs::remove_dir)?;
        Ok(())
    }
}

/// An error if a running `serve` has the folder open: it is for one process at a time.
fn ensure_free(folder: &Path) -> Result<()> {
    match servers::user_of(folder) {
        Some(url) => bail!(
            "`abtest serve` at {url} has {} open; stop it, run this command again, and start it \
             again (`abtest results` without --data asks the running server)",
            folder.display()
        ),
        None => Ok(()),
    }
}

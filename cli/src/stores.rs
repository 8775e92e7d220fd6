//! Stores that a command opens itself, without a running abtest.

use std::path::{Path, PathBuf};

use abtest_model::{Limits, Secret};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::redis::RedisStore;
use anyhow::{Context, Result, bail};
use tokio::runtime::Runtime;

use crate::{config_file, secrets};

/// What the store's own futures run on.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// The Redis at an address, or, where that is empty, of the config.
pub(crate) fn redis(runtime: &Runtime, url: &str, config: Option<&Path>) -> Result<RedisStore> {
    let mut config = config_file::read(config)?;
    if !url.is_empty() {
        if !url.contains("://") {
            bail!(
                "`{}` is no Redis address, such as redis://host/; the experiment's name \
                 comes before --redis",
                crate::terminal::printable(url)
            );
        }
        config.redis.url = Some(Secret::new(url));
    }
    runtime.block_on(async {
        secrets::resolve(&mut config).await?;
        Ok(RedisStore::new(&config.redis, config.limits, config.counting)?)
    })
}

/// Where a data folder has its counters; an error where it has none.
pub(crate) fn counters(folder: &Path) -> Result<PathBuf> {
    let counters = folder.join("counters");
    if !counters.is_dir() {
        bail!("there are no counters in {}; give the folder of serve's --data", folder.display());
    }
    Ok(counters)
}

/// The counters in a data folder, without making one where there is none.
pub(crate) fn folder(folder: &Path) -> Result<EmbeddedStore> {
    EmbeddedStore::open(&counters(folder)?, Limits::default())
        .context("the folder cannot be read; if `abtest serve` runs, leave --data away to ask it")
}

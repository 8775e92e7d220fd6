//! `abtest import`: an exported experiment into a store.

use std::path::PathBuf;

use abtest_model::Namespace;
use abtest_store::transfer::{Export, import_uuids};
use anyhow::{Context, Result};

use super::export::Place;
use crate::terminal::printable;
use crate::{Ending, stores};

/// Bring an experiment that was exported into a store, where it goes on.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What `abtest export` wrote.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Ending> {
    let Place { namespace, redis, config, data } = &arguments.place;
    let namespace = Namespace::new(&**namespace)?;
    let file = || arguments.file.display().to_string();
    let text = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("{} cannot be read", file()))?;
    let export: Export = serde_json::from_str(&text)
        .with_context(|| format!("{} is no export of abtest, or it is damaged", file()))?;
    let runtime = stores::runtime()?;
    match data {
        Some(folder) => {
            let store = stores::folder(folder)?;
            runtime.block_on(import_uuids(&store, &namespace, &export))?;
        }
        None => {
            let url = redis.as_deref().unwrap_or_default();
            let store = stores::redis(&runtime, url, config.as_deref())?;
            runtime.block_on(store.import(&namespace, &export))?;
        }
    }
    let name = printable(&export.experiment);
    println!("imported {name} into the namespace {}", printable(namespace.as_str()));
    if export.holds_uuids() {
        println!("its time line begins today: a folder's export has no days");
    }
    Ok(Ending::Done)
}

//! What an experiment counted.

use anyhow::{Context, Error, Result, anyhow};
use serde_json::Value;

use crate::client::{Client, path_of};
use crate::terminal::printable;

/// The counts of an experiment, as `GET /experiments/{experiment}` gives them without an analysis.
pub(super) fn counted(client: &Client, experiment: &str) -> Result<Value> {
    let text = client.get(&path_of(experiment), &[("analysis", "none".to_owned())])?;
    let text = text.ok_or_else(|| missing(experiment))?;
    serde_json::from_str(&text).context("the counts are not as expected")
}

/// The error for an experiment that does not exist.
pub(super) fn missing(experiment: &str) -> Error {
    let shown = printable(experiment);
    anyhow!("there is no experiment `{shown}`; `abtest experiments list` shows them")
}

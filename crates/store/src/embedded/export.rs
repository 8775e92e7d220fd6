//! Reads an experiment out of a folder that no other process uses.

use std::path::Path;

use abtest_model::{Experiment, Goal, Namespace, Variant};

use super::OpenError;
use super::catalog::SEPARATOR;
use super::disk::{Disk, store_error};
use crate::Kind;
use crate::transfer::{Export, ExportedCounter, Seen, TransferError, invalid};

/// Reads an experiment with all its uuids; `None` if it does not exist.
///
/// # Errors
/// When the folder is in use or cannot be read.
pub fn export(
    folder: &Path,
    namespace: &Namespace,
    experiment: &Experiment,
) -> Result<Option<Export>, TransferError> {
    let (disk, mut catalog, snapshot) =
        Disk::open(folder).map_err(|error: OpenError| TransferError::Store(error.into()))?;
    let mut counters = Vec::new();
    for (name, counter) in catalog.remove(namespace, experiment) {
        let mut parts = name.split(SEPARATOR).skip(2);
        let (Some(goal), Some(variant)) = (parts.next(), parts.next()) else { continue };
        let goal = Goal::new(goal).map_err(invalid)?;
        let variant = Variant::new(variant).map_err(invalid)?;
        let uuids =
            disk.uuids(counter.id).map_err(|error| TransferError::Store(store_error(&error)))?;
        counters.push(ExportedCounter {
            goal: goal.to_string(),
            variant: variant.to_string(),
            count: counter.count,
            days: Default::default(),
            seen: Seen::Uuids(uuids),
        });
    }
    counters.sort_by(|one, other| (&one.goal, &one.variant).cmp(&(&other.goal, &other.variant)));
    if counters.is_empty() {
        return Ok(None);
    }
    let names = std::slice::from_ref(experiment);
    let documents = snapshot.documents.list(namespace, &Kind::OF_EXPERIMENTS, Some(names));
    Ok(Some(Export::new(experiment, counters, &documents)?))
}

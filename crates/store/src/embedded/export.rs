//! Reads an experiment out of a folder that no other process uses.

use std::path::Path;

use abtest_model::{Experiment, Goal, Namespace, Variant};

use super::catalog::SEPARATOR;
use super::disk::{Disk, store_error};
use super::open::{self, Opened};
use super::values::{CounterValues, UnitTotal, event_ids, units};
use crate::Kind;
use crate::transfer::{
    Export, ExportedCounter, ExportedUnit, ExportedValues, OnStep, Seen, Step, TransferError, Unit,
    invalid,
};

/// Reads an experiment with all its uuids; `None` if it does not exist. `on_step` receives the
/// counters read so far.
///
/// # Errors
/// When the folder is in use or cannot be read.
pub fn export(
    folder: &Path,
    namespace: &Namespace,
    experiment: &Experiment,
    on_step: OnStep<'_>,
) -> Result<Option<Export>, TransferError> {
    let opened = open::open(folder).map_err(|error| TransferError::Store(error.into()))?;
    let Opened { disk, mut catalog, snapshot, .. } = opened;
    let mut counters = Vec::new();
    let found = catalog.remove(namespace, experiment);
    let total = found.len() as u64;
    for (done, (name, counter)) in (1..).zip(found) {
        let mut parts = name.split(SEPARATOR).skip(2);
        let (Some(goal), Some(variant)) = (parts.next(), parts.next()) else { continue };
        let goal = Goal::new(goal).map_err(invalid)?;
        let variant = Variant::new(variant).map_err(invalid)?;
        let uuids =
            disk.uuids(counter.id).map_err(|error| TransferError::Store(store_error(&error)))?;
        let allocations = disk.allocations(counter.id);
        let allocations = allocations.map_err(|error| TransferError::Store(store_error(&error)))?;
        counters.push(ExportedCounter {
            goal: goal.to_string(),
            variant: variant.to_string(),
            count: counter.count,
            days: Default::default(),
            allocations: allocations.into_iter().collect(),
            values: exported_values(&disk, counter.id)?,
            seen: Seen::Uuids(uuids),
        });
        on_step(Step { done, total, unit: Unit::Counters });
    }
    counters.sort_by(|one, other| (&one.goal, &one.variant).cmp(&(&other.goal, &other.variant)));
    let names = std::slice::from_ref(experiment);
    let documents = snapshot.documents.list(namespace, &Kind::OF_EXPERIMENTS, Some(names));
    if counters.is_empty() && documents.is_empty() {
        return Ok(None);
    }
    let history = disk.history(namespace, &Kind::Definition.of(experiment));
    let history = history.map_err(TransferError::Store)?;
    Ok(Some(Export::new(experiment, counters, Vec::new(), &documents, &history)?))
}

/// The totals of units that a counter knows.
fn exported_values(disk: &Disk, counter: u64) -> Result<Option<ExportedValues>, TransferError> {
    let failed = |error: fjall::Error| TransferError::Store(store_error(&error));
    let known = CounterValues::read(disk.values(), counter).map_err(failed)?;
    let Some(CounterValues { cap, .. }) = known else { return Ok(None) };
    let units = units(disk.values(), counter).map_err(failed)?.into_iter();
    let unit = |(uuid, unit): (String, UnitTotal)| ExportedUnit {
        uuid,
        total: unit.total.to_string(),
        has_plain: unit.has_plain,
        allocation: unit.allocation,
    };
    Ok(Some(ExportedValues {
        cap: cap.map(|cap| cap.to_string()),
        units: units.map(unit).collect(),
        ids: event_ids(disk.values(), counter).map_err(failed)?,
    }))
}

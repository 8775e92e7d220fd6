//! What a change does to the groups that were already counted.

use crate::definition::Definition;
use crate::definition::document::{Disturbance, DisturbanceKind, Document};
use crate::definition::status::Status;
use crate::definition::time::Time;

/// What the change contaminates.
pub(super) fn contaminates(before: &Document, after: &Definition) -> Vec<DisturbanceKind> {
    let old = &before.definition;
    if !matches!(old.status, Status::Running | Status::Paused)
        || !matches!(after.status, Status::Running | Status::Paused)
    {
        return Vec::new();
    }
    let narrower = after.targeting.is_some() && after.targeting != old.targeting;
    let paused = old.status == Status::Running && after.status == Status::Paused;
    let kinds = [
        (narrower, DisturbanceKind::Targeting),
        (after.traffic < old.traffic, DisturbanceKind::Traffic),
        (paused, DisturbanceKind::Pause),
    ];
    kinds.into_iter().filter(|(happens, _)| *happens).map(|(_, kind)| kind).collect()
}

/// All disturbances after the change. A pause that ends gets its end.
pub(super) fn disturbances(
    before: &Document,
    after: &Definition,
    contaminates: &[DisturbanceKind],
    version: u64,
    now: Time,
) -> Vec<Disturbance> {
    let mut disturbances = before.disturbances.clone();
    if before.definition.status == Status::Paused && after.status != Status::Paused {
        for pause in &mut disturbances {
            if pause.kind == DisturbanceKind::Pause && pause.until.is_none() {
                pause.until = Some(now);
            }
        }
    }
    let new = contaminates.iter().map(|kind| Disturbance {
        kind: *kind,
        from: now,
        until: None,
        version,
    });
    disturbances.extend(new);
    disturbances
}

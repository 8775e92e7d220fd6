//! Stores the sample ratio alarms that a report finds, so that every later report has them.

use abtest_model::{Experiment, Namespace};
use abtest_stats::analysis::RaisedAlarm;
use abtest_store::contents::to_json;
use abtest_store::{CommitError, Expected, Kind, Store, StoreError, Write};

/// The write that stores a new alarm.
pub(crate) fn write(experiment: &Experiment, alarm: &RaisedAlarm) -> Result<Write, StoreError> {
    Ok(Write::put(Kind::Alarm.of(experiment), Expected::Absent, to_json(alarm)?))
}

/// Stores the new alarms of some experiments in one commit. It does nothing for an empty list.
///
/// An alarm that another process stored first stays. If the store cannot be written, or the namespace
/// has changed since its version was `based_on`, the report is still answered, and the next report
/// finds the alarm again. (An experiment may have been deleted and begun again meanwhile: the new one
/// must not have the alarm of the old one.)
pub(crate) async fn store<S: Store>(
    store: &S,
    namespace: &Namespace,
    based_on: u64,
    new: &[(Experiment, RaisedAlarm)],
) {
    let write = |(experiment, alarm): &(Experiment, RaisedAlarm)| write(experiment, alarm);
    let Ok(mut writes) = new.iter().map(write).collect::<Result<Vec<_>, _>>() else { return };
    while !writes.is_empty() {
        match store.commit(namespace, Some(based_on), writes.clone()).await {
            Ok(_) => return,
            Err(CommitError::Conflict { key, .. }) => writes.retain(|write| write.key != key),
            Err(CommitError::Outdated { .. }) => return,
            Err(error) => {
                tracing::warn!(%error, "a sample ratio alarm was not stored");
                return;
            }
        }
    }
}

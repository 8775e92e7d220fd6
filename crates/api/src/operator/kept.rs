//! Reads experiments with the documents that belong to them: one read of the documents and one of the
//! counters, however many experiments there are.

use std::collections::HashSet;
use std::sync::Arc;

use abtest_model::definition::Status;
use abtest_model::{Counting, Experiment, Namespace, Tally, Variant, definition};
use abtest_stats::analysis::RaisedAlarm;
use abtest_store::contents::{Baselines, Control};
use abtest_store::{Document, Expected, Include, Kind, Store, StoreError};
use serde::de::DeserializeOwned;

use crate::http::problem::Problem;
use crate::namespace::{Defined, NamespaceState};
use crate::operator::definitions::refusal::damaged;
use crate::operator::looks_document::LooksDocument;
use crate::public::view::prepared;

/// An experiment with its documents.
pub(crate) struct Kept {
    /// The counts, with the control and what other programs counted.
    pub(crate) tally: Tally,
    /// What earlier readers found.
    pub(crate) earlier: Earlier,
    /// The version of the looks that a write must replace.
    pub(crate) looks_expected: Expected,
}

/// What earlier readers of an experiment found. It still holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Earlier {
    /// The looks.
    pub(crate) looks: LooksDocument,
    /// The sample ratio alarm, if one was raised.
    pub(crate) alarm: Option<RaisedAlarm>,
    /// Why documents of the experiment cannot be read. Its counts are shown without them.
    pub(crate) damaged: Vec<Damage>,
    /// The experiment's definition.
    pub(crate) definition: Option<Arc<Defined>>,
    /// Why clients do not get the experiment, although its document can be read.
    pub(crate) left_out: Option<String>,
}

impl Earlier {
    /// The definition, if there is one that can be read.
    pub(crate) fn definition(&self) -> Option<&definition::Document> {
        self.definition.as_ref()?.document.as_ref().ok().map(|document| &**document)
    }
}

/// A document that cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct Damage {
    /// Which one.
    pub(crate) kind: Kind,
    /// Why.
    pub(crate) reason: StoreError,
}

impl Earlier {
    /// Refuses to change the looks if the stored ones cannot be read: a first look would spend alpha
    /// again that they have spent.
    pub(crate) fn readable_looks(&self) -> Result<&LooksDocument, Box<Problem>> {
        match self.damaged.iter().find(|damage| damage.kind == Kind::Looks) {
            None => Ok(&self.looks),
            Some(Damage { reason, .. }) => Err(damaged(reason)),
        }
    }
}

/// What the report of one experiment is made from.
pub(crate) const OF_A_REPORT: Include =
    Include { days: true, allocations: true, values: true, memory: false };

/// Reads the experiments of a namespace, or those of the scope: one read of the counters. Defined
/// experiments without counts are among them. `state` must have been read before.
pub(crate) async fn read<S: Store>(
    store: &S,
    state: &NamespaceState,
    namespace: &Namespace,
    scope: Option<&[Experiment]>,
    include: Include,
) -> Result<Vec<Kept>, StoreError> {
    let mut tallies = store.read(namespace, scope, include).await?;
    if scope.is_none() {
        add_defined(&mut tallies, state);
    }
    for tally in tallies.iter_mut().filter(|tally| tally.is_empty()) {
        let document = state.definition(tally.experiment.as_str());
        let asked = document.and_then(|document| document.definition.counting);
        tally.counting = store.counting_of_new(asked);
    }
    if !include.allocations {
        add_allocations(store, state, namespace, &mut tallies).await?;
    }
    Ok(tallies.into_iter().map(|tally| join(tally, state)).collect())
}

/// Adds the counts by allocation of the experiments whose weights changed: their verdict depends on
/// them. Without such experiments this reads nothing.
async fn add_allocations<S: Store>(
    store: &S,
    state: &NamespaceState,
    namespace: &Namespace,
    tallies: &mut [Tally],
) -> Result<(), StoreError> {
    let has_changed = |tally: &&mut Tally| {
        let document = state.definition(tally.experiment.as_str());
        document.is_some_and(|document| document.changed_allocation().is_some())
    };
    let mut changed: Vec<&mut Tally> = tallies.iter_mut().filter(has_changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let names: Vec<Experiment> = changed.iter().map(|tally| tally.experiment.clone()).collect();
    let include = Include { allocations: true, ..Include::COUNTS };
    let read = store.read(namespace, Some(&names), include).await?;
    for (tally, read) in changed.iter_mut().zip(read) {
        tally.allocations = read.allocations;
    }
    Ok(())
}

/// Adds the defined experiments that nothing was counted for, in the order of names.
pub(crate) fn add_defined(tallies: &mut Vec<Tally>, state: &NamespaceState) {
    let counted: HashSet<String> =
        tallies.iter().map(|tally| tally.experiment.to_string()).collect();
    let new = state.experiments.keys().filter(|name| !counted.contains(*name));
    let new = new.filter_map(|name| Experiment::new(&**name).ok());
    let new: Vec<Tally> = new.map(|name| Tally::new(name, Counting::default())).collect();
    if new.is_empty() {
        return;
    }
    tallies.extend(new);
    tallies.sort_by(|one, other| one.experiment.cmp(&other.experiment));
}

/// Checks that this version of abtest can use the content of a document.
///
/// # Errors
/// When the content is not what the kind of document holds.
pub fn check_content(kind: Kind, content: &str) -> Result<(), serde_json::Error> {
    match kind {
        Kind::Looks => serde_json::from_str::<LooksDocument>(content).map(drop),
        Kind::Control => serde_json::from_str::<Control>(content).map(drop),
        Kind::Baseline => serde_json::from_str::<Baselines>(content).map(drop),
        Kind::Alarm => serde_json::from_str::<RaisedAlarm>(content).map(drop),
        Kind::Definition => serde_json::from_str::<definition::Document>(content).map(drop),
        Kind::Layer | Kind::Settings => Ok(()),
    }
}

fn join(mut tally: Tally, state: &NamespaceState) -> Kept {
    let find = |kind: Kind| state.records.get(&kind.of(&tally.experiment));
    let looks_expected = Expected::found(find(Kind::Looks));
    let mut damaged = Vec::new();
    let control: Option<Control> = content(find(Kind::Control), &mut damaged);
    let baselines: Option<Baselines> = content(find(Kind::Baseline), &mut damaged);
    let looks: Option<LooksDocument> = content(find(Kind::Looks), &mut damaged);
    let alarm = content(find(Kind::Alarm), &mut damaged);
    let definition = state.experiments.get(tally.experiment.as_str()).cloned();
    if let Some(Err(reason)) = definition.as_ref().map(|defined| &defined.document) {
        damaged.push(Damage { kind: Kind::Definition, reason: reason.clone() });
    }
    let left_out = definition.as_ref().and_then(|one| left_out(&tally.experiment, one, state));
    tally.control = control.and_then(|control| Variant::new(control.control).ok());
    tally.baselines = baselines.unwrap_or_default().baselines;
    let looks = looks.unwrap_or_default();
    let earlier = Earlier { looks, alarm, damaged, definition, left_out };
    Kept { tally, earlier, looks_expected }
}

/// Why clients do not get an experiment whose document can be read.
fn left_out(experiment: &Experiment, defined: &Defined, state: &NamespaceState) -> Option<String> {
    let status = defined.document.as_ref().ok()?.definition.status;
    if status == Status::Archived {
        return None;
    }
    match &state.settings {
        Err(error) => Some(error.to_string()),
        Ok(settings) => {
            let prepared = prepared(state, experiment.as_str(), defined, settings.hash);
            prepared.err().map(|broken| broken.reason)
        }
    }
}

/// The content of a document. One that cannot be read is added to `damaged`: it must not keep anyone
/// from reading the counts.
fn content<T: DeserializeOwned>(
    document: Option<&Document>,
    damaged: &mut Vec<Damage>,
) -> Option<T> {
    let document = document?;
    let add = |reason| damaged.push(Damage { kind: document.key.kind, reason });
    document.parse().map_err(add).ok()
}

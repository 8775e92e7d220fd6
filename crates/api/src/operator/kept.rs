//! Reads experiments with the documents that belong to them: one read of the counters and one of the
//! documents, however many experiments there are.

use std::collections::HashMap;

use abtest_model::{Experiment, Namespace, Tally, Variant};
use abtest_stats::analysis::RaisedAlarm;
use abtest_store::contents::{Baselines, Control};
use abtest_store::{Document, Documents, Expected, Include, Kind, Store, StoreError};
use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::http::problem::Problem;
use crate::operator::looks_document::LooksDocument;

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
            Some(Damage { reason, .. }) => {
                let detail = format!(
                    "{reason}; use the version of abtest that wrote it, or delete the experiment"
                );
                Err(Problem::boxed(StatusCode::CONFLICT, detail))
            }
        }
    }
}

/// The documents that a report of the counts alone needs.
pub(crate) const BESIDE_COUNTS: &[Kind] = &[Kind::Control, Kind::Baseline];

/// The documents that an analysis needs.
pub(crate) const FOR_ANALYSIS: &[Kind] = &[Kind::Looks, Kind::Control, Kind::Baseline, Kind::Alarm];

/// Reads the experiments of a namespace, or those of the scope: one read of the counters and one
/// of the documents.
pub(crate) async fn read<S: Store>(
    store: &S,
    namespace: &Namespace,
    scope: Option<&[Experiment]>,
    include: Include,
    kinds: &[Kind],
) -> Result<Vec<Kept>, StoreError> {
    let tallies = store.read(namespace, scope, include).await?;
    let documents = documents(store, namespace, kinds, scope).await?;
    Ok(tallies.into_iter().map(|tally| join(tally, &documents)).collect())
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
        Kind::Definition | Kind::Layer | Kind::Settings => Ok(()),
    }
}

type Found = HashMap<(Kind, String), Document>;

async fn documents(
    store: &impl Documents,
    namespace: &Namespace,
    kinds: &[Kind],
    scope: Option<&[Experiment]>,
) -> Result<Found, StoreError> {
    let found = store.list(namespace, kinds, scope).await?;
    let by_key = |document: Document| ((document.key.kind, document.key.name.clone()), document);
    Ok(found.into_iter().map(by_key).collect())
}

fn join(mut tally: Tally, documents: &Found) -> Kept {
    let find = |kind| documents.get(&(kind, tally.experiment.to_string()));
    let looks_expected = Expected::found(find(Kind::Looks));
    let mut damaged = Vec::new();
    let control: Option<Control> = content(find(Kind::Control), &mut damaged);
    let baselines: Option<Baselines> = content(find(Kind::Baseline), &mut damaged);
    let looks: Option<LooksDocument> = content(find(Kind::Looks), &mut damaged);
    let alarm = content(find(Kind::Alarm), &mut damaged);
    tally.control = control.and_then(|control| Variant::new(control.control).ok());
    tally.baselines = baselines.unwrap_or_default().baselines;
    let earlier = Earlier { looks: looks.unwrap_or_default(), alarm, damaged };
    Kept { tally, earlier, looks_expected }
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

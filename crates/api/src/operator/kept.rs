//! Reads experiments with the documents that belong to them: one read of the counters and one of the
//! documents, however many experiments there are.

use std::collections::HashMap;

use abtest_model::{Experiment, Namespace, Tally, Variant};
use abtest_stats::analysis::RaisedAlarm;
use abtest_store::contents::{Baselines, Control};
use abtest_store::{Document, Documents, Expected, Include, Kind, Store, StoreError};

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
}

/// Reads the experiments of a namespace, or those of the scope: one read of the counters and one
/// of the documents.
pub(crate) async fn read<S: Store>(
    store: &S,
    namespace: &Namespace,
    scope: Option<&[Experiment]>,
    include: Include,
) -> Result<Vec<Kept>, StoreError> {
    let tallies = store.read(namespace, scope, include).await?;
    let kinds = [Kind::Looks, Kind::Control, Kind::Baseline, Kind::Alarm];
    let documents = documents(store, namespace, &kinds, scope).await?;
    tallies.into_iter().map(|tally| join(tally, &documents)).collect()
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

fn join(mut tally: Tally, documents: &Found) -> Result<Kept, StoreError> {
    let find = |kind| documents.get(&(kind, tally.experiment.to_string()));
    let control = find(Kind::Control).map(Document::parse::<Control>).transpose()?;
    let baselines = find(Kind::Baseline).map(Document::parse::<Baselines>).transpose()?;
    let looks = find(Kind::Looks);
    let looks_expected = Expected::found(looks);
    let looks = looks.map(Document::parse::<LooksDocument>).transpose()?;
    let alarm = find(Kind::Alarm).map(Document::parse::<RaisedAlarm>).transpose()?;
    tally.control = control.and_then(|control| Variant::new(control.control).ok());
    tally.baselines = baselines.unwrap_or_default().baselines;
    let earlier = Earlier { looks: looks.unwrap_or_default(), alarm };
    Ok(Kept { tally, earlier, looks_expected })
}

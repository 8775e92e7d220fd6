//! Moves an experiment from one store to another, with everything that keeps it from counting a
//! uuid twice.
//!
//! | to: | a folder | Redis, hll | Redis, exact |
//! |---|---|---|---|
//! | from a folder, which holds uuids | yes | yes, as an estimate from then on | yes |
//! | from Redis, hll | no | yes | no |
//! | from Redis, exact | no | no | yes |
//!
//! HyperLogLogs and the marks of exact counters hold no uuids. Another kind of counter made from
//! them would count returning visitors twice, so it is refused.

use std::collections::BTreeMap;

use abtest_model::{
    AllocationNumber, Baseline, Event, Experiment, Goal, Look, Namespace, Tally, Uuid, Variant,
};
use serde::{Deserialize, Serialize};

use crate::contents::{Baselines, Control, Looks};
use crate::{
    CommitError, Counters, Documents, Expected, Include, Kind, Refusal, StoreError, Write,
};

/// The version of the format that is written.
const FORMAT: u32 = 2;

/// The version that has looks, control and starting values as `kept`.
const FORMAT_WITH_KEPT: u32 = 1;

/// Most events that are recorded at a time.
const BATCH: usize = 500;

/// An experiment outside of any store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The version of the format.
    abtest_export: u32,
    /// The experiment's name.
    pub experiment: String,
    /// Its counters.
    pub counters: Vec<ExportedCounter>,
    /// Its documents, such as the looks taken: without them the next look would be the first.
    #[serde(default)]
    pub documents: Vec<ExportedDocument>,
    /// The changes of its definition, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<ExportedChange>,
    /// What format 1 has in place of documents.
    #[serde(default, skip_serializing)]
    kept: Option<Kept>,
}

/// A change of a definition outside of any store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedChange {
    /// The version that it made.
    pub version: u64,
    /// When, in Unix milliseconds.
    pub at: u64,
    /// Who did it, why, and what changed.
    pub entry: serde_json::Value,
}

/// A document outside of any store. The other store gives it a version of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedDocument {
    /// What it describes.
    pub kind: Kind,
    /// Its JSON.
    pub content: serde_json::Value,
}

/// What format 1 has in place of documents.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    looks: Vec<Look>,
    control: Option<String>,
    starting_values: Vec<Baseline>,
}

impl Kept {
    fn documents(self) -> Vec<ExportedDocument> {
        let Self { looks, control, starting_values: baselines } = self;
        let mut documents = Vec::new();
        let mut add = |kind, content: serde_json::Result<serde_json::Value>| {
            documents.extend(content.map(|content| ExportedDocument { kind, content }));
        };
        if !looks.is_empty() {
            add(Kind::Looks, serde_json::to_value(Looks { looks }));
        }
        if let Some(control) = control {
            add(Kind::Control, serde_json::to_value(Control { control }));
        }
        if !baselines.is_empty() {
            add(Kind::Baseline, serde_json::to_value(Baselines { baselines }));
        }
        documents
    }
}

/// A counter outside of any store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedCounter {
    /// The goal's name, or `participate`.
    pub goal: String,
    /// The variant's name.
    pub variant: String,
    /// What it counted.
    pub count: u64,
    /// Its time line, as the store keeps it: by UTC day (days since 1970), for an exact counter the
    /// new uuids, for a HyperLogLog its estimate when the day began. Empty from a folder.
    pub days: BTreeMap<u32, u64>,
    /// By allocation, how many of its uuids were new under it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allocations: BTreeMap<AllocationNumber, u64>,
    /// What keeps it from counting a uuid twice.
    pub seen: Seen,
}

/// What a counter knows about the uuids that it counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The uuids themselves.
    Uuids(Vec<String>),
    /// HyperLogLogs as Redis has them, in Base64; several if Gimel spelled a name differently.
    Hll(Vec<String>),
    /// Marks in buckets.
    Exact {
        /// The seed of the hash, 32 hexadecimal digits.
        seed: String,
        /// The deepest level in use.
        deepest: u8,
        /// By bucket and group, marks in Base64.
        buckets: BTreeMap<String, BTreeMap<u8, String>>,
    },
}

/// How far an export or an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// How many are done.
    pub done: u64,
    /// How many there are in all.
    pub total: u64,
    /// What is counted here.
    pub unit: Unit,
}

/// What the steps of a transfer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Counters, each as a whole.
    Counters,
    /// Events, recorded one by one.
    Events,
}

/// Receives each step of an export or an import.
pub type OnStep<'a> = &'a (dyn Fn(Step) + Sync);

/// Why an experiment cannot be moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A limit of the store.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It already exists.
    #[error(
        "the experiment already exists, and merging the two would count some visitors twice; \
         delete it first, or import into another namespace"
    )]
    Exists,
    /// It changed while it was read.
    #[error("events came in while it was read; try again when no events come in")]
    Changing,
    /// HyperLogLogs cannot move to an exact store.
    #[error(
        "its counters are HyperLogLogs, which hold no uuids: an exact counter made from them would \
         count returning visitors twice; import it into a Redis that is not a cluster, where it \
         stays an estimate"
    )]
    Estimates,
    /// Marks cannot move to a store without them.
    #[error(
        "its counters hold marks instead of uuids, and a folder needs the uuids to recognise \
         visitors; import it into a Redis"
    )]
    Marks,
    /// It stopped after a part was stored.
    #[error(
        "the import stopped: {reason}. A part of the experiment is stored. It stays, because \
         visitors may have been counted meanwhile. To start again, delete the experiment (`abtest \
         experiments delete`), which also deletes the counts of these visitors, and import it \
         again; or import it into another namespace (`--namespace`)"
    )]
    Partial {
        /// Why it stopped.
        reason: Box<TransferError>,
    },
    /// Not an export, or a damaged one.
    #[error("this is not an export of abtest, or it is damaged: {0}")]
    Invalid(String),
}

impl Export {
    #[cfg(any(feature = "embedded", feature = "redis"))]
    pub(crate) fn new(
        experiment: &Experiment,
        counters: Vec<ExportedCounter>,
        documents: &[crate::Document],
        history: &[crate::HistoryEntry],
    ) -> Result<Self, StoreError> {
        let document = |document: &crate::Document| {
            Ok(ExportedDocument { kind: document.key.kind, content: document.parse()? })
        };
        Ok(Self {
            abtest_export: FORMAT,
            experiment: experiment.to_string(),
            counters,
            documents: documents.iter().map(document).collect::<Result<_, StoreError>>()?,
            history: history
                .iter()
                .map(|change| ExportedChange {
                    version: change.version,
                    at: change.at,
                    entry: serde_json::from_str(&change.entry).unwrap_or_default(),
                })
                .collect(),
            kept: None,
        })
    }

    /// The experiment's name.
    ///
    /// # Errors
    /// When it breaks the rule of names, or the format is unknown.
    pub fn name(&self) -> Result<Experiment, TransferError> {
        if ![FORMAT, FORMAT_WITH_KEPT].contains(&self.abtest_export) {
            return Err(invalid(format!(
                "its format is {}; this version of abtest reads formats {FORMAT_WITH_KEPT} and \
                 {FORMAT}",
                self.abtest_export
            )));
        }
        Experiment::new(&*self.experiment).map_err(invalid)
    }

    /// Whether its counters hold the uuids themselves.
    pub fn holds_uuids(&self) -> bool {
        self.counters.iter().all(|counter| matches!(counter.seen, Seen::Uuids(_)))
    }
}

impl ExportedCounter {
    fn uuids(&self) -> Result<&[String], TransferError> {
        match &self.seen {
            Seen::Uuids(uuids) => Ok(uuids),
            Seen::Hll(_) => Err(TransferError::Estimates),
            Seen::Exact { .. } => Err(TransferError::Marks),
        }
    }

    /// Its goal and variant.
    pub(crate) fn names(&self) -> Result<(Goal, Variant), TransferError> {
        let goal = Goal::new(&*self.goal).map_err(invalid)?;
        Ok((goal, Variant::new(&*self.variant).map_err(invalid)?))
    }
}

pub(crate) fn invalid(error: impl ToString) -> TransferError {
    TransferError::Invalid(error.to_string())
}

/// Imports an experiment into any store, by its uuids, without its definition. All of them are new on the day of the
/// import. If that fails half-way, what is stored stays: others may have counted meanwhile. `on_step` receives the events recorded so far.
///
/// # Errors
/// When it has no uuids, already exists, or the store refuses. [`TransferError::Partial`] when a part
/// of the experiment is stored.
pub async fn import_uuids(
    store: &(impl Counters + Documents),
    namespace: &Namespace,
    export: &Export,
    on_step: OnStep<'_>,
) -> Result<(), TransferError> {
    import_by(store, namespace, export, async |experiment| {
        record_uuids(store, namespace, experiment, export, on_step).await
    })
    .await
}

/// Imports an experiment: its counters with `import_counters`, then its documents.
pub(crate) async fn import_by(
    store: &(impl Counters + Documents),
    namespace: &Namespace,
    export: &Export,
    import_counters: impl AsyncFnOnce(&Experiment) -> Result<(), TransferError>,
) -> Result<(), TransferError> {
    let experiment = export.name()?;
    let scope = Some(std::slice::from_ref(&experiment));
    let there = store.read(namespace, scope, Include::COUNTS).await?;
    if !there.iter().all(Tally::is_empty) {
        return Err(TransferError::Exists);
    }
    let imported = match import_counters(&experiment).await {
        Ok(()) => import_documents(store, namespace, &experiment, export).await,
        Err(error) => Err(error),
    };
    let Err(reason) = imported else { return Ok(()) };
    // Nothing is deleted: visitors may have been counted meanwhile.
    let there = store.read(namespace, scope, Include::COUNTS).await;
    if there.is_ok_and(|there| there.iter().all(Tally::is_empty)) {
        return Err(reason);
    }
    Err(TransferError::Partial { reason: Box::new(reason) })
}

/// Records every uuid of an export.
pub(crate) async fn record_uuids(
    store: &(impl Counters + Documents),
    namespace: &Namespace,
    experiment: &Experiment,
    export: &Export,
    on_step: OnStep<'_>,
) -> Result<(), TransferError> {
    let (mut done, mut total) = (0, 0);
    // Everything is checked before anything is stored.
    let mut counters = Vec::with_capacity(export.counters.len());
    for counter in &export.counters {
        let uuids = counter.uuids()?;
        for uuid in uuids {
            Uuid::new(&**uuid).map_err(invalid)?;
        }
        total += uuids.len() as u64;
        counters.push((counter.names()?, uuids, &counter.allocations));
    }
    for ((goal, variant), uuids, allocations) in counters {
        // The numbers by allocation are kept, not which uuid belongs to which.
        let mut allocations = allocations
            .iter()
            .flat_map(|(allocation, count)| (0..*count).map(|_| Some(*allocation)))
            .chain(std::iter::repeat(None));
        for some in uuids.chunks(BATCH) {
            let event = |(uuid, allocation): (&String, Option<AllocationNumber>)| {
                Ok(Event {
                    namespace: namespace.clone(),
                    experiment: experiment.clone(),
                    variant: variant.clone(),
                    goal: goal.clone(),
                    uuid: Uuid::new(&**uuid).map_err(invalid)?,
                    allocation,
                })
            };
            let events = some.iter().zip(&mut allocations).map(event);
            let events = events.collect::<Result<_, TransferError>>()?;
            for outcome in store.record(events).await? {
                outcome?;
            }
            done += some.len() as u64;
            on_step(Step { done, total, unit: Unit::Events });
        }
    }
    Ok(())
}

async fn import_documents(
    store: &impl Documents,
    namespace: &Namespace,
    experiment: &Experiment,
    export: &Export,
) -> Result<(), TransferError> {
    let kept = export.kept.clone().unwrap_or_default().documents();
    let write = |ExportedDocument { kind, content }: &ExportedDocument| {
        Write::put(kind.of(experiment), Expected::Any, content.to_string())
    };
    // The rules between definitions are in abtest-api, which imports them.
    let documents = export.documents.iter().filter(|one| one.kind != Kind::Definition);
    let writes: Vec<Write> = kept.iter().chain(documents).map(write).collect();
    if writes.is_empty() {
        return Ok(());
    }
    match store.commit(namespace, None, writes).await {
        Ok(_) => Ok(()),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(error) => Err(invalid(error)),
    }
}

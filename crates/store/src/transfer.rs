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
use std::future::Future;

use abtest_model::{
    AllocationNumber, Amount, Baseline, Experiment, Goal, Look, Namespace, Stated, Uuid, Variant,
};
use serde::{Deserialize, Serialize};
use siphasher::sip128::SipHasher24;

use crate::contents::{Baselines, Control, Looks};
use crate::{Counters, Documents, Expected, Kind, Refusal, StoreError, Write};

/// The version of the format that is written. Version 2 has no values.
const FORMAT: u32 = 3;

/// The version that has looks, control and starting values as `kept`.
const FORMAT_WITH_KEPT: u32 = 1;

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
    /// The totals of units for goals with values, from Redis. A folder has them with its counters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledgers: Vec<ExportedLedger>,
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
    /// By allocation, how many of its uuids were new under it. `2x` are those that allocation 2 gives
    /// another variant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allocations: BTreeMap<Stated, u64>,
    /// The totals of units, from a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<ExportedValues>,
    /// What keeps it from counting a uuid twice.
    pub seen: Seen,
}

/// The totals of units that one counter of a folder knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedValues {
    /// The cap that the sums were made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<String>,
    /// The units.
    pub units: Vec<ExportedUnit>,
    /// The ids of events whose values were added.
    pub ids: Vec<String>,
}

/// The total of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedUnit {
    /// Its uuid.
    pub uuid: String,
    /// Its total, as a decimal number.
    pub total: String,
    /// Whether it has a value without an id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_plain: bool,
    /// The allocation that its first value stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<AllocationNumber>,
}

/// The totals of units of one goal, as Redis keeps them: records under hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedLedger {
    /// The goal's name.
    pub goal: String,
    /// The cap that the sums were made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<String>,
    /// The seed of the hash, 32 hexadecimal digits.
    pub seed: String,
    /// The deepest level in use.
    pub deepest: u8,
    /// The variants by their number.
    pub variants: BTreeMap<u64, String>,
    /// By bucket and field (in Base64), the records.
    pub buckets: BTreeMap<String, BTreeMap<String, String>>,
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
    /// Something that was counted is missing.
    #[error(
        "the counter `{goal}` of `{variant}` has {found} of the {counted} marks that it counted: \
         something removed the others, such as a maxmemory-policy that evicts keys. Restore Redis \
         from a backup, or start a new experiment"
    )]
    Missing {
        /// The goal.
        goal: String,
        /// The variant.
        variant: String,
        /// Marks found.
        found: u64,
        /// Marks that there were.
        counted: u64,
    },
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
    /// It stopped after the counts were imported.
    #[error(
        "the import stopped before its end: {reason}. The counts are imported. Run the same command \
         again to import the rest"
    )]
    Unfinished {
        /// Why it stopped.
        reason: Box<TransferError>,
    },
    /// It stood still for so long that another import removed what it had staged.
    #[error("the import stood still for too long, and nothing was imported; run it again")]
    Expired,
    /// Not an export, or a damaged one.
    #[error("this is not an export of abtest, or it is damaged: {0}")]
    Invalid(String),
}

impl Export {
    #[cfg(any(feature = "embedded", feature = "redis"))]
    pub(crate) fn new(
        experiment: &Experiment,
        counters: Vec<ExportedCounter>,
        ledgers: Vec<ExportedLedger>,
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
            ledgers,
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
        if !(FORMAT_WITH_KEPT..=FORMAT).contains(&self.abtest_export) {
            return Err(invalid(format!(
                "its format is {}; this version of abtest reads formats {FORMAT_WITH_KEPT} to \
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

/// Reads the cap of an export.
pub(crate) fn exported_cap(cap: Option<&str>) -> Result<Option<Amount>, TransferError> {
    cap.map(Amount::from_text).transpose().map_err(invalid)
}

pub(crate) fn invalid(error: impl ToString) -> TransferError {
    TransferError::Invalid(error.to_string())
}

/// A store that experiments can be imported into.
///
/// An import stages the counters where readers do not find them, and publishes them at once: until then the
/// experiment does not exist, and afterwards all of it does. An import that is killed leaves nothing
/// that anybody sees, and what it staged is removed later.
pub trait Import: Counters + Documents {
    /// Imports an experiment without its definition. If these counters were published before, by an
    /// import that was not finished, only what is missing is imported. `on_step` receives the events
    /// or counters staged so far.
    ///
    /// # Errors
    /// When the experiment exists, cannot be counted here, or the store refuses: then nothing is
    /// imported. [`TransferError::Unfinished`] when its counters are published and its documents are
    /// not: importing the same export again continues.
    fn import(
        &self,
        namespace: &Namespace,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> impl Future<Output = Result<(), TransferError>>;

    /// Whether the counters of this export were published by an import that was not finished.
    ///
    /// # Errors
    /// When the export is not valid or the store cannot be read.
    fn is_published(
        &self,
        namespace: &Namespace,
        export: &Export,
    ) -> impl Future<Output = Result<bool, TransferError>>;

    /// Notes that everything is imported, also the definition. From now on, importing again is refused.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn finish_import(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> impl Future<Output = Result<(), StoreError>>;
}

/// A counter of an export that holds the uuids.
pub(crate) struct UuidCounter {
    pub(crate) goal: Goal,
    pub(crate) variant: Variant,
    pub(crate) uuids: Vec<Uuid>,
    /// The numbers by allocation. Which uuid belongs to which is not known.
    pub(crate) allocations: BTreeMap<Stated, u64>,
    pub(crate) values: Option<ExportedValues>,
}

impl Export {
    /// Its counters, if all of them hold uuids.
    pub(crate) fn uuid_counters(&self) -> Result<Vec<UuidCounter>, TransferError> {
        let counter = |counter: &ExportedCounter| {
            let (goal, variant) = counter.names()?;
            let uuids = counter.uuids()?.iter().map(|uuid| Uuid::new(&**uuid).map_err(invalid));
            let uuids = uuids.collect::<Result<_, TransferError>>()?;
            let (allocations, values) = (counter.allocations.clone(), counter.values.clone());
            Ok(UuidCounter { goal, variant, uuids, allocations, values })
        };
        self.counters.iter().map(counter).collect()
    }

    /// Tells this export from others, also in a later run.
    pub(crate) fn digest(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        format!("{:032x}", SipHasher24::new().hash(&text).as_u128())
    }
}

/// The writes that store the documents of an export, without its definition: that has rules between
/// documents, which the store does not know.
pub(crate) fn imported_documents(experiment: &Experiment, export: &Export) -> Vec<Write> {
    let kept = export.kept.clone().unwrap_or_default().documents();
    let documents = export.documents.iter().filter(|one| one.kind != Kind::Definition);
    let by_kind: BTreeMap<Kind, String> =
        kept.iter().chain(documents).map(|one| (one.kind, one.content.to_string())).collect();
    let write =
        |(kind, content): (Kind, String)| Write::put(kind.of(experiment), Expected::Any, content);
    by_kind.into_iter().map(write).collect()
}

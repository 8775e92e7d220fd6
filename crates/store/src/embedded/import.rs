//! Imports an experiment. Its uuids are staged under counters without a name, which readers do not find, and one
//! commit gives them their names. Until then their ids are listed as removed: if the process ends, the
//! next one that opens the folder sweeps them like the counters of a deleted experiment.

use std::collections::BTreeMap;

use abtest_config::Limits;
use abtest_model::{
    Amount, Day, Event, EventId, Experiment, Goal, Namespace, Stated, Uuid, Variant,
};

use super::EmbeddedStore;
use super::catalog::{Check, Counter, SEPARATOR};
use super::disk::{Changes, seen_key};
use super::values::{CounterValues, UnitTotal, id_key, unit_key};
use super::writer::{DocumentCommit, Open, Request};
use crate::transfer::{
    Export, ExportedUnit, ExportedValues, Import, OnStep, Step, TransferError, Unit, UuidCounter,
    exported_cap, imported_documents, invalid,
};
use crate::{Refusal, StoreError, Write};

/// Uuids that are staged in one commit.
const BATCH: usize = 2_000;

/// What an import asks of the writer.
pub(super) enum ImportRequest {
    /// Whether this export was published before, and its import was not finished.
    IsPublished { namespace: Namespace, experiment: Experiment, digest: String },
    /// Ids for as many counters.
    Begin { counters: usize },
    /// Adds uuids to a staged counter.
    Stage { id: u64, uuids: Vec<Uuid> },
    /// Adds totals of units and ids of events to a staged counter.
    StageValues { id: u64, units: Vec<(String, UnitTotal)>, ids: Vec<String> },
    /// Gives the staged counters their names.
    Publish(Box<Publication>),
    /// Removes staged counters.
    Discard { ids: Vec<u64> },
    /// Forgets that an import was not finished.
    Finish { namespace: Namespace, experiment: Experiment },
}

/// An experiment whose counters are staged.
pub(super) struct Publication {
    namespace: Namespace,
    experiment: Experiment,
    counters: Vec<StagedCounter>,
    documents: Vec<Write>,
    digest: String,
}

/// A counter whose uuids are staged.
pub(super) struct StagedCounter {
    goal: Goal,
    variant: Variant,
    counter: Counter,
    allocations: BTreeMap<Stated, u64>,
    values: Option<CounterValues>,
}

/// What the writer answers to an import.
#[derive(Debug)]
pub(super) enum ImportAnswer {
    Done,
    IsPublished(bool),
    Begun(Vec<u64>),
    /// How many of the uuids were new.
    Staged(u64),
    /// The experiment exists.
    Exists,
    /// A limit.
    Refused(Refusal),
}

impl Import for EmbeddedStore {
    async fn import(
        &self,
        namespace: &Namespace,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> Result<(), TransferError> {
        let counters = export.uuid_counters()?;
        if self.is_published(namespace, export).await? {
            return Ok(());
        }
        let ids = match self.ask_import(ImportRequest::Begin { counters: counters.len() }).await? {
            ImportAnswer::Begun(ids) => ids,
            other => return Err(unexpected(&other).into()),
        };
        let imported = match self.stage(counters, &ids, on_step).await {
            Ok(counters) => {
                let experiment = export.name()?;
                let documents = imported_documents(&experiment, export);
                let (namespace, digest) = (namespace.clone(), export.digest());
                let publication =
                    Publication { namespace, experiment, counters, documents, digest };
                let request = ImportRequest::Publish(Box::new(publication));
                match self.ask_import(request).await {
                    Ok(ImportAnswer::Done) => Ok(()),
                    Ok(ImportAnswer::Exists) => Err(TransferError::Exists),
                    Ok(ImportAnswer::Refused(refusal)) => Err(refusal.into()),
                    Ok(other) => Err(unexpected(&other).into()),
                    Err(error) => Err(error.into()),
                }
            }
            Err(error) => Err(error),
        };
        if imported.is_err() {
            // If this fails as well, the next start sweeps them.
            let _ = self.ask_import(ImportRequest::Discard { ids }).await;
        }
        imported
    }

    async fn is_published(
        &self,
        namespace: &Namespace,
        export: &Export,
    ) -> Result<bool, TransferError> {
        let (namespace, experiment) = (namespace.clone(), export.name()?);
        let digest = export.digest();
        let asked = ImportRequest::IsPublished { namespace, experiment, digest };
        match self.ask_import(asked).await? {
            ImportAnswer::IsPublished(published) => Ok(published),
            other => Err(unexpected(&other).into()),
        }
    }

    async fn finish_import(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<(), StoreError> {
        let (namespace, experiment) = (namespace.clone(), experiment.clone());
        self.ask_import(ImportRequest::Finish { namespace, experiment }).await.map(drop)
    }
}

impl EmbeddedStore {
    async fn ask_import(&self, request: ImportRequest) -> Result<ImportAnswer, StoreError> {
        self.ask(|reply| Request::Import { request, reply }).await
    }

    /// Stages the counters under the ids.
    async fn stage(
        &self,
        counters: Vec<UuidCounter>,
        ids: &[u64],
        on_step: OnStep<'_>,
    ) -> Result<Vec<StagedCounter>, TransferError> {
        let total = counters.iter().map(|counter| counter.uuids.len() as u64).sum();
        let mut done = 0;
        let mut staged = Vec::with_capacity(counters.len());
        for (UuidCounter { goal, variant, uuids, allocations, values }, id) in
            counters.into_iter().zip(ids)
        {
            let mut counter = Counter { id: *id, count: 0 };
            for some in uuids.chunks(BATCH) {
                let request = ImportRequest::Stage { id: *id, uuids: some.to_vec() };
                match self.ask_import(request).await? {
                    ImportAnswer::Staged(new) => counter.count += new,
                    other => return Err(unexpected(&other).into()),
                }
                done += some.len() as u64;
                on_step(Step { done, total, unit: Unit::Events });
            }
            let values = match values {
                Some(values) => Some(self.stage_values(*id, values).await?),
                None => None,
            };
            staged.push(StagedCounter { goal, variant, counter, allocations, values });
        }
        Ok(staged)
    }
}

impl EmbeddedStore {
    /// Stages the totals of units of a counter, and returns what they add up to.
    async fn stage_values(
        &self,
        id: u64,
        exported: ExportedValues,
    ) -> Result<CounterValues, TransferError> {
        let cap = exported_cap(exported.cap.as_deref())?;
        let mut values = CounterValues { cap, ..CounterValues::default() };
        let mut units = Vec::with_capacity(exported.units.len());
        for ExportedUnit { uuid, total, has_plain, allocation } in exported.units {
            Uuid::new(&*uuid).map_err(invalid)?;
            let total = Amount::from_text(&total).map_err(invalid)?;
            let unit = UnitTotal::new(total, has_plain, allocation);
            values.replace(None, &unit);
            units.push((uuid, unit));
        }
        for id in &exported.ids {
            EventId::new(&**id).map_err(invalid)?;
        }
        let parts = units.chunks(BATCH).map(|units| (units.to_vec(), Vec::new()));
        let ids = exported.ids.chunks(BATCH).map(|ids| (Vec::new(), ids.to_vec()));
        for (units, ids) in parts.chain(ids) {
            match self.ask_import(ImportRequest::StageValues { id, units, ids }).await? {
                ImportAnswer::Done => {}
                other => return Err(unexpected(&other).into()),
            }
        }
        Ok(values)
    }
}

fn unexpected(answer: &ImportAnswer) -> StoreError {
    StoreError::Unexpected(format!("{answer:?}"))
}

impl Open {
    /// Works out what a request of an import changes.
    pub(super) fn import(
        &mut self,
        request: ImportRequest,
        limits: &Limits,
        today: Day,
        changes: &mut Changes,
    ) -> fjall::Result<Result<ImportAnswer, StoreError>> {
        Ok(Ok(match request {
            ImportRequest::IsPublished { namespace, experiment, digest } => {
                let mark = self.disk.import_mark(&namespace, &experiment)?;
                ImportAnswer::IsPublished(mark.is_some_and(|mark| mark == digest.as_bytes()))
            }
            ImportRequest::Begin { counters } => {
                let ids: Vec<u64> = (0..counters).map(|_| self.catalog.new_id()).collect();
                changes.removed.extend(&ids);
                self.staged.extend(&ids);
                ImportAnswer::Begun(ids)
            }
            ImportRequest::Stage { id, uuids } => {
                if !self.staged.contains(&id) {
                    let reason =
                        "a write failed, and what was staged is gone; run the import again";
                    return Ok(Err(StoreError::Disk(reason.into())));
                }
                let mut new = 0;
                for uuid in &uuids {
                    let key = seen_key(id, uuid);
                    if !changes.seen.contains(&key) && !self.disk.was_seen(&key)? {
                        changes.seen.insert(key);
                        new += 1;
                    }
                }
                ImportAnswer::Staged(new)
            }
            ImportRequest::StageValues { id, units, ids } => {
                if !self.staged.contains(&id) {
                    let reason =
                        "a write failed, and what was staged is gone; run the import again";
                    return Ok(Err(StoreError::Disk(reason.into())));
                }
                changes
                    .units
                    .extend(units.into_iter().map(|(uuid, unit)| (unit_key(id, &uuid), unit)));
                changes.value_ids.extend(ids.iter().map(|event| id_key(id, event)));
                ImportAnswer::Done
            }
            ImportRequest::Publish(publication) => {
                return Ok(self.publish(*publication, limits, today, changes));
            }
            ImportRequest::Discard { ids } => {
                ids.iter().for_each(|id| {
                    self.staged.remove(id);
                });
                self.sweeping = true;
                ImportAnswer::Done
            }
            ImportRequest::Finish { namespace, experiment } => {
                changes.import_marks.push((namespace, experiment, None));
                ImportAnswer::Done
            }
        }))
    }

    fn publish(
        &mut self,
        publication: Publication,
        limits: &Limits,
        today: Day,
        changes: &mut Changes,
    ) -> Result<ImportAnswer, StoreError> {
        let Publication { namespace, experiment, counters, documents, digest } = publication;
        if counters.iter().any(|staged| !self.staged.contains(&staged.counter.id)) {
            let reason = "a write failed, and what was staged is gone; run the import again";
            return Err(StoreError::Disk(reason.into()));
        }
        if self.catalog.has(&namespace, &experiment) {
            return Ok(ImportAnswer::Exists);
        }
        // The limits are those of an event.
        let uuid =
            Uuid::new("import").map_err(|error| StoreError::Unexpected(error.to_string()))?;
        let mut named = Vec::with_capacity(counters.len());
        for StagedCounter { goal, variant, counter, allocations, values } in counters {
            let event = Event {
                namespace: namespace.clone(),
                experiment: experiment.clone(),
                variant,
                goal,
                uuid: uuid.clone(),
                allocation: None,
                value: None,
                id: None,
            };
            let check = Check { limits, documents: &self.documents, at: changes.at };
            match self.catalog.publish(&event, counter, &check) {
                Ok(name) => named.push((name, counter, allocations, values)),
                Err(refusal) => {
                    self.catalog.remove(&namespace, &experiment);
                    return Ok(ImportAnswer::Refused(refusal));
                }
            }
        }
        for (name, counter, allocations, values) in named {
            self.staged.remove(&counter.id);
            changes.published.push(counter.id);
            *changes.new.entry((name.clone(), counter.id, today)).or_default() += counter.count;
            for (allocation, count) in allocations {
                changes.allocated.insert((name.clone(), counter.id, allocation), count);
            }
            if let (Some(values), Some((goal, _))) = (values, name.rsplit_once(SEPARATOR)) {
                self.values.load(goal.to_owned(), counter.id, values.clone());
                changes.values.insert(counter.id, (name.clone(), values));
            }
            changes.counters.insert(name, Some(counter));
        }
        let commit =
            DocumentCommit { namespace: namespace.clone(), based_on: None, writes: documents };
        if let Err(error) = self.commit_documents(commit, changes) {
            return Err(StoreError::Unexpected(error.to_string()));
        }
        changes.import_marks.push((namespace, experiment, Some(digest)));
        Ok(ImportAnswer::Done)
    }
}

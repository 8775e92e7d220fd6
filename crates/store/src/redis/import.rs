//! Imports experiments into Redis: everything is staged under keys that no reader uses, and one script
//! publishes it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use abtest_model::{Counting, Experiment, Goal, Namespace, Stated, Tally, Variant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use redis::{Pipeline, Script, Value, cmd, pipe};
use serde::Deserialize as _;

use super::exact::keys::CounterName;
use super::exact::staging::{Publication, Staging, published};
use super::exact::transfer::Parts;
use super::keys::{self, NamespaceKeys};
use super::read::query;
use super::{RedisStore, Server, exact, values};
use crate::transfer::{
    Export, ExportedCounter, Import, OnStep, Seen, Step, TransferError, Unit, UuidCounter,
    imported_documents, invalid,
};
use crate::{CommitError, Counters as _, Documents as _, Include, Kind, StoreError, Write};

static PUBLISH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("import_limits.lua"), include_str!("publish.lua")))
});

/// How long an import that was cut off after publishing can be continued, in seconds.
pub(super) const MARK_SECONDS: u64 = 86_400;

/// Seconds after which staged HyperLogLogs are gone.
const STAGED_SECONDS: i64 = 86_400;

/// Uuids that are staged in one round trip.
const BATCH: usize = 500;

/// The key of the digest of an export whose counters are published and whose import is not finished.
pub(super) fn mark_key(namespace: &Namespace, experiment: &Experiment) -> String {
    let namespace = NamespaceKeys::new(namespace);
    format!("{{abtest}}:{}:{}:imported", namespace.member(), keys::member(experiment))
}

impl Import for RedisStore {
    /// The experiment is counted as before. An export with uuids is counted as its definition asks for,
    /// or else as the config says.
    async fn import(
        &self,
        namespace: &Namespace,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> Result<(), TransferError> {
        let experiment = export.name()?;
        let documents = imported_documents(&experiment, export);
        if self.is_published(namespace, export).await? {
            let kinds: Vec<_> = documents.iter().map(|write| write.key.kind).collect();
            let there =
                self.list(namespace, &kinds, Some(std::slice::from_ref(&experiment))).await?;
            let is_missing = |write: &Write| !there.iter().any(|found| found.key == write.key);
            let missing = documents.into_iter().filter(is_missing).collect();
            return self.import_documents(namespace, missing).await;
        }
        let scope = Some(std::slice::from_ref(&experiment));
        let there = self.read(namespace, scope, Include::COUNTS).await?;
        if !there.iter().all(Tally::is_empty) {
            return Err(TransferError::Exists);
        }
        let place = Place { server: &self.server, namespace, experiment: &experiment };
        if export.is_exact(self.server.modes.of_new(export.asked_counting())) {
            place.import_exactly(export, on_step).await?;
        } else {
            place.import_estimates(export, on_step).await?;
        }
        let imported = self.import_documents(namespace, documents).await;
        imported.map_err(|reason| TransferError::Unfinished { reason: Box::new(reason) })
    }

    async fn is_published(
        &self,
        namespace: &Namespace,
        export: &Export,
    ) -> Result<bool, TransferError> {
        let mut read = pipe();
        read.get(mark_key(namespace, &export.name()?));
        let mark: Vec<Option<String>> = query(&self.server.connection, read).await?;
        Ok(mark.into_iter().flatten().any(|mark| mark == export.digest()))
    }

    async fn finish_import(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<(), StoreError> {
        let mut unlink = pipe();
        unlink.unlink(mark_key(namespace, experiment));
        query::<Value>(&self.server.connection, unlink).await.map(drop)
    }
}

impl RedisStore {
    async fn import_documents(
        &self,
        namespace: &Namespace,
        writes: Vec<Write>,
    ) -> Result<(), TransferError> {
        if writes.is_empty() {
            return Ok(());
        }
        match self.commit(namespace, None, writes).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(error) => Err(invalid(error)),
        }
    }
}

impl Export {
    /// Whether its counters become exact ones; `uuids` is how an export with uuids is counted.
    fn is_exact(&self, uuids: Counting) -> bool {
        match self.counters.first().map(|counter| &counter.seen) {
            Some(Seen::Exact { .. }) => true,
            Some(Seen::Hll(_)) => false,
            Some(Seen::Uuids(_)) | None => uuids == Counting::Exact,
        }
    }

    /// How its definition asks to count the experiment.
    fn asked_counting(&self) -> Option<Counting> {
        let definition = self.documents.iter().find(|one| one.kind == Kind::Definition)?;
        Counting::deserialize(definition.content.get("counting")?).ok()
    }
}

/// Where an experiment is imported to.
struct Place<'a> {
    server: &'a Server,
    namespace: &'a Namespace,
    experiment: &'a Experiment,
}

impl Place<'_> {
    async fn import_exactly(
        &self,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> Result<(), TransferError> {
        let connection = &self.server.connection;
        let mut staging = Staging::begin(connection).await?;
        let staged = match self.stage_exactly(&mut staging, export, on_step).await {
            Ok(counters) => values::transfer::stage(connection, &mut staging, export)
                .await
                .map(|ledgers| Publication { counters, ledgers }),
            Err(error) => Err(error),
        };
        let imported = match staged {
            Ok(publication) => {
                let Server { limits, cluster, .. } = self.server;
                let digest = export.digest();
                let (namespace, experiment) = (self.namespace, self.experiment);
                staging
                    .publish(namespace, experiment, limits, !cluster, &publication, &digest)
                    .await
            }
            Err(error) => Err(error),
        };
        if imported.is_err()
            && let Err(error) = staging.discard().await
        {
            tracing::warn!(%error, "what was staged is removed by a later import");
        }
        imported
    }

    /// Stages every counter. Returns their names, and what the registry gets of them.
    async fn stage_exactly(
        &self,
        staging: &mut Staging<'_>,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> Result<Vec<(String, String)>, TransferError> {
        let connection = &self.server.connection;
        let name = |goal: &Goal, variant: &Variant| {
            let name = CounterName::new(self.namespace, self.experiment, goal, variant);
            name.counter().to_owned()
        };
        let mut staged = Vec::with_capacity(export.counters.len());
        if export.holds_uuids() {
            let counters = export.uuid_counters()?;
            let mut steps = Steps::of_events(&counters, on_step);
            for UuidCounter { goal, variant, uuids, allocations, .. } in &counters {
                let (fresh, identity) = staging.add(None).await?;
                for (number, some) in uuids.chunks(BATCH).enumerate() {
                    let place = (self.namespace, self.experiment);
                    let exact = &self.server.exact;
                    exact.stage(connection, place, &identity, some, number == 0).await?;
                    steps.add(some.len());
                    staging.beat_if_due().await?;
                }
                exact::transfer::write_allocations(connection, &identity, allocations).await?;
                staged.push((name(goal, variant), fresh));
            }
            return Ok(staged);
        }
        let mut steps = Steps::of_counters(export, on_step);
        for counter in &export.counters {
            let Seen::Exact { seed, deepest, buckets } = &counter.seen else { return Err(mixed()) };
            let parts = Parts { counter, seed, deepest: *deepest, buckets };
            exact::transfer::check(&parts)?;
        }
        for counter in &export.counters {
            let Seen::Exact { seed, deepest, buckets } = &counter.seen else { return Err(mixed()) };
            let (goal, variant) = counter.names()?;
            let (fresh, identity) = staging.add(Some(seed)).await?;
            let parts = Parts { counter, seed, deepest: *deepest, buckets };
            exact::transfer::write(connection, &identity, &parts).await?;
            staged.push((name(&goal, &variant), fresh));
            steps.add(1);
            staging.beat_if_due().await?;
        }
        Ok(staged)
    }

    async fn import_estimates(
        &self,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> Result<(), TransferError> {
        if self.server.cluster {
            return Err(TransferError::Estimates);
        }
        let staged = Staged {
            import: uuid::Uuid::new_v4().simple().to_string(),
            counters: export.counters.len(),
        };
        let connection = &self.server.connection;
        let mut staging = Staging::begin(connection).await?;
        let ledgers = match self.stage_estimates(&staged, export, on_step).await {
            Ok(()) => values::transfer::stage(connection, &mut staging, export).await,
            Err(error) => Err(error),
        };
        let imported = match ledgers {
            Ok(ledgers) => self.publish_estimates(&staged, &staging, export, &ledgers).await,
            Err(error) => Err(error),
        };
        if imported.is_err() {
            if let Err(error) = staging.discard().await {
                tracing::warn!(%error, "what was staged is removed by a later import");
            }
            let mut unlink = pipe();
            (0..staged.counters).for_each(|number| {
                unlink.unlink(&staged.keys(number)).unlink(staged.beside());
            });
            if let Err(error) = query::<Value>(&self.server.connection, unlink).await {
                tracing::warn!(%error, "what was staged stays for a day");
            }
        }
        imported
    }

    async fn stage_estimates(
        &self,
        staged: &Staged,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> Result<(), TransferError> {
        if export.holds_uuids() {
            let counters = export.uuid_counters()?;
            let mut steps = Steps::of_events(&counters, on_step);
            for (number, counter) in counters.iter().enumerate() {
                let (sketch, days) = (staged.counter(number), staged.days(number));
                for some in counter.uuids.chunks(BATCH) {
                    let mut write = pipe();
                    let uuids: Vec<&str> = some.iter().map(|uuid| uuid.as_str()).collect();
                    write.pfadd(&sketch, uuids).expire(&sketch, STAGED_SECONDS);
                    self.write(write).await?;
                    steps.add(some.len());
                }
                let mut write = pipe();
                write.hset(&days, self.today().await?, 0).expire(&days, STAGED_SECONDS);
                staged.add_allocations(&mut write, number, &counter.allocations);
                self.write(write).await?;
            }
            return Ok(());
        }
        let mut steps = Steps::of_counters(export, on_step);
        for (number, counter) in export.counters.iter().enumerate() {
            let Seen::Hll(sketches) = &counter.seen else { return Err(mixed()) };
            counter.names()?;
            self.stage_sketches(staged, number, counter, sketches).await?;
            steps.add(1);
        }
        Ok(())
    }

    async fn stage_sketches(
        &self,
        staged: &Staged,
        number: usize,
        counter: &ExportedCounter,
        sketches: &[String],
    ) -> Result<(), TransferError> {
        let (key, days, beside) = (staged.counter(number), staged.days(number), staged.beside());
        let mut write = pipe();
        for sketch in sketches {
            let sketch = BASE64.decode(sketch).map_err(invalid)?;
            write.set(&beside, sketch).expire(&beside, STAGED_SECONDS);
            write.pfcount(&beside).cmd("PFMERGE").arg(&key).arg(&beside);
        }
        write.unlink(&beside).expire(&key, STAGED_SECONDS);
        for (day, begin) in &counter.days {
            write.hset(&days, day, begin);
        }
        if counter.days.is_empty() {
            write.hset(&days, self.today().await?, 0);
        }
        write.expire(&days, STAGED_SECONDS);
        staged.add_allocations(&mut write, number, &counter.allocations);
        match self.write(write).await {
            Err(StoreError::WrongType | StoreError::Unexpected(_)) => {
                Err(invalid("Redis cannot read one of its HyperLogLogs"))
            }
            written => Ok(written?),
        }
    }

    async fn publish_estimates(
        &self,
        staged: &Staged,
        staging: &Staging<'_>,
        export: &Export,
        ledgers: &[(String, String)],
    ) -> Result<(), TransferError> {
        let of_namespace = NamespaceKeys::new(self.namespace);
        let (ns, member) = (of_namespace.member(), keys::member(self.experiment));
        let mut script = PUBLISH.key(mark_key(self.namespace, self.experiment));
        script
            .key(keys::NAMESPACES)
            .key(exact::keys::NAMESPACES)
            .key(of_namespace.experiments())
            .key(exact::keys::experiments(ns))
            .key(of_namespace.counters())
            .key(exact::keys::count(ns))
            .key(of_namespace.experiment_counters(&member))
            .key(exact::keys::values(ns, &member))
            .key(exact::keys::IMPORTS)
            .key(staging.key());
        for (number, counter) in export.counters.iter().enumerate() {
            let (goal, variant) = counter.names()?;
            let key = of_namespace.counter(&member, &goal, &variant);
            script.key(&*key).key(NamespaceKeys::days(&key)).key(NamespaceKeys::allocations(&key));
            staged.keys(number).iter().for_each(|key| {
                script.key(key);
            });
        }
        let limits = &self.server.limits;
        script
            .arg(limits.namespaces)
            .arg(limits.experiments)
            .arg(limits.counters)
            .arg(limits.counters_per_experiment)
            .arg(ns)
            .arg(&*member)
            .arg(export.digest())
            .arg(MARK_SECONDS)
            .arg(staging.import());
        for (goal, identity) in ledgers {
            script.arg(goal).arg(identity);
        }
        let word: String = self.server.connection.invoke(&script).await?;
        published(&word, limits)
    }

    async fn write(&self, pipeline: Pipeline) -> Result<(), StoreError> {
        query::<Value>(&self.server.connection, pipeline).await.map(drop)
    }

    /// The UTC day of Redis's clock, as days since 1970.
    async fn today(&self) -> Result<u64, StoreError> {
        let mut time = pipe();
        time.add_command(cmd("TIME"));
        let time: Vec<(u64, u64)> = query(&self.server.connection, time).await?;
        Ok(time.first().map_or(0, |(seconds, _)| seconds / 86_400))
    }
}

fn mixed() -> TransferError {
    invalid("its counters are of different kinds")
}

/// The keys of staged HyperLogLogs.
struct Staged {
    import: String,
    counters: usize,
}

impl Staged {
    fn counter(&self, number: usize) -> String {
        format!("abtest:import:{}:{number}", self.import)
    }

    fn days(&self, number: usize) -> String {
        format!("abtest:import:{}:{number}:days", self.import)
    }

    fn allocations(&self, number: usize) -> String {
        format!("abtest:import:{}:{number}:allocations", self.import)
    }

    /// The keys of a counter.
    fn keys(&self, number: usize) -> [String; 3] {
        [self.counter(number), self.days(number), self.allocations(number)]
    }

    fn add_allocations(
        &self,
        write: &mut Pipeline,
        number: usize,
        allocations: &BTreeMap<Stated, u64>,
    ) {
        let key = self.allocations(number);
        for (allocation, count) in allocations {
            write.hset(&key, allocation.to_string(), count).expire(&key, STAGED_SECONDS);
        }
    }

    /// Where a sketch is put on its way.
    fn beside(&self) -> String {
        format!("abtest:import:{}:beside", self.import)
    }
}

/// Tells how far an import is.
struct Steps<'a> {
    step: Step,
    on_step: OnStep<'a>,
}

impl<'a> Steps<'a> {
    fn of_events(counters: &[UuidCounter], on_step: OnStep<'a>) -> Self {
        let total = counters.iter().map(|counter| counter.uuids.len() as u64).sum();
        Self { step: Step { done: 0, total, unit: Unit::Events }, on_step }
    }

    fn of_counters(export: &Export, on_step: OnStep<'a>) -> Self {
        let total = export.counters.len() as u64;
        Self { step: Step { done: 0, total, unit: Unit::Counters }, on_step }
    }

    fn add(&mut self, more: usize) {
        self.step.done += more as u64;
        (self.on_step)(self.step);
    }
}

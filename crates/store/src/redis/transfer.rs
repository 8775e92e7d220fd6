//! Exports experiments from Redis and imports them.

use std::collections::BTreeMap;

use abtest_model::{Experiment, Goal, Namespace, Variant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use redis::{Value, pipe};

use super::exact::transfer::Parts;
use super::exact::{self, Registration, keys::CounterName};
use super::keys::{self, NamespaceKeys};
use super::read::{counters, estimated_allocations, named, query};
use super::{RedisStore, Server};
use crate::new_names::Exemption;
use crate::transfer::{
    Export, ExportedCounter, OnStep, Seen, Step, TransferError, Unit, import_by, invalid,
    record_uuids,
};
use crate::{Documents as _, Kind, StoreError};

impl RedisStore {
    /// Reads an experiment with everything it knows about its uuids. `None` if it does not exist.
    /// `on_step` receives the counters read so far.
    ///
    /// # Errors
    /// When Redis cannot be read, or events come in meanwhile.
    pub async fn export(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        on_step: OnStep<'_>,
    ) -> Result<Option<Export>, TransferError> {
        let connection = &self.server.connection;
        let keys = NamespaceKeys::new(namespace);
        let found = counters(connection, &keys, &[named(experiment)]).await?;
        let total =
            found.iter().map(|found| found.estimated.len() + found.exact.len()).sum::<usize>();
        let step = |done: usize| {
            on_step(Step { done: done as u64, total: total as u64, unit: Unit::Counters });
        };
        let mut exported = Vec::new();
        for found in found {
            for ((goal, variant), keys) in &found.estimated {
                exported.push(self.server.export_estimate(goal, variant, keys).await?);
                step(exported.len());
            }
            for ((goal, variant), identity) in &found.exact {
                exported.push(exact::transfer::export(connection, goal, variant, identity).await?);
                step(exported.len());
            }
        }
        let names = std::slice::from_ref(experiment);
        let documents = self.list(namespace, &Kind::OF_EXPERIMENTS, Some(names)).await?;
        if exported.is_empty() && documents.is_empty() {
            return Ok(None);
        }
        let history = self.history(namespace, &Kind::Definition.of(experiment)).await?;
        Ok(Some(Export::new(experiment, exported, &documents, &history)?))
    }

    /// Imports an experiment. It is counted as before; an export with uuids is counted as the config
    /// says. If that fails half-way, what is stored stays: others may have counted meanwhile.
    /// `on_step` receives the events or counters written so far.
    ///
    /// # Errors
    /// When it already exists, cannot be counted here, or Redis refuses. [`TransferError::Partial`]
    /// when a part of the experiment is stored.
    pub async fn import(
        &self,
        namespace: &Namespace,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> Result<(), TransferError> {
        import_by(self, namespace, export, async |experiment| {
            self.server.import(self, namespace, experiment, export, on_step).await
        })
        .await
    }
}

/// Seconds after which a key beside a counter is gone, also when an import was killed.
const BESIDE_SECONDS: u64 = 60;

/// The key beside a counter that a sketch is put into on its way.
fn beside(key: &str) -> String {
    format!("{key}:import")
}

fn mixed() -> TransferError {
    invalid("some of its counters have uuids and others do not")
}

impl Server {
    async fn export_estimate(
        &self,
        goal: &Goal,
        variant: &Variant,
        keys: &[String],
    ) -> Result<ExportedCounter, TransferError> {
        let mut read = pipe();
        for key in keys {
            read.get(key);
        }
        let sketches: Vec<Vec<u8>> = query(&self.connection, read).await?;
        let sketches = sketches.iter().map(|sketch| BASE64.encode(sketch)).collect();
        let mut days = pipe();
        keys.iter().for_each(|key| {
            days.hgetall(NamespaceKeys::days(key));
        });
        let days: Vec<BTreeMap<u32, u64>> = query(&self.connection, days).await?;
        // If Gimel and abtest each have a key of the counter, only abtest's has days.
        let days = days.into_iter().find(|days| !days.is_empty()).unwrap_or_default();
        let mut allocations = pipe();
        keys.iter().for_each(|key| {
            allocations.hgetall(NamespaceKeys::allocations(key));
        });
        let allocations: Vec<BTreeMap<String, f64>> = query(&self.connection, allocations).await?;
        let mut count = pipe();
        count.pfcount(keys);
        let count: Vec<u64> = query(&self.connection, count).await?;
        Ok(ExportedCounter {
            goal: goal.to_string(),
            variant: variant.to_string(),
            count: count.into_iter().sum(),
            days,
            allocations: allocations.iter().flat_map(estimated_allocations).collect(),
            seen: Seen::Hll(sketches),
        })
    }

    async fn import(
        &self,
        store: &RedisStore,
        namespace: &Namespace,
        experiment: &Experiment,
        export: &Export,
        on_step: OnStep<'_>,
    ) -> Result<(), TransferError> {
        if export.holds_uuids() {
            return record_uuids(store, namespace, experiment, export, on_step).await;
        }
        for counter in &export.counters {
            self.check(namespace, experiment, counter).await?;
        }
        let total = export.counters.len() as u64;
        for (done, counter) in (1..).zip(&export.counters) {
            match &counter.seen {
                Seen::Uuids(_) => return Err(mixed()),
                Seen::Hll(sketches) => {
                    self.import_estimate(namespace, experiment, counter, sketches).await?;
                }
                Seen::Exact { seed, deepest, buckets } => {
                    let (goal, variant) = counter.names()?;
                    let name = CounterName::new(namespace, experiment, &goal, &variant);
                    let registration = Registration {
                        limits: self.limits,
                        beside_estimates: !self.cluster,
                        may_begin: true,
                        exempt: Exemption::Nothing,
                    };
                    let parts = Parts { counter, seed, deepest: *deepest, buckets };
                    exact::transfer::import(&self.connection, registration, &name, parts).await?;
                }
            }
            on_step(Step { done, total, unit: Unit::Counters });
        }
        Ok(())
    }

    /// Checks a counter of an export before anything is stored.
    async fn check(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        counter: &ExportedCounter,
    ) -> Result<(), TransferError> {
        let (goal, variant) = counter.names()?;
        match &counter.seen {
            Seen::Uuids(_) => Err(mixed()),
            Seen::Hll(_) if self.cluster => Err(TransferError::Estimates),
            Seen::Hll(sketches) => {
                let keys = NamespaceKeys::new(namespace);
                let key = keys.counter(&keys::member(experiment), &goal, &variant);
                let beside = beside(&key);
                let mut read = pipe();
                for sketch in sketches {
                    let sketch = BASE64.decode(sketch).map_err(invalid)?;
                    read.set_ex(&beside, sketch, BESIDE_SECONDS).pfcount(&beside);
                }
                read.unlink(&beside);
                match query::<Value>(&self.connection, read).await {
                    Err(StoreError::WrongType | StoreError::Unexpected(_)) => {
                        Err(invalid("Redis cannot read one of its HyperLogLogs"))
                    }
                    answer => answer.map(drop).map_err(TransferError::from),
                }
            }
            Seen::Exact { seed, deepest, buckets } => {
                exact::transfer::check(&Parts { counter, seed, deepest: *deepest, buckets })
            }
        }
    }

    async fn import_estimate(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        counter: &ExportedCounter,
        sketches: &[String],
    ) -> Result<(), TransferError> {
        let keys = NamespaceKeys::new(namespace);
        let member = keys::member(experiment);
        let (goal, variant) = counter.names()?;
        let key = keys.counter(&member, &goal, &variant);
        let mut write = pipe();
        write.atomic();
        // It is merged into what visitors may have been counted meanwhile, and never replaces it.
        let beside = beside(&key);
        for sketch in sketches {
            let sketch = BASE64.decode(sketch).map_err(invalid)?;
            write.set_ex(&beside, sketch, BESIDE_SECONDS).cmd("PFMERGE").arg(&key).arg(&beside);
        }
        write.unlink(&beside);
        write.pfcount(&key);
        for (day, begin) in &counter.days {
            write.hset(NamespaceKeys::days(&key), day, begin);
        }
        for (allocation, new) in &counter.allocations {
            write
                .cmd("HINCRBYFLOAT")
                .arg(NamespaceKeys::allocations(&key))
                .arg(allocation.get())
                .arg(*new);
        }
        write
            .sadd(keys::NAMESPACES, keys.member())
            .sadd(keys.experiments(), &*member)
            .sadd(keys.experiment_counters(&member), &key)
            .sadd(keys.counters(), &key);
        let _: Vec<Value> = query(&self.connection, write).await?;
        Ok(())
    }
}

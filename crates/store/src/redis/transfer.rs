//! Exports experiments from Redis.

use std::collections::BTreeMap;

use abtest_model::{Experiment, Goal, Namespace, Variant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use redis::{Value, pipe};

use super::exact;
use super::keys::NamespaceKeys;
use super::read::{counters, estimated_allocations, named, query, read as answer_of};
use super::{RedisStore, Server, values};
use crate::transfer::{Export, ExportedCounter, OnStep, Seen, Step, TransferError, Unit};
use crate::{Documents as _, Kind};

impl RedisStore {
    /// Reads an experiment with everything it knows about its uuids. `None` if it does not exist. What
    /// was counted before is in it; of the events that come in meanwhile, each may be.
    /// `on_step` receives the counters read so far.
    ///
    /// # Errors
    /// When Redis cannot be read, or has lost a part of a counter.
    pub async fn export(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        on_step: OnStep<'_>,
    ) -> Result<Option<Export>, TransferError> {
        let connection = &self.server.connection;
        let keys = NamespaceKeys::new(namespace);
        let found = counters(connection, &keys, &[named(experiment)], true).await?;
        let total =
            found.iter().map(|found| found.estimated.len() + found.exact.len()).sum::<usize>();
        let step = |done: usize| {
            on_step(Step { done: done as u64, total: total as u64, unit: Unit::Counters });
        };
        let (mut exported, mut ledgers) = (Vec::new(), Vec::new());
        for found in found {
            // A unit is counted before its value is added, so values are read first.
            for (goal, ledger) in &found.ledgers {
                ledgers.extend(values::transfer::export(connection, goal, ledger).await?);
            }
            for ((goal, variant), keys) in &found.estimated {
                exported.push(self.server.export_estimate(goal, variant, keys).await?);
                step(exported.len());
            }
            // A visitor participates first and reaches goals later. So participants are read last.
            let is_participation = |(names, _): &(&(Goal, Variant), _)| names.0.is_participation();
            let (last, first): (Vec<_>, Vec<_>) = found.exact.iter().partition(is_participation);
            for (names, identity) in first.into_iter().chain(last) {
                exported.push(exact::transfer::export(connection, names, identity).await?);
                step(exported.len());
            }
        }
        let names = std::slice::from_ref(experiment);
        let documents = self.list(namespace, &Kind::OF_EXPERIMENTS, Some(names)).await?;
        if exported.is_empty() && documents.is_empty() {
            return Ok(None);
        }
        let history = self.history(namespace, &Kind::Definition.of(experiment)).await?;
        Ok(Some(Export::new(experiment, exported, ledgers, &documents, &history)?))
    }
}

impl Server {
    async fn export_estimate(
        &self,
        goal: &Goal,
        variant: &Variant,
        keys: &[String],
    ) -> Result<ExportedCounter, TransferError> {
        let mut read = pipe();
        // At one moment, so that count and days belong to the sketches.
        read.atomic();
        keys.iter().for_each(|key| {
            read.get(key);
        });
        keys.iter().for_each(|key| {
            read.hgetall(NamespaceKeys::days(key));
        });
        keys.iter().for_each(|key| {
            read.hgetall(NamespaceKeys::allocations(key));
        });
        read.pfcount(keys);
        let mut answers = query::<Value>(&self.connection, read).await?.into_iter();
        let mut sketches = Vec::with_capacity(keys.len());
        for answer in answers.by_ref().take(keys.len()) {
            // A key that is missing has counted nothing that could be moved.
            let sketch: Option<Vec<u8>> = answer_of(Some(answer))?;
            sketches.extend(sketch.map(|sketch| BASE64.encode(sketch)));
        }
        let mut days = BTreeMap::new();
        for answer in answers.by_ref().take(keys.len()) {
            let found: BTreeMap<u32, u64> = answer_of(Some(answer))?;
            // If Gimel and abtest each have a key of the counter, only abtest's has days.
            if days.is_empty() {
                days = found;
            }
        }
        let mut allocations = Vec::with_capacity(keys.len());
        for answer in answers.by_ref().take(keys.len()) {
            allocations.push(answer_of::<BTreeMap<String, f64>>(Some(answer))?);
        }
        Ok(ExportedCounter {
            goal: goal.to_string(),
            variant: variant.to_string(),
            count: answer_of(answers.next())?,
            days,
            allocations: allocations.iter().flat_map(estimated_allocations).collect(),
            values: None,
            seen: Seen::Hll(sketches),
        })
    }
}

//! Removes a variant or a goal from an experiment.

use std::sync::LazyLock;

use abtest_model::{Experiment, Namespace};
use redis::Script;

use super::exact::keys::CounterName;
use super::keys::{self, NamespaceKeys};
use super::{RedisStore, read, values};
use crate::documents::deletion_of_alarm;
use crate::{Part, StoreError};

static PRUNE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("prune.lua")));

impl RedisStore {
    pub(super) async fn prune_part(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        part: &Part,
    ) -> Result<bool, StoreError> {
        let connection = &self.server.connection;
        let keys = NamespaceKeys::new(namespace);
        // What reading shows under a name is what is removed, however it is spelled in the keys.
        let counters = read::counters(connection, &keys, &[read::named(experiment)], true).await?;
        let (mut estimated, mut exact, mut ledgers) = (Vec::new(), Vec::new(), Vec::new());
        for counters in counters {
            let is_chosen = |(goal, variant): &(_, _)| part.contains(goal, variant);
            let found = counters.estimated.into_iter().filter(|(names, _)| is_chosen(names));
            estimated.extend(found.flat_map(|(_, keys)| keys));
            let found = counters.exact.into_keys().filter(is_chosen);
            exact.extend(found.map(|(goal, variant)| {
                CounterName::new(namespace, experiment, &goal, &variant).counter().to_owned()
            }));
            ledgers.extend(counters.ledgers);
        }
        let goals: Vec<String> = match part {
            Part::Goal(part) => {
                let pruned = ledgers.iter().filter(|(goal, _)| goal == part);
                pruned.map(|(goal, _)| keys::escape(goal.as_str()).into_owned()).collect()
            }
            Part::Variant(variant) => {
                let ledgers = ledgers.iter().map(|(_, ledger)| ledger);
                values::forget_variant(connection, ledgers, variant).await?;
                Vec::new()
            }
        };
        let pruned = self.prune_estimated(&keys, experiment, &estimated).await?;
        // The exact counters come last, because removing their keys can take longer than one request may.
        let parts = (&exact[..], &goals[..]);
        let removed = self.server.exact.prune(connection, namespace, experiment, parts).await;
        self.commit_deletion(namespace, &deletion_of_alarm(experiment)).await?;
        Ok(removed? || pruned)
    }

    async fn prune_estimated(
        &self,
        keys: &NamespaceKeys,
        experiment: &Experiment,
        counters: &[String],
    ) -> Result<bool, StoreError> {
        if counters.is_empty() {
            return Ok(false);
        }
        let mut script = PRUNE.key(keys::NAMESPACES);
        script.key(keys.experiments()).key(keys.counters()).arg(keys.member());
        for member in keys::members(experiment) {
            script.key(keys.experiment_counters(&member)).arg(member);
        }
        for counter in counters {
            script.key(counter);
        }
        let removed: u64 = self.server.connection.invoke(&script).await?;
        Ok(removed > 0)
    }
}

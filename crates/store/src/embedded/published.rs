//! The counts that are on disk, for readers: what is not yet synced is not here.

use std::collections::BTreeMap;

use abtest_model::{Counting, Day, Experiment, Goal, Namespace, Tally, Timeline, Variant};

use super::catalog::SEPARATOR;

/// Every tally, by namespace and experiment.
#[derive(Debug, Default)]
pub(super) struct Published {
    namespaces: BTreeMap<Namespace, BTreeMap<Experiment, Tally>>,
    timelines: BTreeMap<(Namespace, Experiment), Timeline>,
}

impl Published {
    /// Sets a counter's count, or takes the counter out.
    pub(super) fn set(&mut self, name: &str, count: Option<u64>) {
        let Some((namespace, experiment, goal, variant)) = split(name) else { return };
        let experiments = self.namespaces.entry(namespace.clone()).or_default();
        match count {
            Some(count) => experiments
                .entry(experiment)
                .or_insert_with_key(|name| Tally::new(name.clone(), Counting::Exact))
                .set(goal, variant, count),
            // Counters are only ever taken out together with their experiment.
            None => {
                experiments.remove(&experiment);
                self.timelines.remove(&(namespace.clone(), experiment));
            }
        }
        if experiments.is_empty() {
            self.namespaces.remove(&namespace);
        }
    }

    /// Adds new uuids of a counter on a day.
    pub(super) fn add(&mut self, name: &str, day: Day, new: u64) {
        let Some((namespace, experiment, goal, variant)) = split(name) else { return };
        self.timelines.entry((namespace, experiment)).or_default().add(goal, variant, day, new);
    }

    pub(super) fn timeline(&self, namespace: &Namespace, experiment: &Experiment) -> Timeline {
        let timeline = self.timelines.get(&(namespace.clone(), experiment.clone()));
        timeline.cloned().unwrap_or_default()
    }

    pub(super) fn tallies(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
    ) -> Vec<Tally> {
        let experiments = self.namespaces.get(namespace);
        match scope {
            None => experiments.into_iter().flat_map(BTreeMap::values).cloned().collect(),
            Some(scope) => scope
                .iter()
                .map(|name| {
                    let tally = experiments.and_then(|experiments| experiments.get(name));
                    tally.cloned().unwrap_or_else(|| Tally::new(name.clone(), Counting::Exact))
                })
                .collect(),
        }
    }
}

fn split(name: &str) -> Option<(Namespace, Experiment, Goal, Variant)> {
    let mut parts = name.split(SEPARATOR);
    Some((
        Namespace::new(parts.next()?).ok()?,
        Experiment::new(parts.next()?).ok()?,
        Goal::new(parts.next()?).ok()?,
        Variant::new(parts.next()?).ok()?,
    ))
}

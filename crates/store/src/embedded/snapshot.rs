//! What is on disk, in memory for readers. What is not synced yet is not here.

use std::collections::BTreeMap;

use abtest_model::{
    Allocations, Counting, Day, Experiment, Goal, Namespace, Stated, Tally, Timeline, Values,
    Variant,
};

use super::catalog::SEPARATOR;
use super::ledger::Ledger;
use super::values::CounterValues;
use crate::{CountedNamespace, DamagedRecord, Include, Part};

/// Every tally, by namespace and experiment, and every document.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) documents: Ledger,
    /// What cannot be read, without the documents.
    pub(super) damaged: Vec<DamagedRecord>,
    namespaces: BTreeMap<Namespace, BTreeMap<Experiment, Tally>>,
    timelines: BTreeMap<(Namespace, Experiment), Timeline>,
    allocations: BTreeMap<(Namespace, Experiment), Allocations>,
    values: BTreeMap<(Namespace, Experiment), Values>,
}

impl Snapshot {
    /// Everything that cannot be read.
    pub(super) fn damaged(&self) -> Vec<DamagedRecord> {
        self.documents.damaged().chain(self.damaged.iter().cloned()).collect()
    }

    /// Sets a counter's count.
    pub(super) fn set(&mut self, name: &str, count: u64) {
        let Some((namespace, experiment, goal, variant)) = split(name) else { return };
        let experiments = self.namespaces.entry(namespace).or_default();
        experiments
            .entry(experiment)
            .or_insert_with_key(|name| Tally::new(name.clone(), Counting::Exact))
            .set(goal, variant, count);
    }

    /// Removes an experiment's tally and time line.
    pub(super) fn remove(&mut self, namespace: &Namespace, experiment: &Experiment) {
        if let Some(experiments) = self.namespaces.get_mut(namespace) {
            experiments.remove(experiment);
            if experiments.is_empty() {
                self.namespaces.remove(namespace);
            }
        }
        let experiment = (namespace.clone(), experiment.clone());
        self.timelines.remove(&experiment);
        self.allocations.remove(&experiment);
        self.values.remove(&experiment);
    }

    /// Removes a part of an experiment's tally and time line.
    pub(super) fn prune(&mut self, namespace: &Namespace, experiment: &Experiment, part: &Part) {
        let is_kept = |goal: &Goal, variant: &Variant| !part.contains(goal, variant);
        let tally = self.namespaces.get_mut(namespace).and_then(|all| all.get_mut(experiment));
        let Some(tally) = tally else { return };
        tally.retain(is_kept);
        if tally.is_empty() {
            self.remove(namespace, experiment);
            return;
        }
        let experiment = (namespace.clone(), experiment.clone());
        if let Some(timeline) = self.timelines.get_mut(&experiment) {
            timeline.retain(is_kept);
        }
        if let Some(allocations) = self.allocations.get_mut(&experiment) {
            allocations.retain(is_kept);
        }
        if let Some(values) = self.values.get_mut(&experiment) {
            values.retain(is_kept);
        }
    }

    /// Adds new uuids of a counter on a day.
    pub(super) fn add(&mut self, name: &str, day: Day, new: u64) {
        let Some((namespace, experiment, goal, variant)) = split(name) else { return };
        self.timelines.entry((namespace, experiment)).or_default().add(goal, variant, day, new);
    }

    /// Adds new uuids of a counter whose events stated this.
    pub(super) fn add_allocated(&mut self, name: &str, stated: Stated, new: u64) {
        let Some((namespace, experiment, goal, variant)) = split(name) else { return };
        let allocations = self.allocations.entry((namespace, experiment)).or_default();
        allocations.add(goal, variant, stated, new);
    }

    /// Sets the sums of a counter.
    pub(super) fn set_values(&mut self, name: &str, values: &CounterValues) {
        let Some((namespace, experiment, goal, variant)) = split(name) else { return };
        let of_goals = &mut self.values.entry((namespace, experiment)).or_default().0;
        let of_goal = of_goals.entry(goal).or_default();
        of_goal.cap = values.cap;
        of_goal.variants.insert(variant, values.sums.clone());
    }

    /// The namespaces in which something was counted.
    pub(super) fn counted(&self) -> Vec<CountedNamespace> {
        let counted = |(namespace, experiments): (&Namespace, &BTreeMap<Experiment, Tally>)| {
            let counters = experiments.values().map(|tally| tally.counters().count() as u64);
            CountedNamespace {
                namespace: namespace.clone(),
                experiments: experiments.keys().cloned().collect(),
                counters: counters.sum(),
            }
        };
        self.namespaces.iter().map(counted).collect()
    }

    pub(super) fn tallies(
        &self,
        namespace: &Namespace,
        scope: Option<&[Experiment]>,
        include: Include,
    ) -> Vec<Tally> {
        let experiments = self.namespaces.get(namespace);
        let mut tallies: Vec<Tally> = match scope {
            None => experiments.into_iter().flat_map(BTreeMap::values).cloned().collect(),
            Some(scope) => scope
                .iter()
                .map(|name| {
                    let tally = experiments.and_then(|experiments| experiments.get(name));
                    tally.cloned().unwrap_or_else(|| Tally::new(name.clone(), Counting::Exact))
                })
                .collect(),
        };
        for tally in &mut tallies {
            let experiment = (namespace.clone(), tally.experiment.clone());
            if include.days {
                tally.timeline = Some(self.timelines.get(&experiment).cloned().unwrap_or_default());
            }
            if include.allocations {
                let allocations = self.allocations.get(&experiment).cloned();
                tally.allocations = Some(allocations.unwrap_or_default());
            }
            if include.values {
                tally.values = Some(self.values.get(&experiment).cloned().unwrap_or_default());
            }
        }
        tallies
    }
}

/// Whether a text is the name of a counter.
pub(super) fn is_counter_name(name: &str) -> bool {
    split(name).is_some()
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

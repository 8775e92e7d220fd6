//! The writer's list of counters. It checks the limits, which also bound its size.

use std::collections::HashMap;

use abtest_config::Limits;
use abtest_model::{Event, Experiment, Namespace};

use crate::Refusal;

/// A counter: the id under which its uuids are on disk, and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) id: u64,
    pub(super) count: u64,
}

/// All counters by name, and their number per namespace and experiment.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    counters: HashMap<String, Counter>,
    namespaces: HashMap<String, NamespaceSize>,
    experiments: HashMap<String, u32>,
    next_id: u64,
}

#[derive(Debug, Default)]
struct NamespaceSize {
    experiments: u32,
    counters: u32,
}

/// Separates the parts of a name. No name contains it, because it is a control character.
pub(super) const SEPARATOR: char = '\0';

/// A counter's name: namespace, experiment, goal and variant.
pub(super) fn counter_name(event: &Event) -> String {
    let Event { namespace, experiment, goal, variant, uuid: _ } = event;
    format!("{namespace}\0{experiment}\0{goal}\0{variant}")
}

fn experiment_name(namespace: &Namespace, experiment: &Experiment) -> String {
    format!("{namespace}\0{experiment}")
}

impl Catalog {
    /// Adds a counter that was found on disk.
    pub(super) fn load(&mut self, name: String, counter: Counter) {
        self.use_id(counter.id);
        self.count_in(&name);
        self.counters.insert(name, counter);
    }

    /// How many experiments, counters and uuids there are.
    pub(super) fn size(&self) -> (usize, usize, u64) {
        let uuids = self.counters.values().map(|counter| counter.count).sum();
        (self.experiments.len(), self.counters.len(), uuids)
    }

    /// Keeps an id from being given to a new counter.
    pub(super) fn use_id(&mut self, id: u64) {
        self.next_id = self.next_id.max(id + 1);
    }

    /// The counter of an event. A new one is created if the limits allow it.
    pub(super) fn counter(
        &mut self,
        event: &Event,
        name: &str,
        limits: &Limits,
    ) -> Result<&mut Counter, Refusal> {
        if !self.counters.contains_key(name) {
            self.check(event, limits)?;
            self.load(name.to_owned(), Counter { id: self.next_id, count: 0 });
        }
        let never = || Refusal::Counters { limit: limits.counters };
        self.counters.get_mut(name).ok_or_else(never)
    }

    /// Removes an experiment's counters and returns them.
    pub(super) fn remove(
        &mut self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Vec<(String, Counter)> {
        let experiment = experiment_name(namespace, experiment);
        let start = format!("{experiment}{SEPARATOR}");
        let names: Vec<String> =
            self.counters.keys().filter(|name| name.starts_with(&start)).cloned().collect();
        self.experiments.remove(&experiment);
        if let Some(size) = self.namespaces.get_mut(namespace.as_str()) {
            size.counters -= u32::try_from(names.len()).unwrap_or(size.counters);
            size.experiments -= u32::from(!names.is_empty());
            if size.experiments == 0 {
                self.namespaces.remove(namespace.as_str());
            }
        }
        names.into_iter().filter_map(|name| self.counters.remove_entry(&name)).collect()
    }

    fn check(&self, event: &Event, limits: &Limits) -> Result<(), Refusal> {
        let namespace = self.namespaces.get(event.namespace.as_str());
        let experiment =
            self.experiments.get(&experiment_name(&event.namespace, &event.experiment));
        let known = u32::try_from(self.namespaces.len()).unwrap_or(u32::MAX);
        if namespace.is_none() && known >= limits.namespaces {
            return Err(Refusal::Namespaces { limit: limits.namespaces });
        }
        let (experiments, counters) =
            namespace.map_or((0, 0), |size| (size.experiments, size.counters));
        if experiment.is_none() && experiments >= limits.experiments {
            return Err(Refusal::Experiments { limit: limits.experiments });
        }
        if counters >= limits.counters {
            return Err(Refusal::Counters { limit: limits.counters });
        }
        if experiment.copied().unwrap_or(0) >= limits.counters_per_experiment {
            return Err(Refusal::CountersPerExperiment { limit: limits.counters_per_experiment });
        }
        Ok(())
    }

    fn count_in(&mut self, name: &str) {
        let mut ends = name.match_indices(SEPARATOR).map(|(end, _)| end);
        let (Some(namespace), Some(experiment)) = (ends.next(), ends.next()) else { return };
        let size = self.namespaces.entry(name[..namespace].to_owned()).or_default();
        size.counters += 1;
        let counters = self.experiments.entry(name[..experiment].to_owned()).or_default();
        size.experiments += u32::from(*counters == 0);
        *counters += 1;
    }
}

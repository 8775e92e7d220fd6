//! The keys of the registry, all in one slot of a cluster, and the names of counters in it.

use abtest_model::{Event, Experiment, Goal, Namespace, Variant};

use crate::redis::keys::{escape, unescape};

pub(in crate::redis) const NAMESPACES: &str = "{abtest}:namespaces";
pub(in crate::redis) const NEW_NAMES: &str = "{abtest}:new";
pub(in crate::redis) const DELETED: &str = "{abtest}:deleted";

/// When each import was last active, in Unix seconds.
pub(in crate::redis) const IMPORTS: &str = "{abtest}:imports";

/// The ids of the counters that an import has staged.
pub(super) fn staged(import: &str) -> String {
    format!("{{abtest}}:import:{import}")
}

pub(in crate::redis) fn experiments(namespace: &str) -> String {
    format!("{{abtest}}:{namespace}:experiments")
}

pub(in crate::redis) fn count(namespace: &str) -> String {
    format!("{{abtest}}:{namespace}:count")
}

pub(in crate::redis) fn counters(namespace: &str, experiment: &str) -> String {
    format!("{{abtest}}:{namespace}:{experiment}:counters")
}

/// The ledgers of an experiment.
pub(in crate::redis) fn values(namespace: &str, experiment: &str) -> String {
    format!("{{abtest}}:{namespace}:{experiment}:values")
}

/// The name of a counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::redis) struct CounterName {
    pub(super) namespace: Namespace,
    pub(super) experiment: Experiment,
    /// `GOAL:VARIANT`.
    pub(super) counter: String,
}

impl CounterName {
    pub(super) fn of(event: &Event) -> Self {
        Self::new(&event.namespace, &event.experiment, &event.goal, &event.variant)
    }

    pub(in crate::redis) fn new(
        namespace: &Namespace,
        experiment: &Experiment,
        goal: &Goal,
        variant: &Variant,
    ) -> Self {
        let (goal, variant) = (escape(goal.as_str()), escape(variant.as_str()));
        Self {
            namespace: namespace.clone(),
            experiment: experiment.clone(),
            counter: format!("{goal}:{variant}"),
        }
    }
}

impl CounterName {
    /// A name for a staged counter, which no counter has.
    pub(super) fn staged(namespace: &Namespace, experiment: &Experiment, id: &str) -> Self {
        let (namespace, experiment) = (namespace.clone(), experiment.clone());
        Self { namespace, experiment, counter: id.to_owned() }
    }

    /// The counter's field in the registry.
    pub(in crate::redis) fn counter(&self) -> &str {
        &self.counter
    }
}

/// Reads goal and variant back.
pub(in crate::redis) fn read(counter: &str) -> Option<(Goal, Variant)> {
    let (goal, variant) = counter.split_once(':')?;
    let goal = Goal::new(unescape(goal).into_owned()).ok()?;
    Some((goal, Variant::new(unescape(variant).into_owned()).ok()?))
}

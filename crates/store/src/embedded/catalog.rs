//! The writer's list of counters. It checks the limits, which also bound its size.

use std::collections::HashMap;

use abtest_config::Limits;
use abtest_model::{Event, Experiment, Goal, Namespace, Variant};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ledger::Ledger;
use super::totals::Totals;
use crate::new_names::{Exemption, NewNames};
use crate::{DocumentKey, Kind, Part, Refusal};

/// A counter: the id under which its uuids are on disk, and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) id: u64,
    pub(super) count: u64,
}

impl Counter {
    /// A number that changes with the counter's state.
    fn digest(self, name: &str) -> u64 {
        xxh3_64_with_seed(name.as_bytes(), self.id.rotate_left(40) ^ self.count)
    }
}

/// All counters by name, and their number per namespace and experiment.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    counters: HashMap<String, Counter>,
    namespaces: HashMap<String, NamespaceSize>,
    experiments: HashMap<String, u32>,
    new_names: NewNames,
    next_id: u64,
    /// The sum of all counts.
    uuids: u64,
    /// A sum over the states of all counters.
    digest: u64,
}

/// What new names are checked against.
pub(super) struct Check<'a> {
    pub(super) limits: &'a Limits,
    /// The definitions and settings.
    pub(super) documents: &'a Ledger,
    /// The time in Unix milliseconds.
    pub(super) at: u64,
}

/// Whether the limits per hour apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rates {
    /// Visitors bring the names.
    PerHour,
    /// An operator does.
    Unlimited,
}

/// What is left of the limits per hour, by field; `None` for a field that says nothing any more.
pub(super) type ChangedNewNames = HashMap<String, Option<u64>>;

#[derive(Debug, Default)]
struct NamespaceSize {
    experiments: u32,
    counters: u32,
}

/// Separates the parts of a name. No name contains it, because it is a control character.
pub(super) const SEPARATOR: char = '\0';

/// A counter's name: namespace, experiment, goal and variant.
pub(super) fn counter_name(
    namespace: &Namespace,
    experiment: &Experiment,
    goal: &Goal,
    variant: &Variant,
) -> String {
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
        self.uuids += counter.count;
        self.digest ^= counter.digest(&name);
        self.counters.insert(name, counter);
    }

    /// How many experiments there are.
    pub(super) fn experiments(&self) -> usize {
        self.experiments.len()
    }

    /// What there is of counters.
    pub(super) fn totals(&self) -> Totals {
        Totals {
            counters: self.counters.len() as u64,
            uuids: self.uuids,
            next_id: self.next_id,
            digest: self.digest,
            ..Totals::default()
        }
    }

    /// Keeps all ids below this one from being given to a new counter.
    pub(super) fn use_ids_below(&mut self, next: u64) {
        self.next_id = self.next_id.max(next);
    }

    /// An id that no counter has.
    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Whether an experiment has counters.
    pub(super) fn has(&self, namespace: &Namespace, experiment: &Experiment) -> bool {
        self.experiments.contains_key(&experiment_name(namespace, experiment))
    }

    /// Keeps an id from being given to a new counter.
    pub(super) fn use_id(&mut self, id: u64) {
        self.use_ids_below(id.saturating_add(1));
    }

    /// Takes what was left of a limit per hour.
    pub(super) fn load_new_names(&mut self, field: String, free: u64) {
        self.new_names.load(field, free);
    }

    /// The counter of an event. A new one is created if the limits allow it, and the limits per hour
    /// that this changes are noted.
    pub(super) fn counter(
        &mut self,
        event: &Event,
        name: &str,
        check: &Check<'_>,
        changed: &mut ChangedNewNames,
    ) -> Result<Counter, Refusal> {
        if let Some(counter) = self.counters.get(name) {
            return Ok(*counter);
        }
        let allowed = match self.check(event, check, Rates::PerHour, Exemption::Nothing) {
            Err(refusal) if refusal.is_of_new_names() => match exemption(event, check.documents) {
                Exemption::Nothing => Err(refusal),
                exemption => self.check(event, check, Rates::PerHour, exemption),
            },
            allowed => allowed,
        };
        for (field, free) in allowed? {
            self.new_names.set(field.clone(), free);
            changed.insert(field, Some(free));
        }
        let counter = Counter { id: self.next_id, count: 0 };
        self.load(name.to_owned(), counter);
        Ok(counter)
    }

    /// Makes the limits per hour of a namespace start again, and forgets those that are free.
    pub(super) fn free_new_names(
        &mut self,
        namespace: &Namespace,
        at: u64,
        changed: &mut ChangedNewNames,
    ) {
        let own = [field(Some(namespace), "experiments"), field(Some(namespace), "counters")];
        let of_namespaces = field(None, "namespaces");
        let gone = self.new_names.remove_if(|field, free| {
            own.iter().any(|own| own == field) || field == of_namespaces || free <= at * 1_000
        });
        changed.extend(gone.into_iter().map(|field| (field, None)));
    }

    /// The counter with a name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<Counter> {
        self.counters.get(name).copied()
    }

    /// The counters of a goal, whose name the names of its counters begin with.
    pub(super) fn counters_of(&self, goal: &str) -> Vec<(String, Counter)> {
        let start = format!("{goal}{SEPARATOR}");
        let counters = self.counters.iter().filter(|(name, _)| name.starts_with(&start));
        counters.map(|(name, counter)| (name.clone(), *counter)).collect()
    }

    /// Gives a staged counter a name, if the limits allow it. `event` is one that it could have counted.
    pub(super) fn publish(
        &mut self,
        event: &Event,
        staged: Counter,
        check: &Check<'_>,
    ) -> Result<String, Refusal> {
        // The operator imports, so the limits per hour do not apply.
        self.check(event, check, Rates::Unlimited, Exemption::Nothing)?;
        let Event { namespace, experiment, goal, variant, .. } = event;
        let name = counter_name(namespace, experiment, goal, variant);
        self.load(name.clone(), staged);
        Ok(name)
    }

    /// Counts one more uuid in a counter and returns its new state; `None` if there is no such counter.
    pub(super) fn count_uuid(&mut self, name: &str) -> Option<Counter> {
        let counter = self.counters.get_mut(name)?;
        let before = counter.digest(name);
        counter.count += 1;
        self.uuids += 1;
        self.digest ^= before ^ counter.digest(name);
        Some(*counter)
    }

    /// Removes an experiment's counters and returns them.
    pub(super) fn remove(
        &mut self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Vec<(String, Counter)> {
        self.remove_if(namespace, experiment, |_, _| true)
    }

    /// Removes the counters of a part of an experiment and returns them.
    pub(super) fn prune(
        &mut self,
        namespace: &Namespace,
        experiment: &Experiment,
        part: &Part,
    ) -> Vec<(String, Counter)> {
        self.remove_if(namespace, experiment, |goal, variant| match part {
            Part::Goal(name) => name.as_str() == goal,
            Part::Variant(name) => name.as_str() == variant,
        })
    }

    fn remove_if(
        &mut self,
        namespace: &Namespace,
        experiment: &Experiment,
        is_chosen: impl Fn(&str, &str) -> bool,
    ) -> Vec<(String, Counter)> {
        let experiment = experiment_name(namespace, experiment);
        let start = format!("{experiment}{SEPARATOR}");
        let is_chosen = |name: &&String| {
            let counter = name.strip_prefix(&start).and_then(|rest| rest.split_once(SEPARATOR));
            counter.is_some_and(|(goal, variant)| is_chosen(goal, variant))
        };
        let names: Vec<String> = self.counters.keys().filter(is_chosen).cloned().collect();
        for name in &names {
            self.count_out(name);
        }
        let mut removed = Vec::with_capacity(names.len());
        for (name, counter) in names.iter().filter_map(|name| self.counters.remove_entry(name)) {
            self.uuids -= counter.count;
            self.digest ^= counter.digest(&name);
            removed.push((name, counter));
        }
        removed
    }

    /// Checks the limits of a new counter. Returns what the limits per hour must hold afterwards.
    fn check(
        &self,
        event: &Event,
        check: &Check<'_>,
        rates: Rates,
        exemption: Exemption,
    ) -> Result<Vec<(String, u64)>, Refusal> {
        let limits = check.limits;
        let namespace = self.namespaces.get(event.namespace.as_str());
        let experiment =
            self.experiments.get(&experiment_name(&event.namespace, &event.experiment));
        if experiment.copied().unwrap_or(0) >= limits.counters_per_experiment {
            return Err(Refusal::CountersPerExperiment { limit: limits.counters_per_experiment });
        }
        let mut fields = Vec::new();
        if exemption == Exemption::Names {
            return Ok(fields);
        }
        let mut use_up = |field: String, limit: u32, refusal: Refusal| {
            if rates == Rates::Unlimited {
                return Ok(());
            }
            let after = self.new_names.after_one_more(&field, limit, check.at * 1_000);
            fields.push((field, after.ok_or(refusal)?));
            Ok(())
        };
        if namespace.is_none() && exemption == Exemption::Nothing {
            let known = u32::try_from(self.namespaces.len()).unwrap_or(u32::MAX);
            if known >= limits.namespaces {
                return Err(Refusal::Namespaces { limit: limits.namespaces });
            }
            let limit = limits.namespaces_per_hour;
            use_up(field(None, "namespaces"), limit, Refusal::NamespacesPerHour { limit })?;
        }
        let (experiments, counters) =
            namespace.map_or((0, 0), |size| (size.experiments, size.counters));
        let own = |kind| field(Some(&event.namespace), kind);
        if experiment.is_none() {
            if experiments >= limits.experiments {
                return Err(Refusal::Experiments { limit: limits.experiments });
            }
            let limit = limits.experiments_per_hour;
            use_up(own("experiments"), limit, Refusal::ExperimentsPerHour { limit })?;
        }
        if counters >= limits.counters {
            return Err(Refusal::Counters { limit: limits.counters });
        }
        let limit = limits.counters_per_hour;
        use_up(own("counters"), limit, Refusal::CountersPerHour { limit })?;
        Ok(fields)
    }

    fn count_in(&mut self, name: &str) {
        let Some((namespace, experiment)) = owners(name) else { return };
        let size = self.namespaces.entry(namespace.to_owned()).or_default();
        size.counters += 1;
        let counters = self.experiments.entry(experiment.to_owned()).or_default();
        size.experiments += u32::from(*counters == 0);
        *counters += 1;
    }

    fn count_out(&mut self, name: &str) {
        let Some((namespace, experiment)) = owners(name) else { return };
        let Some(size) = self.namespaces.get_mut(namespace) else { return };
        size.counters = size.counters.saturating_sub(1);
        if let Some(counters) = self.experiments.get_mut(experiment) {
            *counters -= 1;
            if *counters == 0 {
                self.experiments.remove(experiment);
                size.experiments -= 1;
            }
        }
        if size.experiments == 0 {
            self.namespaces.remove(namespace);
        }
    }
}

/// Which limits do not apply to an event.
fn exemption(event: &Event, documents: &Ledger) -> Exemption {
    let definition = documents.get(&event.namespace, &Kind::Definition.of(&event.experiment));
    let settings = documents.get(&event.namespace, &DocumentKey::settings());
    Exemption::of(event, definition.as_ref(), settings.is_some())
}

/// The field of a limit per hour: of a kind of name in a namespace, or of the namespaces themselves.
fn field(namespace: Option<&Namespace>, kind: &str) -> String {
    let namespace = namespace.map_or("", Namespace::as_str);
    format!("{namespace}{SEPARATOR}{kind}")
}

/// The namespace and the experiment that a counter's name begins with.
fn owners(name: &str) -> Option<(&str, &str)> {
    let mut ends = name.match_indices(SEPARATOR).map(|(end, _)| end);
    let (namespace, experiment) = (ends.next()?, ends.next()?);
    Some((&name[..namespace], &name[..experiment]))
}

//! How each experiment is counted: as its definition asks for, else as the config says. The mode in
//! which an experiment began stays.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use abtest_model::{Counting, Event, Experiment, Namespace};

/// Most exceptions that are remembered; far more than the limits allow.
const EXCEPTIONS: usize = 100_000;

/// The modes of all experiments.
#[derive(Debug)]
pub(super) struct Modes {
    /// How experiments without a choice are counted.
    usual: Counting,
    /// Whether every experiment is counted in the usual mode.
    only_usual: bool,
    /// What definitions ask for.
    chosen: RwLock<HashMap<Namespace, HashMap<Experiment, Counting>>>,
    /// Experiments that began in another mode.
    exceptions: Mutex<HashMap<(Namespace, Experiment), Counting>>,
}

/// How an event is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) counting: Counting,
    /// Whether its experiment may begin in this mode.
    pub(super) may_begin: bool,
}

impl Modes {
    /// In a cluster every counter is exact, because the keys that Gimel gives to one event are on
    /// several nodes.
    pub(super) fn new(usual: Counting, cluster: bool) -> Self {
        let (chosen, exceptions) = (RwLock::default(), Mutex::default());
        Self { usual, only_usual: cluster, chosen, exceptions }
    }

    /// How an experiment is counted that has no events yet and whose definition asks for this.
    pub(super) fn of_new(&self, asked: Option<Counting>) -> Counting {
        if self.only_usual { self.usual } else { asked.unwrap_or(self.usual) }
    }

    /// Replaces what the definitions of a namespace ask for.
    pub(super) fn choose(&self, namespace: &Namespace, choices: HashMap<Experiment, Counting>) {
        if self.only_usual {
            return;
        }
        let mut chosen = self.chosen.write().unwrap_or_else(PoisonError::into_inner);
        if choices.is_empty() {
            chosen.remove(namespace);
        } else {
            chosen.insert(namespace.clone(), choices);
        }
    }

    /// The mode of each event.
    pub(super) fn of<'e>(&self, events: impl Iterator<Item = &'e Event>) -> Vec<Mode> {
        let exceptions = self.exceptions();
        let mode = |event: &Event| {
            let wanted = self.wanted(event);
            let exception = if exceptions.is_empty() {
                None
            } else {
                exceptions.get(&(event.namespace.clone(), event.experiment.clone())).copied()
            };
            let counting = exception.unwrap_or(wanted);
            Mode { counting, may_begin: counting == wanted }
        };
        events.map(mode).collect()
    }

    /// Remembers in which mode an experiment began.
    pub(super) fn learn(&self, event: &Event, counting: Counting) {
        let is_exception = counting != self.wanted(event);
        let mut exceptions = self.exceptions();
        if exceptions.len() >= EXCEPTIONS {
            exceptions.clear();
        }
        let experiment = (event.namespace.clone(), event.experiment.clone());
        if is_exception {
            exceptions.insert(experiment, counting);
        } else {
            exceptions.remove(&experiment);
        }
    }

    fn wanted(&self, event: &Event) -> Counting {
        let chosen = self.chosen.read().unwrap_or_else(PoisonError::into_inner);
        let choice = chosen.get(&event.namespace).and_then(|all| all.get(&event.experiment));
        self.of_new(choice.copied())
    }

    fn exceptions(&self) -> MutexGuard<'_, HashMap<(Namespace, Experiment), Counting>> {
        self.exceptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

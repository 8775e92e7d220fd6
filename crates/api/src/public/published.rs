//! What namespaces define, as browsers may see it: read at most every ten seconds, and kept while
//! the store is down.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abtest_model::definition::Accept;
use abtest_model::{AllocationNumber, Event, Namespace, Stated};
use abtest_store::{Documents, Recorder, StoreError};
use futures_util::future::join_all;

use crate::namespace::{NamespaceState, Namespaces};

/// How old what is known may be.
const FRESH: Duration = Duration::from_secs(10);

/// How often unknown names may cause another read of their namespace.
const BETWEEN_READS: Duration = Duration::from_secs(1);

/// Most namespaces that are remembered. Strangers can make names up.
const MOST_KNOWN: usize = 1_024;

/// The namespaces that browsers asked for.
#[derive(Debug)]
pub(crate) struct PublishedNamespaces<D> {
    documents: Arc<D>,
    /// Reads only what changed.
    namespaces: Namespaces,
    known: Mutex<HashMap<Namespace, Arc<Known>>>,
    /// When an unknown name of a namespace that defines nothing last caused a read.
    read_again: tokio::sync::Mutex<Option<Instant>>,
    /// How often this process changed documents. What was read before the last change is old.
    changes: AtomicU64,
    /// Wakes what waits for a change.
    changed: tokio::sync::Notify,
}

/// What the namespaces of a request define, or why they cannot be read.
pub(crate) type States = HashMap<Namespace, Result<Arc<NamespaceState>, StoreError>>;

/// What is known of a namespace.
#[derive(Debug, Default)]
struct Known {
    /// When an unknown name last caused a read.
    read_again: tokio::sync::Mutex<Option<Instant>>,
    /// How many reads in turn began.
    reads: AtomicU64,
    /// One reader at a time reads a namespace for the first time, or after a change. It holds the last
    /// read in turn that failed.
    turn: tokio::sync::Mutex<Option<Failed>>,
    held: Mutex<Option<Held>>,
}

/// A read that failed.
#[derive(Debug)]
struct Failed {
    /// Its number, from 1.
    read: u64,
    error: StoreError,
}

#[derive(Debug, Clone)]
struct Held {
    state: Arc<NamespaceState>,
    /// When the read began.
    read: Instant,
    /// The changes of this process before the read began.
    changes: u64,
}

/// What an event names that its namespace does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undeclared {
    /// The experiment has no definition.
    Experiment,
    /// The definition has no such variant.
    Variant,
    /// The definition has no such goal.
    Goal,
}

impl<D: Documents + Recorder> PublishedNamespaces<D> {
    pub(crate) fn new(documents: Arc<D>) -> Self {
        Self {
            documents,
            namespaces: Namespaces::default(),
            known: Mutex::default(),
            read_again: tokio::sync::Mutex::default(),
            changes: AtomicU64::default(),
            changed: tokio::sync::Notify::new(),
        }
    }

    /// What a namespace defines, at most ten seconds old. What this process changed is visible at
    /// once. While the store cannot be read, it is what was read last.
    ///
    /// # Errors
    /// When the namespace was never read and the store cannot be read now.
    pub(crate) async fn get(
        &self,
        namespace: &Namespace,
    ) -> Result<Arc<NamespaceState>, StoreError> {
        let known = self.known(namespace);
        match known.held() {
            Some(held) if !self.is_current(&held) => self.read_in_turn(namespace, &known).await,
            None => self.read_in_turn(namespace, &known).await,
            Some(Held { state, read, .. }) if read.elapsed() < FRESH => Ok(state),
            Some(Held { state, changes, .. }) => {
                // The others go on with what is known, while this request reads.
                known.hold(Held { state: Arc::clone(&state), read: Instant::now(), changes });
                Ok(self.read(namespace, &known).await.unwrap_or(state))
            }
        }
    }

    /// Reads a namespace now. While the store cannot be read, it is what was read last.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    #[cfg(feature = "operator")]
    pub(crate) async fn refresh(
        &self,
        namespace: &Namespace,
    ) -> Result<Arc<NamespaceState>, StoreError> {
        let known = self.known(namespace);
        let held = known.held();
        let read = self.read(namespace, &known).await;
        read.or_else(|error| held.map(|held| held.state).ok_or(error))
    }

    /// Waits until this process changes something, but not longer than this.
    #[cfg(feature = "operator")]
    pub(crate) async fn changed_within(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.changed.notified()).await;
    }

    /// Makes every later request see what this process changed.
    #[cfg_attr(not(feature = "operator"), expect(dead_code, reason = "the gateway uses it"))]
    pub(crate) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// What each event names that is not declared, in a namespace that accepts declared names only. Also
    /// removes the allocations that were never published: events with made-up numbers count without
    /// one. Marks the events whose variant is not the one that the newest allocation gives their unit. An
    /// unknown name or number causes another read (see [`read_again`](Self::read_again)).
    pub(crate) async fn check(
        &self,
        events: &mut [Event],
        states: &mut States,
    ) -> Vec<Option<Undeclared>> {
        let mut found = Vec::with_capacity(events.len());
        for event in events {
            let Some(Ok(state)) = states.get_mut(&event.namespace) else {
                // Without an answer of the store, recording the event fails, too.
                event.allocation = None;
                found.push(None);
                continue;
            };
            if (undeclared(state, event).is_some() || has_unknown_allocation(state, event))
                && let Some(newer) = self.read_again(&event.namespace).await
            {
                *state = newer;
            }
            event.allocation = event
                .allocation
                .and_then(|Stated { allocation, .. }| checked(state, event, allocation));
            found.push(undeclared(state, event));
        }
        found
    }

    /// What the namespaces of these events define. All are read at the same time, so that a request with
    /// many namespaces waits for one round trip.
    pub(crate) async fn states(&self, events: &[Event]) -> States {
        let namespaces: HashSet<&Namespace> = events.iter().map(|event| &event.namespace).collect();
        let read = namespaces
            .into_iter()
            .map(|namespace| async move { (namespace.clone(), self.get(namespace).await) });
        join_all(read).await.into_iter().collect()
    }

    /// Reads a namespace because of an unknown name, at most once per second. Requests that ask at the same
    /// time share one read. All namespaces that define nothing share one read per second, because strangers
    /// make them up.
    pub(super) async fn read_again(&self, namespace: &Namespace) -> Option<Arc<NamespaceState>> {
        let known = self.known(namespace);
        let defines = known.held().is_some_and(|held| held.state.version > 0);
        let last = if defines { &known.read_again } else { &self.read_again };
        let mut read_again = last.lock().await;
        if read_again.is_some_and(|last| last.elapsed() < BETWEEN_READS) {
            return known.held().map(|held| held.state);
        }
        *read_again = Some(Instant::now());
        self.read(namespace, &known).await.ok()
    }

    /// Reads a namespace, unless another request has read it meanwhile. All requests that waited for their
    /// turn share the answer, also if it is an error. A read that began before a request never answers it.
    async fn read_in_turn(
        &self,
        namespace: &Namespace,
        known: &Known,
    ) -> Result<Arc<NamespaceState>, StoreError> {
        let arrived = known.reads.load(Ordering::Acquire);
        let mut turn = known.turn.lock().await;
        let held = match known.held() {
            Some(held) if self.is_current(&held) => return Ok(held.state),
            held => held,
        };
        if let Some(Failed { error, .. }) = turn.as_ref().filter(|failed| failed.read > arrived) {
            return Err(error.clone());
        }
        let number = known.reads.fetch_add(1, Ordering::AcqRel) + 1;
        let changes = self.changes.load(Ordering::Acquire);
        match (self.read(namespace, known).await, held) {
            (Ok(state), _) => Ok(state),
            (Err(_), Some(Held { state, .. })) => {
                // The requests that wait do not ask a store that is down one after the other.
                known.hold(Held { state: Arc::clone(&state), read: Instant::now(), changes });
                Ok(state)
            }
            (Err(error), None) => {
                *turn = Some(Failed { read: number, error: error.clone() });
                Err(error)
            }
        }
    }

    fn is_current(&self, held: &Held) -> bool {
        held.changes == self.changes.load(Ordering::Acquire)
    }

    async fn read(
        &self,
        namespace: &Namespace,
        known: &Known,
    ) -> Result<Arc<NamespaceState>, StoreError> {
        let (changes, start) = (self.changes.load(Ordering::Acquire), Instant::now());
        let read = self.namespaces.read_definitions(&*self.documents, namespace).await;
        match &read {
            Ok(state) => {
                // Before the first event that meets these definitions is counted.
                self.documents.count_as(namespace, state.counting());
                known.hold(Held { state: Arc::clone(state), read: start, changes });
            }
            Err(error) => tracing::warn!(%error, "the definitions of a namespace were not read"),
        }
        read
    }

    fn known(&self, namespace: &Namespace) -> Arc<Known> {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(namespace) {
            return Arc::clone(known);
        }
        if all.len() >= MOST_KNOWN {
            // Names that strangers made up go first.
            all.retain(|_, known| known.held().is_some_and(|held| held.state.version > 0));
        }
        if all.len() >= MOST_KNOWN
            && let Some(one) = all.keys().next().cloned()
        {
            all.remove(&one);
        }
        Arc::clone(all.entry(namespace.clone()).or_default())
    }
}

impl Known {
    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what was read, unless a later read has ended before.
    fn hold(&self, read: Held) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|held| held.read <= read.read) {
            *held = Some(read);
        }
    }
}

impl Undeclared {
    /// The parameter that names it.
    pub(crate) fn parameter(self) -> &'static str {
        match self {
            Self::Experiment => "experiment",
            Self::Variant => "variant",
            Self::Goal => "event",
        }
    }
}

/// An allocation that an event states, compared with what its namespace publishes; nothing if it was
/// never published. Only the newest one's ranges are known. Its number says that the client found the
/// unit in the traffic and the targeting, so the split is all that is evaluated again: it needs no
/// attributes.
fn checked(state: &NamespaceState, event: &Event, allocation: AllocationNumber) -> Option<Stated> {
    let newest = newest_allocation(state, event).filter(|newest| allocation <= *newest)?;
    let split = || {
        let hash = state.settings.as_ref().ok()?.hash;
        state.definition(event.experiment.as_str())?.split(hash, &event.uuid)
    };
    let mismatch = allocation == newest && split().is_some_and(|split| *split != event.variant);
    Some(Stated { allocation, mismatch })
}

/// Whether the event states an allocation that was not published.
fn has_unknown_allocation(state: &NamespaceState, event: &Event) -> bool {
    let newest = newest_allocation(state, event);
    event.allocation.is_some_and(|stated| newest.is_none_or(|newest| newest < stated.allocation))
}

/// The newest allocation of the event's experiment. All numbers from 1 to this one were published.
fn newest_allocation(state: &NamespaceState, event: &Event) -> Option<AllocationNumber> {
    let document = state.definition(event.experiment.as_str())?;
    AllocationNumber::from_number(document.allocation.as_ref()?.number).ok()
}

/// What the event names that is not declared. Settings and definitions that cannot be read refuse
/// nothing.
fn undeclared(state: &NamespaceState, event: &Event) -> Option<Undeclared> {
    let accept = state.settings.as_ref().map_or(Accept::Any, |settings| settings.accept);
    if accept == Accept::Any {
        return None;
    }
    let Some(defined) = state.experiments.get(event.experiment.as_str()) else {
        return Some(Undeclared::Experiment);
    };
    let definition = &defined.document.as_ref().ok()?.definition;
    if !definition.has_variant(event.variant.as_str()) {
        return Some(Undeclared::Variant);
    }
    (!definition.has_goal(event.goal.as_str())).then_some(Undeclared::Goal)
}

//! Exact counting: every uuid once, without a time limit, on any Redis.
//!
//! | module | holds |
//! |---|---|
//! | [`layout`] | how uuids lie in Redis, at what cost, with what bound on what is lost |
//! | `keys` | the registry's keys |
//! | `remove` | removes counters of an experiment from the registry |
//! | `garbage` | removes the keys of counters that are not registered any more |
//! | `transfer` | counters in and out |
//! | `staging` | counters of an import before they have a name |
//! | `register.lua` | a counter gets its id and seed, within the limits |
//! | `count.lua` | uuids join a counter |
//! | `publish.lua`, `claim.lua` | staged counters get their names, or are removed |
//! | `close.lua`, `unregister.lua`, `tombstone.lua` | the steps of a deletion |
//!
//! A process asks the registry once for each counter and remembers its id and seed. From then on
//! a batch is one round trip: it sends one run of `count.lua` per counter and 16 uuids (a short run
//! blocks Redis for a short time). A counter that was deleted says so and is registered again. Every
//! script uses the keys of one slot and declares them.

mod garbage;
pub(in crate::redis) mod keys;
pub(in crate::redis) mod layout;
mod remove;
pub(in crate::redis) mod staging;
pub(in crate::redis) mod transfer;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abtest_config::Limits;
use abtest_model::{Counting, Event, Experiment, Namespace};
use futures_util::future::join_all;
use redis::Script;

use super::connection::Connection;
use super::keys as gimel;
use super::outcome::refusal;
use super::recording::{limits, stated};
use crate::new_names::Exemption;
use crate::{Refusal, StoreError};
use keys::CounterName;
use layout::{Boundaries, Identity, LAST_LEVEL};
use remove::Chosen;

static REGISTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("../new_names.lua"), include_str!("register.lua")))
});
static COUNT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("count.lua")));

/// Most uuids in one run of `count.lua`.
const RUN: usize = 16;

/// Most counters that are remembered; far more than the limits allow.
const REMEMBERED: usize = 500_000;

/// How long a closed counter may stay registered. A deletion unregisters it in the next round trip, so
/// after this time the deletion was cut off.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// The exactly counted counters of a Redis.
pub(super) struct Exact {
    boundaries: Boundaries,
    known: Mutex<HashMap<CounterName, Known>>,
}

/// What this process knows of a counter.
#[derive(Debug, Clone)]
struct Known {
    identity: Identity,
    /// How many levels are declared to the script.
    declared: u8,
    /// Whether the counter was just registered and may have no state yet.
    fresh: bool,
    /// When this process found that a deletion has closed the counter.
    closed: Option<Instant>,
}

/// What happened to an event.
#[derive(Debug, Clone)]
pub(super) enum Counted {
    /// The event has an answer.
    Outcome(Result<(), Refusal>),
    /// Its experiment is counted in the other mode.
    WrongMode(Counting),
    /// The counter was deleted or has more levels than this process knew: try again.
    Again,
}

/// Whether the Redis may also hold HyperLogLogs, and whether new experiments are exact.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registration {
    pub(super) limits: Limits,
    pub(super) beside_estimates: bool,
    pub(super) may_begin: bool,
    pub(super) exempt: Exemption,
}

impl Exact {
    pub(super) fn new(boundaries: Boundaries) -> Self {
        Self { boundaries, known: Mutex::default() }
    }

    /// Counts events and says for each what happened.
    pub(super) async fn count(
        &self,
        connection: &Connection,
        registration: Registration,
        events: &[&Event],
    ) -> Result<Vec<Counted>, StoreError> {
        let mut counters = Vec::<(CounterName, Vec<usize>)>::new();
        let mut positions = HashMap::<CounterName, usize>::new();
        for (position, event) in events.iter().enumerate() {
            let name = CounterName::of(event);
            let counter = *positions.entry(name.clone()).or_insert_with(|| {
                counters.push((name, Vec::new()));
                counters.len() - 1
            });
            counters[counter].1.push(position);
        }
        let names = counters.iter().map(|(name, _)| self.find(connection, registration, name));
        let found = join_all(names).await;
        let mut runs = Vec::new();
        let mut outcomes = vec![Counted::Again; events.len()];
        for ((name, positions), found) in counters.iter().zip(found) {
            let counted = match found {
                Ok(Ok(known)) => {
                    runs.extend(positions.chunks(RUN).map(|run| (name, known.clone(), run)));
                    continue;
                }
                Ok(Err(counted)) => counted,
                Err(error) => unusable(error)?,
            };
            for position in positions {
                outcomes[*position] = counted.clone();
            }
        }
        let counted = runs.iter().map(|(name, known, run)| {
            let uuids = run.iter().map(|position| {
                let event = events[*position];
                (event.uuid.as_str(), stated(event))
            });
            self.run(connection, name, known, uuids)
        });
        let counted = join_all(counted).await;
        for ((_, _, run), counted) in runs.iter().zip(counted) {
            let counted = counted.or_else(unusable)?;
            for position in *run {
                outcomes[*position] = counted.clone();
            }
        }
        Ok(outcomes)
    }

    /// What is known about a counter, if necessary from the registry. A counter that is being deleted has
    /// the outcome [`Counted::Again`].
    async fn find(
        &self,
        connection: &Connection,
        registration: Registration,
        name: &CounterName,
    ) -> Result<Result<Known, Counted>, StoreError> {
        let known = self.known().get(name).cloned();
        let (closed, since) = match known {
            Some(Known { identity, closed: Some(since), .. }) => (Some(identity), since),
            Some(known) => return Ok(Ok(known)),
            None => (None, Instant::now()),
        };
        let fresh = Identity::random();
        let replaced = closed.as_ref().filter(|_| since.elapsed() >= CLOSING_TIME);
        let answer = register(connection, registration, name, &fresh, replaced).await?;
        let unexpected = || StoreError::Unexpected("the registry's answer".into());
        let word = answer.first().ok_or_else(unexpected)?;
        match (&**word, answer.get(1)) {
            ("exact", Some(identity)) => {
                let identity = Identity::read(identity).ok_or_else(unexpected)?;
                if closed.as_ref() == Some(&identity) {
                    return Ok(Err(Counted::Again));
                }
                // The first run says how deep it is.
                let declared = LAST_LEVEL + 1;
                let known = Known { identity, declared, fresh: true, closed: None };
                self.remember(name.clone(), known.clone());
                Ok(Ok(known))
            }
            ("hll", _) => Ok(Err(Counted::WrongMode(Counting::Hll))),
            (word, _) => {
                let refusal = refusal(word, &registration.limits).ok_or_else(unexpected)?;
                Ok(Err(Counted::Outcome(Err(refusal))))
            }
        }
    }

    async fn run<'u>(
        &self,
        connection: &Connection,
        name: &CounterName,
        known: &Known,
        uuids: impl Iterator<Item = (&'u str, String)>,
    ) -> Result<Counted, StoreError> {
        let Known { identity, declared, fresh, .. } = known;
        let mut script = COUNT.key(identity.state_key());
        script
            .arg(*declared)
            .arg(LAST_LEVEL)
            .arg(self.boundaries.first)
            .arg(self.boundaries.full())
            .arg(u8::from(*fresh));
        for (uuid, allocation) in uuids {
            let place = identity.place(uuid);
            for level in 0..*declared {
                script.key(identity.bucket_key(&place, level));
            }
            script.arg(place.group).arg(&place.mark[..]).arg(allocation);
        }
        let deepest: Result<i64, StoreError> = connection.invoke(&script).await;
        let (declared, counted) = match deepest {
            Ok(-1) => {
                self.forget(name, identity);
                return Ok(Counted::Again);
            }
            Ok(-2) => (LAST_LEVEL + 1, Counted::Again),
            Ok(-3) => {
                self.note_closed(name, identity);
                return Ok(Counted::Again);
            }
            Ok(deepest) => {
                // One more than is in use, so that the next level needs no second round trip.
                let deepest = u8::try_from(deepest).unwrap_or(LAST_LEVEL);
                ((deepest + 2).min(LAST_LEVEL + 1), Counted::Outcome(Ok(())))
            }
            Err(error) => return Err(error),
        };
        if *fresh || declared != known.declared {
            let identity = identity.clone();
            let known = Known { identity, declared, fresh: false, closed: None };
            self.remember(name.clone(), known);
        }
        Ok(counted)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<CounterName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, name: CounterName, known: Known) {
        let mut all = self.known();
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(name, known);
    }

    /// Forgets a counter, unless it was registered again since.
    fn forget(&self, name: &CounterName, identity: &Identity) {
        let mut all = self.known();
        if all.get(name).is_some_and(|known| known.identity == *identity) {
            all.remove(name);
        }
    }

    /// Notes that a deletion has closed a counter, unless it was registered again since.
    fn note_closed(&self, name: &CounterName, identity: &Identity) {
        if let Some(known) = self.known().get_mut(name)
            && known.identity == *identity
        {
            known.closed.get_or_insert_with(Instant::now);
        }
    }

    /// Deletes an experiment and says whether it existed.
    pub(super) async fn delete(
        &self,
        connection: &Connection,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<bool, StoreError> {
        remove::counters(connection, namespace, experiment, Chosen::All).await
    }

    /// Removes some counters and ledgers of an experiment and says whether they existed.
    pub(super) async fn prune(
        &self,
        connection: &Connection,
        namespace: &Namespace,
        experiment: &Experiment,
        parts: (&[String], &[String]),
    ) -> Result<bool, StoreError> {
        let (counters, goals) = parts;
        let chosen = Chosen::Named { counters, goals };
        remove::counters(connection, namespace, experiment, chosen).await
    }
}

/// Turns an error that concerns one counter into the outcome of its events. An error of the whole
/// store stays one.
fn unusable(error: StoreError) -> Result<Counted, StoreError> {
    if error.is_temporary() {
        return Err(error);
    }
    tracing::error!(%error, "the keys of an exact counter cannot be used");
    Ok(Counted::Outcome(Err(Refusal::WrongType)))
}

async fn register(
    connection: &Connection,
    registration: Registration,
    name: &CounterName,
    fresh: &str,
    replaced: Option<&Identity>,
) -> Result<Vec<String>, StoreError> {
    let namespace = gimel::NamespaceKeys::new(&name.namespace);
    let member = gimel::member(&name.experiment);
    let mut script = REGISTER.key(keys::NAMESPACES);
    script
        .key(keys::experiments(namespace.member()))
        .key(keys::count(namespace.member()))
        .key(keys::counters(namespace.member(), &member))
        .key(keys::NEW_NAMES)
        .key(keys::DELETED);
    if registration.beside_estimates {
        script.key(gimel::NAMESPACES).key(namespace.experiments()).key(namespace.counters());
    }
    script
        .arg(&limits(&registration.limits)[..])
        .arg(u8::from(registration.may_begin))
        .arg(registration.exempt.word())
        .arg(namespace.member())
        .arg(&*member)
        .arg(&name.counter)
        .arg(fresh)
        .arg(replaced.map(Identity::id).unwrap_or_default())
        .arg(remove::tag(&name.namespace, &name.experiment))
        .arg(gimel::members(&name.experiment));
    connection.invoke(&script).await
}

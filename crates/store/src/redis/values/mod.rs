//! The totals of units, and what they add up to. Sums are exact in every way of counting.
//!
//! | module | holds |
//! |---|---|
//! | [`layout`] | how totals lie in Redis |
//! | `sums.lua` | large numbers and the records, for the other scripts |
//! | `register.lua` | a ledger gets its id and seed |
//! | `add.lua` | values join the totals |
//! | `recap.lua` | the sums are made anew with another cap, in steps |
//! | `transfer` | ledgers in and out |
//! | `forget.lua` | a variant is removed |
//!
//! A batch is added by runs of `add.lua`, one per ledger and 16 events, in the round trip that counts its
//! events. The first value of a variant in this process takes one more round trip: a limit may refuse
//! its counter.

pub(super) mod layout;
pub(super) mod transfer;

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abtest_model::{
    AllocationNumber, Amount, Event, Experiment, Goal, GoalValues, Namespace, Sums, Variant,
    VariantValues,
};
use futures_util::future::join_all;
use redis::{Script, pipe};

use super::connection::Connection;
use super::exact::keys::{DELETED, values as registry};
use super::exact::layout::Identity;
use super::keys::{NamespaceKeys, escape, member};
use super::read::query;
use crate::{Refusal, StoreError};
use layout::{FIRST, LAST_LEVEL, buckets, id_place, key_of, numbered_bucket_key, path, unit_place};

static ADD: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("sums.lua"), include_str!("add.lua"))));
static RECAP: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("sums.lua"), include_str!("recap.lua"))));
static REGISTER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("register.lua")));
static FORGET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("forget.lua")));

/// Most events in one run of `add.lua`.
const RUN: usize = 16;

/// Attempts to add a value while another process deletes the ledger.
const ATTEMPTS: usize = 5;

/// How long a deletion may take from closing a ledger to unregistering it. After that, it was cut off.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// Most ledgers that are remembered.
const REMEMBERED: usize = 100_000;

/// Buckets in one run of `recap.lua`: about two milliseconds of Redis's time.
const RECAP_BUCKETS: usize = 16;

/// How long one change of a cap may take: less than the 25 seconds that a function has.
const RECAP_TIME: Duration = Duration::from_secs(18);

/// The ledgers of a Redis.
#[derive(Default)]
pub(super) struct Ledgers {
    known: Mutex<HashMap<LedgerName, Known>>,
}

/// The name of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LedgerName {
    namespace: Namespace,
    experiment: Experiment,
    goal: Goal,
}

/// What this process knows of a ledger.
#[derive(Debug, Clone)]
struct Known {
    identity: Identity,
    /// How many levels are declared to the script.
    declared: u8,
    /// Whether the ledger was just registered and may have no state yet.
    fresh: bool,
    /// When this process found that a deletion has closed the ledger.
    closed: Option<Instant>,
    /// The variants whose counters this process has seen.
    variants: HashSet<Variant>,
}

/// What happened to a run of `add.lua`.
enum Added {
    Outcomes(Vec<Result<(), Refusal>>),
    /// The ledger was deleted, or has more levels than this process knew.
    Again,
}

impl Ledgers {
    /// Whether the counter of an event with a value is known, so that its value can be added at once.
    pub(super) fn knows(&self, event: &Event) -> bool {
        let known = self.known();
        known
            .get(&LedgerName::of(event))
            .is_some_and(|known| known.variants.contains(&event.variant))
    }

    /// Adds the values of events whose counters exist.
    pub(super) async fn add(
        &self,
        connection: &Connection,
        events: &[&Event],
    ) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        let mut outcomes: Vec<Option<Result<(), Refusal>>> = vec![None; events.len()];
        for _ in 0..ATTEMPTS {
            let mut ledgers = HashMap::<LedgerName, Vec<usize>>::new();
            for position in (0..events.len()).filter(|position| outcomes[*position].is_none()) {
                ledgers.entry(LedgerName::of(events[position])).or_default().push(position);
            }
            if ledgers.is_empty() {
                break;
            }
            let found = ledgers.keys().map(|name| self.find(connection, name));
            let mut runs = Vec::new();
            for ((name, positions), found) in ledgers.iter().zip(join_all(found).await) {
                let Some(known) = found? else { continue };
                runs.extend(positions.chunks(RUN).map(|run| (name, known.clone(), run)));
            }
            let added = runs.iter().map(|(name, known, run)| {
                let events = run.iter().map(|position| events[*position]);
                self.run(connection, name, known, events.collect())
            });
            for ((_, _, run), added) in runs.iter().zip(join_all(added).await) {
                if let Added::Outcomes(added) = added? {
                    run.iter().zip(added).for_each(|(position, outcome)| {
                        outcomes[*position] = Some(outcome);
                    });
                }
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(Refusal::Busy))).collect())
    }

    /// Makes the sums of a goal anew with a cap, and says whether that is finished.
    pub(super) async fn set_cap(
        &self,
        connection: &Connection,
        (namespace, experiment, goal): (&Namespace, &Experiment, &Goal),
        cap: Option<Amount>,
    ) -> Result<bool, StoreError> {
        let namespace = NamespaceKeys::new(namespace);
        let mut read = pipe();
        read.hget(registry(namespace.member(), &member(experiment)), &*escape(goal.as_str()));
        let found: Vec<Option<String>> = query(connection, read).await?;
        let Some(identity) = found.into_iter().flatten().find_map(|text| Identity::read(&text))
        else {
            return Ok(true);
        };
        recap(connection, &identity, cap, false).await
    }

    /// What is known about a ledger, if necessary from the registry. `None` while it is being deleted.
    async fn find(
        &self,
        connection: &Connection,
        name: &LedgerName,
    ) -> Result<Option<Known>, StoreError> {
        let known = self.known().get(name).cloned();
        let (closed, since) = match known {
            Some(Known { identity, closed: Some(since), .. }) => (Some(identity), since),
            Some(known) => return Ok(Some(known)),
            None => (None, Instant::now()),
        };
        let replaced = closed.as_ref().filter(|_| since.elapsed() >= CLOSING_TIME);
        let namespace = NamespaceKeys::new(&name.namespace);
        let key = registry(namespace.member(), &member(&name.experiment));
        let goal = escape(name.goal.as_str());
        let mut script = REGISTER.key(key);
        script.key(DELETED).arg(&*goal).arg(Identity::random());
        script.arg(replaced.map(Identity::text).unwrap_or_default());
        let found: String = connection.invoke(&script).await?;
        let identity = Identity::read(&found)
            .ok_or_else(|| StoreError::Unexpected("the registry's answer".into()))?;
        if closed.as_ref() == Some(&identity) {
            return Ok(None);
        }
        // The first run says how deep it is.
        let known = Known {
            identity,
            declared: LAST_LEVEL + 1,
            fresh: true,
            closed: None,
            variants: HashSet::new(),
        };
        let mut all = self.known();
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(name.clone(), known.clone());
        Ok(Some(known))
    }

    async fn run(
        &self,
        connection: &Connection,
        name: &LedgerName,
        known: &Known,
        events: Vec<&Event>,
    ) -> Result<Added, StoreError> {
        let Known { identity, declared, fresh, .. } = known;
        let mut script = ADD.key(identity.state_key());
        script.arg(*declared).arg(LAST_LEVEL).arg(FIRST).arg(u8::from(*fresh));
        for event in &events {
            let unit = unit_place(identity, &event.variant, &event.uuid);
            let id = event.id.as_ref().map(|id| id_place(identity, id));
            for place in std::iter::once(&unit).chain(&id) {
                for level in 0..*declared {
                    script.key(key_of(identity, place, level));
                }
            }
            let value = event.value.unwrap_or_default().ten_thousandths();
            script
                .arg(event.variant.as_str())
                .arg(&unit.field[..])
                .arg(id.as_ref().map_or(&[][..], |place| &place.field[..]))
                .arg(value)
                .arg(Amount::MAX.ten_thousandths())
                .arg(
                    event
                        .allocation
                        .map(|stated| stated.allocation.to_string())
                        .unwrap_or_default(),
                );
        }
        let answer: Vec<redis::Value> = connection.invoke(&script).await?;
        let mut answer = answer.into_iter();
        let deepest: i64 = super::read::read(answer.next())?;
        match deepest {
            -1 => {
                self.forget(name, identity);
                return Ok(Added::Again);
            }
            -2 => {
                self.learn(name, identity, LAST_LEVEL + 1, &[]);
                return Ok(Added::Again);
            }
            -3 => {
                let mut all = self.known();
                let known = all.get_mut(name).filter(|known| known.identity == *identity);
                if let Some(known) = known {
                    known.closed.get_or_insert_with(Instant::now);
                }
                return Ok(Added::Again);
            }
            _ => {}
        }
        let outcomes = answer.map(|word| match &*super::read::read::<String>(Some(word))? {
            "added" => Ok(Ok(())),
            "too_large" => Ok(Err(Refusal::TotalTooLarge)),
            word => Err(StoreError::Unexpected(format!("outcome {word}"))),
        });
        let outcomes = outcomes.collect::<Result<Vec<_>, _>>()?;
        // One more than is in use, so that the next level needs no second round trip.
        let deepest = u8::try_from(deepest).unwrap_or(LAST_LEVEL);
        self.learn(name, identity, (deepest + 2).min(LAST_LEVEL + 1), &events);
        Ok(Added::Outcomes(outcomes))
    }

    /// Notes what a run told about a ledger, unless it was registered again since.
    fn learn(&self, name: &LedgerName, identity: &Identity, declared: u8, events: &[&Event]) {
        let mut all = self.known();
        let Some(known) = all.get_mut(name).filter(|known| known.identity == *identity) else {
            return;
        };
        known.declared = declared;
        known.fresh &= events.is_empty();
        for event in events {
            if !known.variants.contains(&event.variant) {
                known.variants.insert(event.variant.clone());
            }
        }
    }

    fn forget(&self, name: &LedgerName, identity: &Identity) {
        let mut all = self.known();
        if all.get(name).is_some_and(|known| known.identity == *identity) {
            all.remove(name);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<LedgerName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LedgerName {
    fn of(event: &Event) -> Self {
        Self {
            namespace: event.namespace.clone(),
            experiment: event.experiment.clone(),
            goal: event.goal.clone(),
        }
    }
}

/// Makes the sums of a ledger anew with a cap, if it has another one or `always`. Says whether that is
/// finished.
pub(super) async fn recap(
    connection: &Connection,
    ledger: &Identity,
    cap: Option<Amount>,
    always: bool,
) -> Result<bool, StoreError> {
    let cap = cap.map(|cap| cap.ten_thousandths().to_string()).unwrap_or_default();
    let deadline = Instant::now() + RECAP_TIME;
    let mut from = if always { "anew".to_owned() } else { String::new() };
    while Instant::now() < deadline {
        let mut script = RECAP.key(ledger.state_key());
        let mut to = "0:".to_owned();
        if let Some((level, number)) = read_cursor(&from) {
            let last = (number + RECAP_BUCKETS as u64).min(buckets(level));
            for number in number..last {
                script.key(numbered_bucket_key(ledger.id(), level, number));
            }
            to = match last < buckets(level) {
                true => format!("{level}:{}", path(level, last)),
                false => format!("{}:{}", level + 1, path(level + 1, 0)),
            };
        }
        script.arg(&cap).arg(&from).arg(to);
        from = connection.invoke(&script).await?;
        if from == "done" || from == "gone" {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The level and the number of a bucket.
fn read_cursor(cursor: &str) -> Option<(u8, u64)> {
    let (level, path) = cursor.split_once(':')?;
    let number = if path.is_empty() { 0 } else { u64::from_str_radix(path, 8).ok()? };
    Some((level.parse().ok()?, number))
}

/// Removes a variant from ledgers.
pub(super) async fn forget_variant(
    connection: &Connection,
    ledgers: impl Iterator<Item = &Identity>,
    variant: &Variant,
) -> Result<(), StoreError> {
    for ledger in ledgers {
        let mut script = FORGET.key(ledger.state_key());
        let () = connection.invoke(script.arg(variant.as_str())).await?;
    }
    Ok(())
}

/// Reads the sums out of a ledger's state.
pub(super) fn read_state(state: &HashMap<String, String>) -> GoalValues {
    let mut values = GoalValues::default();
    let cap = state.get("cap").and_then(|cap| cap.parse().ok());
    values.cap = cap.and_then(Amount::from_ten_thousandths);
    for (field, text) in state {
        let Some(group) = field.strip_prefix("t:") else { continue };
        let (number, allocation) = match group.split_once(':') {
            Some((number, allocation)) => (number, Some(allocation)),
            None => (group, None),
        };
        let variant = state.get(&format!("n:{number}"));
        let variant = variant.and_then(|variant| Variant::new(&**variant).ok());
        let (Some(variant), Some(sums)) = (variant, read_sums(text)) else { continue };
        let of_variant: &mut VariantValues = values.variants.entry(variant).or_default();
        match allocation.map(AllocationNumber::from_text) {
            None => of_variant.total = sums,
            Some(Ok(allocation)) => drop(of_variant.allocations.insert(allocation, sums)),
            Some(Err(_)) => {}
        }
    }
    values
}

fn read_sums(text: &str) -> Option<Sums> {
    let mut numbers = text.split(' ');
    Some(Sums {
        units: numbers.next()?.parse().ok()?,
        sum: numbers.next()?.parse().ok()?,
        squares: numbers.next()?.parse().ok()?,
        largest: numbers.next()?.parse().ok()?,
    })
}

//! Reads tallies in three round trips, however many experiments there are: the names, the keys of
//! their counters, the counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use abtest_model::{
    Allocations, Counting, Day, Experiment, Goal, Namespace, Stated, Tally, Timeline, Values,
    Variant,
};
use redis::{FromRedisValue, Pipeline, Value, cmd, pipe};

use super::connection::Connection;
use super::exact::layout::{Identity, LAST_LEVEL};
use super::keys::{self, Counter, NamespaceKeys};
use super::{exact, memory, values};
use crate::{CountedNamespace, Include, StoreError};

/// The keys of estimated counters; several if Gimel and abtest spell one differently.
pub(super) type CounterKeys = BTreeMap<(Goal, Variant), Vec<String>>;

/// An experiment and its spellings in the sets.
pub(super) struct Named {
    experiment: Experiment,
    /// Its spellings among the estimated experiments.
    members: Vec<String>,
    /// Its spelling among the exact experiments.
    exactly: Option<String>,
}

/// The counters of an experiment: all HyperLogLogs or all exact, as its first event decided.
pub(super) struct Counters {
    pub(super) estimated: CounterKeys,
    pub(super) exact: BTreeMap<(Goal, Variant), Identity>,
    /// The ledgers of goals with values, where they were asked for.
    pub(super) ledgers: BTreeMap<Goal, Identity>,
}

impl Counters {
    pub(super) fn counting(&self) -> Counting {
        if self.exact.is_empty() { Counting::Hll } else { Counting::Exact }
    }
}

/// Reads tallies, with what is included.
pub(super) async fn tallies(
    connection: &Connection,
    keys: &NamespaceKeys,
    scope: Option<&[Experiment]>,
    include: Include,
) -> Result<Vec<Tally>, StoreError> {
    let experiments = match scope {
        Some(experiments) => experiments.iter().map(named).collect(),
        None => all_experiments(connection, keys).await?,
    };
    let counters = counters(connection, keys, &experiments, include.values).await?;
    let mut counts = pipe();
    for Counters { estimated, exact, ledgers } in &counters {
        for keys in estimated.values() {
            counts.add_command(cmd("PFCOUNT").arg(keys).take());
        }
        if include.days {
            for key in estimated.values().flatten() {
                counts.hgetall(NamespaceKeys::days(key)).pfcount(key);
            }
        }
        if include.allocations {
            for key in estimated.values().flatten() {
                counts.hgetall(NamespaceKeys::allocations(key));
            }
        }
        for identity in exact.values() {
            if include.days || include.allocations {
                counts.hgetall(identity.state_key());
            } else {
                let fields = ["count", "deepest", "lost"];
                counts.add_command(cmd("HMGET").arg(identity.state_key()).arg(&fields).take());
            }
        }
        for ledger in ledgers.values() {
            counts.hgetall(ledger.state_key());
        }
    }
    let mut answers = query::<Value>(connection, counts).await?.into_iter();
    let mut tallies = Vec::with_capacity(experiments.len());
    let mut usages = Vec::new();
    for (Named { experiment, .. }, counters) in experiments.into_iter().zip(&counters) {
        let mut tally = Tally::new(experiment, counters.counting());
        let (mut timeline, mut allocations) = (Timeline::default(), Allocations::default());
        for (goal, variant) in counters.estimated.keys() {
            let count = read(answers.next())?;
            tally.set(goal.clone(), variant.clone(), count);
            // A counter is registered together with its first uuid.
            if count == 0 {
                tally.lost.insert((goal.clone(), variant.clone()));
            }
        }
        if include.days {
            add_estimated_days(&mut timeline, &mut tally.lost, &counters.estimated, &mut answers)?;
        }
        if include.allocations {
            add_estimated_allocations(&mut allocations, &counters.estimated, &mut answers)?;
        }
        let mut exact = Vec::with_capacity(counters.exact.len());
        for ((goal, variant), identity) in &counters.exact {
            let state = State::read(answers.next(), include.days || include.allocations)?;
            tally.set(goal.clone(), variant.clone(), state.count);
            if state.is_lost {
                tally.lost.insert((goal.clone(), variant.clone()));
            }
            for (day, new) in state.days {
                timeline.add(goal.clone(), variant.clone(), day, new);
            }
            for (allocation, new) in state.allocations {
                allocations.add(goal.clone(), variant.clone(), allocation, new);
            }
            exact.push((identity, state.deepest));
        }
        let mut sums = Values::default();
        let mut summed = Vec::with_capacity(counters.ledgers.len());
        for (goal, ledger) in &counters.ledgers {
            let state: HashMap<String, String> = read(answers.next())?;
            let deepest = state.get("deepest").and_then(|deepest| deepest.parse().ok());
            summed.push((ledger, deepest.unwrap_or(0).min(values::layout::LAST_LEVEL)));
            let of_goal = values::read_state(&state);
            if !of_goal.variants.is_empty() {
                sums.0.insert(goal.clone(), of_goal);
            }
        }
        tally.values = include.values.then_some(sums);
        tally.timeline = include.days.then_some(timeline);
        tally.allocations = include.allocations.then_some(allocations);
        tallies.push(tally);
        if include.memory {
            usages.push(memory::Usage::of(&counters.estimated, exact, summed));
        }
    }
    if include.memory {
        let bytes = memory::measure(connection, usages).await?;
        for (tally, bytes) in tallies.iter_mut().zip(bytes) {
            tally.memory = Some(bytes);
        }
    }
    Ok(tallies)
}

/// The namespaces in which something was counted.
pub(super) async fn counted(connection: &Connection) -> Result<Vec<CountedNamespace>, StoreError> {
    let mut names = pipe();
    names.smembers(keys::NAMESPACES).smembers(exact::keys::NAMESPACES);
    let names: Vec<Vec<String>> = query(connection, names).await?;
    let mut namespaces: BTreeSet<Namespace> =
        names.iter().flatten().filter_map(|member| keys::namespace(member)).collect();
    namespaces.insert(Namespace::default());
    let mut read = pipe();
    for namespace in &namespaces {
        let keys = NamespaceKeys::new(namespace);
        read.smembers(keys.experiments())
            .smembers(exact::keys::experiments(keys.member()))
            .scard(keys.counters())
            .get(exact::keys::count(keys.member()));
    }
    let mut answers = query::<Value>(connection, read).await?.into_iter();
    let mut all = Vec::with_capacity(namespaces.len());
    for namespace in namespaces {
        let (estimated, exactly): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
            (self::read(answers.next())?, self::read(answers.next())?);
        let experiments = estimated.into_iter().chain(exactly).filter_map(experiment);
        let experiments: BTreeSet<Experiment> = experiments.map(|(name, _)| name).collect();
        let counters: [Option<u64>; 2] = [self::read(answers.next())?, self::read(answers.next())?];
        if !experiments.is_empty() {
            let counters = counters.into_iter().flatten().sum();
            all.push(CountedNamespace { namespace, experiments, counters });
        }
    }
    Ok(all)
}

/// Adds the days of estimated counters: the difference between a counter's estimate when a day
/// began and its estimate when the next one began, or now. An estimate never falls, so a counter that
/// now has less than when a day began was deleted meanwhile.
fn add_estimated_days(
    timeline: &mut Timeline,
    lost: &mut BTreeSet<(Goal, Variant)>,
    counters: &CounterKeys,
    answers: &mut impl Iterator<Item = Value>,
) -> Result<(), StoreError> {
    let each_key = counters.iter().flat_map(|(names, keys)| keys.iter().map(move |_| names));
    for (goal, variant) in each_key {
        let begins: BTreeMap<u32, u64> = read(answers.next())?;
        let now: u64 = read(answers.next())?;
        if begins.values().any(|begin| *begin > now) {
            lost.insert((goal.clone(), variant.clone()));
        }
        let ends = begins.values().copied().skip(1).chain([now]);
        for ((day, begin), end) in begins.iter().zip(ends) {
            let new = end.saturating_sub(*begin);
            timeline.add(goal.clone(), variant.clone(), Day(*day), new);
        }
    }
    Ok(())
}

/// Adds what each allocation added to estimated counters.
fn add_estimated_allocations(
    allocations: &mut Allocations,
    counters: &CounterKeys,
    answers: &mut impl Iterator<Item = Value>,
) -> Result<(), StoreError> {
    let each_key = counters.iter().flat_map(|(names, keys)| keys.iter().map(move |_| names));
    for (goal, variant) in each_key {
        for (allocation, new) in estimated_allocations(&read(answers.next())?) {
            allocations.add(goal.clone(), variant.clone(), allocation, new);
        }
    }
    Ok(())
}

/// What `abtest:allocations:COUNTER` says, in whole uuids.
pub(super) fn estimated_allocations(
    hash: &BTreeMap<String, f64>,
) -> impl Iterator<Item = (Stated, u64)> + '_ {
    hash.iter().filter_map(|(field, new)| {
        Some((Stated::from_text(field).ok()?, new.max(0.0).round() as u64))
    })
}

/// What the events stated that a field of an exact counter's state counts.
pub(super) fn allocation_of_field(field: &str) -> Option<Stated> {
    Stated::from_text(field.strip_prefix("a:")?).ok()
}

/// The state of an exact counter.
struct State {
    count: u64,
    deepest: u8,
    days: Vec<(Day, u64)>,
    allocations: Vec<(Stated, u64)>,
    /// Whether it is missing, or began again after it was deleted.
    is_lost: bool,
}

impl State {
    /// Reads the whole hash, or the answer to HMGET.
    fn read(answer: Option<Value>, whole: bool) -> Result<Self, StoreError> {
        let (mut days, mut allocations) = (Vec::new(), Vec::new());
        let (count, deepest, lost): (Option<u64>, Option<u64>, Option<u64>) = if whole {
            let mut state: HashMap<String, u64> = read(answer)?;
            let mut take = |field: &str| state.remove(field);
            let known = (take("count"), take("deepest"), take("lost"));
            for (field, new) in state {
                if let Some(allocation) = allocation_of_field(&field) {
                    allocations.push((allocation, new));
                } else if let Ok(day) = field.parse() {
                    days.push((Day(day), new));
                }
            }
            known
        } else {
            read(answer)?
        };
        let deepest = u8::try_from(deepest.unwrap_or(0)).unwrap_or(LAST_LEVEL).min(LAST_LEVEL);
        let is_lost = count.is_none() || lost.is_some();
        Ok(Self { count: count.unwrap_or(0), deepest, days, allocations, is_lost })
    }
}

/// Reads one answer of a pipeline.
pub(super) fn read<T: FromRedisValue>(answer: Option<Value>) -> Result<T, StoreError> {
    let unexpected = || StoreError::Unexpected("an answer of another type".into());
    T::from_redis_value(answer.ok_or_else(unexpected)?).map_err(|_| unexpected())
}

/// An experiment with every spelling that the sets may have.
pub(super) fn named(experiment: &Experiment) -> Named {
    Named {
        experiment: experiment.clone(),
        members: keys::members(experiment),
        exactly: Some(keys::member(experiment).into_owned()),
    }
}

/// The names of the experiments of a namespace.
pub(super) async fn experiment_names(
    connection: &Connection,
    keys: &NamespaceKeys,
) -> Result<Vec<Experiment>, StoreError> {
    let all = all_experiments(connection, keys).await?;
    Ok(all.into_iter().map(|named| named.experiment).collect())
}

/// The experiments of a namespace by name, each with its spellings in the sets.
async fn all_experiments(
    connection: &Connection,
    keys: &NamespaceKeys,
) -> Result<Vec<Named>, StoreError> {
    let mut names = pipe();
    names.smembers(keys.experiments()).smembers(exact::keys::experiments(keys.member()));
    let mut sets = query::<Vec<Vec<u8>>>(connection, names).await?.into_iter();
    let mut estimated = || sets.next().unwrap_or_default();
    let (estimated, exactly) = (estimated(), estimated());
    let mut experiments = BTreeMap::<Experiment, Named>::new();
    let each = estimated.into_iter().map(|member| (member, false));
    for (member, is_exact) in each.chain(exactly.into_iter().map(|member| (member, true))) {
        let Some((experiment, member)) = experiment(member) else { continue };
        let named = experiments.entry(experiment).or_insert_with_key(|experiment| Named {
            experiment: experiment.clone(),
            members: Vec::new(),
            exactly: None,
        });
        if is_exact {
            named.exactly = Some(member);
        } else {
            named.members.push(member);
        }
    }
    Ok(experiments.into_values().collect())
}

/// The experiment that a member of a set stands for, and the member.
fn experiment(member: Vec<u8>) -> Option<(Experiment, String)> {
    let member = String::from_utf8(member).ok();
    let read = member.and_then(|member| Some((keys::experiment(&member)?, member)));
    if read.is_none() {
        tracing::warn!("a name in the set of experiments breaks the rule; ignored");
    }
    read
}

/// The counters of each experiment, in the experiments' order.
pub(super) async fn counters(
    connection: &Connection,
    keys: &NamespaceKeys,
    experiments: &[Named],
    with_ledgers: bool,
) -> Result<Vec<Counters>, StoreError> {
    let mut sets = pipe();
    for Named { experiment, members, exactly } in experiments {
        for member in members {
            sets.smembers(keys.experiment_counters(member));
        }
        if let Some(member) = exactly {
            sets.hgetall(exact::keys::counters(keys.member(), member));
        }
        if with_ledgers {
            sets.hgetall(exact::keys::values(keys.member(), &keys::member(experiment)));
        }
    }
    let mut sets = query::<Value>(connection, sets).await?.into_iter();
    let mut counters = Vec::with_capacity(experiments.len());
    for Named { members, exactly, .. } in experiments {
        let mut found = Vec::new();
        for member in members {
            let set: Vec<Vec<u8>> = read(sets.next())?;
            found.extend(set.into_iter().filter_map(|key| {
                let key = String::from_utf8(key).ok()?;
                Some((keys.read(member, &key), key))
            }));
        }
        let exact: HashMap<String, String> =
            if exactly.is_some() { read(sets.next())? } else { HashMap::new() };
        let exact = exact.iter().filter_map(|(counter, identity)| {
            Some((exact::keys::read(counter)?, Identity::read(identity)?))
        });
        let ledgers: HashMap<String, String> =
            if with_ledgers { read(sets.next())? } else { HashMap::new() };
        let ledgers = ledgers.iter().filter_map(|(goal, identity)| {
            let goal = Goal::new(keys::unescape(goal).into_owned()).ok()?;
            Some((goal, Identity::read(identity)?))
        });
        counters.push(Counters {
            estimated: group(found.into_iter()),
            exact: exact.collect(),
            ledgers: ledgers.collect(),
        });
    }
    Ok(counters)
}

/// Groups the keys by counter. An ambiguous key of Gimel belongs to a counter only if exactly one
/// of its readings is known from another key.
fn group(counters: impl Iterator<Item = (Counter, String)>) -> CounterKeys {
    let mut known = CounterKeys::new();
    let mut ambiguous = Vec::new();
    for (counter, key) in counters {
        match counter {
            Counter::Known(names) => known.entry(names).or_default().push(key),
            Counter::Ambiguous(readings) => ambiguous.push((readings, key)),
            Counter::Foreign => {
                tracing::warn!("a set of counters has a key that is not a counter; ignored")
            }
        }
    }
    for (readings, key) in ambiguous {
        let mut fitting = readings.into_iter().filter(|names| known.contains_key(names));
        match (fitting.next(), fitting.next()) {
            (Some(names), None) => known.entry(names).or_default().push(key),
            _ => tracing::warn!(
                "a counter that Gimel wrote with colons in its names is ambiguous; ignored"
            ),
        }
    }
    known
}

/// Sends a pipeline, if there is anything in it.
pub(super) async fn query<T: FromRedisValue>(
    connection: &Connection,
    pipeline: Pipeline,
) -> Result<Vec<T>, StoreError> {
    if pipeline.is_empty() {
        return Ok(Vec::new());
    }
    let pipeline = &pipeline;
    connection
        .run(time_limit(connection, pipeline), |mut connection| async move {
            pipeline.query_async(&mut connection).await
        })
        .await
}

/// The time limit of a pipeline: 0.1 ms more per command, the most that a dense HyperLogLog takes.
fn time_limit(connection: &Connection, pipeline: &Pipeline) -> Duration {
    let commands = u32::try_from(pipeline.len()).unwrap_or(u32::MAX);
    connection.response_timeout() + Duration::from_micros(100) * commands
}

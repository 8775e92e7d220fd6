//! Reading tallies in a number of round trips that does not grow with the experiments: the
//! names, their counters' keys, the counts.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use abtest_model::{Counting, Day, Experiment, Goal, Tally, Timeline, Variant};
use redis::{FromRedisValue, Pipeline, Value, cmd, pipe};

use super::connection::Connection;
use super::keys::{self, Counter, NamespaceKeys};
use crate::StoreError;

/// The keys of one counter; more than one where Gimel and abtest name it differently.
type CounterKeys = BTreeMap<(Goal, Variant), Vec<String>>;

pub(super) async fn tallies(
    connection: &Connection,
    keys: &NamespaceKeys,
    scope: Option<&[Experiment]>,
) -> Result<Vec<Tally>, StoreError> {
    let experiments = match scope {
        Some(experiments) => experiments
            .iter()
            .map(|experiment| (experiment.clone(), keys::members(experiment)))
            .collect(),
        None => all_experiments(connection, keys).await?,
    };
    let counters = counter_keys(connection, keys, &experiments).await?;
    let mut counts = pipe();
    for keys in counters.iter().flat_map(CounterKeys::values) {
        counts.add_command(cmd("PFCOUNT").arg(keys).take());
    }
    let mut counts = query::<u64>(connection, counts).await?.into_iter();
    let mut tallies = Vec::with_capacity(experiments.len());
    for ((experiment, _), counters) in experiments.into_iter().zip(counters) {
        let mut tally = Tally::new(experiment, Counting::Hll);
        for ((goal, variant), count) in counters.into_keys().zip(counts.by_ref()) {
            tally.set(goal, variant, count);
        }
        tallies.push(tally);
    }
    Ok(tallies)
}

/// Puts the time lines into tallies: what a counter held when a day began, and what it holds when
/// the next one does, or now.
pub(super) async fn timelines(
    connection: &Connection,
    keys: &NamespaceKeys,
    tallies: &mut [Tally],
) -> Result<(), StoreError> {
    let experiments: Vec<_> = tallies
        .iter()
        .map(|tally| (tally.experiment.clone(), keys::members(&tally.experiment)))
        .collect();
    let counters = counter_keys(connection, keys, &experiments).await?;
    let mut days = pipe();
    for key in counters.iter().flat_map(CounterKeys::values).flatten() {
        days.hgetall(NamespaceKeys::days(key)).pfcount(key);
    }
    let mut answers = query::<Value>(connection, days).await?.into_iter();
    for (tally, counters) in tallies.iter_mut().zip(counters) {
        let mut timeline = Timeline::default();
        let each_key = counters.iter().flat_map(|(names, keys)| keys.iter().map(move |_| names));
        for (goal, variant) in each_key {
            let begins: BTreeMap<u32, u64> = read(answers.next())?;
            let now: u64 = read(answers.next())?;
            let ends = begins.values().copied().skip(1).chain([now]);
            for ((day, begin), end) in begins.iter().zip(ends) {
                let new = end.saturating_sub(*begin);
                timeline.add(goal.clone(), variant.clone(), Day(*day), new);
            }
        }
        tally.timeline = Some(timeline);
    }
    Ok(())
}

fn read<T: FromRedisValue>(answer: Option<Value>) -> Result<T, StoreError> {
    let unexpected = || StoreError::Unexpected("an answer of another type".into());
    T::from_redis_value(answer.ok_or_else(unexpected)?).map_err(|_| unexpected())
}

/// The experiments of a namespace by name, each with the forms in which the set has it.
async fn all_experiments(
    connection: &Connection,
    keys: &NamespaceKeys,
) -> Result<Vec<(Experiment, Vec<String>)>, StoreError> {
    let mut names = pipe();
    names.smembers(keys.experiments());
    let mut experiments = BTreeMap::<_, Vec<String>>::new();
    for member in query::<Vec<Vec<u8>>>(connection, names).await?.into_iter().flatten() {
        let named = String::from_utf8(member)
            .ok()
            .and_then(|member| Some((keys::experiment(&member)?, member)));
        match named {
            Some((experiment, member)) => experiments.entry(experiment).or_default().push(member),
            None => tracing::warn!("a name in the set of experiments breaks the rule; passed over"),
        }
    }
    Ok(experiments.into_iter().collect())
}

/// The counters of each experiment, in the experiments' order.
async fn counter_keys(
    connection: &Connection,
    keys: &NamespaceKeys,
    experiments: &[(Experiment, Vec<String>)],
) -> Result<Vec<CounterKeys>, StoreError> {
    let members = || experiments.iter().flat_map(|(_, members)| members);
    let mut sets = pipe();
    for member in members() {
        sets.smembers(keys.experiment_counters(member));
    }
    let sets = query::<Vec<Vec<u8>>>(connection, sets).await?;
    let mut sets: HashMap<&String, Vec<Vec<u8>>> = members().zip(sets).collect();
    Ok(experiments
        .iter()
        .map(|(_, members)| {
            let counters = members.iter().flat_map(|member| {
                let set = sets.remove(member).unwrap_or_default();
                set.into_iter().filter_map(move |key| {
                    let key = String::from_utf8(key).ok()?;
                    Some((keys.read(member, &key), key))
                })
            });
            group(counters)
        })
        .collect())
}

/// Puts the keys of the same counter together. A key of Gimel's that can be read in several ways
/// belongs to a counter only if just one of them is known otherwise.
fn group(counters: impl Iterator<Item = (Counter, String)>) -> CounterKeys {
    let mut known = CounterKeys::new();
    let mut ambiguous = Vec::new();
    for (counter, key) in counters {
        match counter {
            Counter::Known(names) => known.entry(names).or_default().push(key),
            Counter::Ambiguous(readings) => ambiguous.push((readings, key)),
            Counter::Foreign => tracing::warn!("a key in a set of counters is none; passed over"),
        }
    }
    for (readings, key) in ambiguous {
        let mut fitting = readings.into_iter().filter(|names| known.contains_key(names));
        match (fitting.next(), fitting.next()) {
            (Some(names), None) => known.entry(names).or_default().push(key),
            _ => tracing::warn!("a counter of Gimel's with colons in its names is ambiguous"),
        }
    }
    known
}

/// Sends a pipeline, if there is anything in it.
async fn query<T: FromRedisValue>(
    connection: &Connection,
    pipeline: Pipeline,
) -> Result<Vec<T>, StoreError> {
    if pipeline.is_empty() {
        return Ok(Vec::new());
    }
    let pipeline = &pipeline;
    connection
        .run(patience(connection, pipeline), |mut connection| async move {
            pipeline.query_async(&mut connection).await
        })
        .await
}

/// How long to wait for a pipeline: a tenth of a millisecond more for each command, which is
/// what a dense HyperLogLog takes at the very most.
fn patience(connection: &Connection, pipeline: &Pipeline) -> Duration {
    let commands = u32::try_from(pipeline.len()).unwrap_or(u32::MAX);
    connection.response_timeout() + Duration::from_micros(100) * commands
}

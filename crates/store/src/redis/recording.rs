//! Records a batch: each event in the mode of its experiment.

use std::collections::HashSet;
use std::sync::LazyLock;

use abtest_config::Limits;
use abtest_model::{Counting, Event};
use redis::Script;

use super::batcher::Recorded;
use super::exact::{Counted, Registration};
use super::keys::{self, NamespaceKeys};
use super::modes::Mode;
use super::{Server, exact, outcome};
use crate::new_names::Exemption;
use crate::{Refusal, StoreError};

static RECORD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("new_names.lua"), include_str!("record.lua")))
});

/// Attempts to count an event while another process deletes and re-creates its counter.
const ATTEMPTS: usize = 5;

impl Server {
    /// Records a batch. Events whose names are refused get a second attempt if an operator expects
    /// them: that costs two more round trips.
    ///
    /// Values are added in the same round trip, if the counters of their events are known.
    pub(super) async fn record(&self, events: &[Event]) -> Recorded {
        let (known, unknown) = self.by_knowledge(events);
        let (counted, added) = tokio::join!(self.count(events), self.add(events, &known));
        let (mut outcomes, was_deleted) = counted?;
        for (position, added) in known.iter().zip(added?) {
            if outcomes[*position].is_ok() {
                outcomes[*position] = added;
            }
        }
        // Values that were added before a deletion are gone with it, and the events counted after it.
        let again = if was_deleted { known } else { Vec::new() };
        let mut counted = [unknown, again].concat();
        counted.retain(|position| outcomes[*position].is_ok());
        let added = self.add(events, &counted).await?;
        for (position, added) in counted.into_iter().zip(added) {
            outcomes[position] = added;
        }
        Ok(outcomes)
    }

    /// The positions of the events whose values can be added at once, and of those whose counter may still
    /// be refused. The values of a goal stay in order, because the first event with an id wins.
    fn by_knowledge(&self, events: &[Event]) -> (Vec<usize>, Vec<usize>) {
        let mut waits = HashSet::new();
        let valued = (0..events.len()).filter(|position| events[*position].value.is_some());
        valued.partition(|position| {
            let event = &events[*position];
            let goal = (&event.namespace, &event.experiment, &event.goal);
            if !self.values.knows(event) {
                waits.insert(goal);
            }
            !waits.contains(&goal)
        })
    }

    /// Adds the values of some events.
    async fn add(&self, events: &[Event], positions: &[usize]) -> Recorded {
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let some: Vec<&Event> = positions.iter().map(|position| &events[*position]).collect();
        self.values.add(&self.connection, &some).await
    }

    /// Counts the uuids of a batch. Says whether a counter may have been deleted meanwhile, too.
    async fn count(
        &self,
        events: &[Event],
    ) -> Result<(Vec<Result<(), Refusal>>, bool), StoreError> {
        let all: Vec<&Event> = events.iter().collect();
        let (mut outcomes, was_deleted) = self.attempt(&all, Exemption::Nothing).await?;
        let is_refused =
            |outcome: &Result<(), Refusal>| outcome.as_ref().is_err_and(Refusal::is_of_new_names);
        let refused: Vec<usize> =
            (0..events.len()).filter(|position| is_refused(&outcomes[*position])).collect();
        if refused.is_empty() {
            return Ok((outcomes, was_deleted));
        }
        let some: Vec<&Event> = refused.iter().map(|position| all[*position]).collect();
        let exemptions = self.exemptions(&some).await?;
        for exemption in [Exemption::Names, Exemption::Namespace] {
            let positions: Vec<usize> = refused
                .iter()
                .zip(&exemptions)
                .filter(|(_, found)| **found == exemption)
                .map(|(position, _)| *position)
                .collect();
            if positions.is_empty() {
                continue;
            }
            let some: Vec<&Event> = positions.iter().map(|position| all[*position]).collect();
            let (attempted, _) = self.attempt(&some, exemption).await?;
            for (position, outcome) in positions.into_iter().zip(attempted) {
                outcomes[position] = outcome;
            }
        }
        Ok((outcomes, was_deleted))
    }

    async fn attempt(
        &self,
        events: &[&Event],
        exempt: Exemption,
    ) -> Result<(Vec<Result<(), Refusal>>, bool), StoreError> {
        let mut was_deleted = false;
        let mut outcomes: Vec<Option<Result<(), Refusal>>> = vec![None; events.len()];
        for _ in 0..ATTEMPTS {
            let by_mode = self.by_mode(events, &outcomes);
            if by_mode.is_empty() {
                break;
            }
            for (Mode { counting, may_begin }, positions) in by_mode {
                let some: Vec<&Event> =
                    positions.iter().map(|position| events[*position]).collect();
                let counted = match counting {
                    Counting::Exact => self.count_exactly(&some, may_begin, exempt).await?,
                    Counting::Hll => self.estimate(&some, may_begin, exempt).await?,
                };
                for (position, counted) in positions.into_iter().zip(counted) {
                    match counted {
                        Counted::Outcome(outcome) => outcomes[position] = Some(outcome),
                        Counted::Again => was_deleted = true,
                        Counted::WrongMode(counting) => {
                            self.modes.learn(events[position], counting)
                        }
                    }
                }
            }
        }
        let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(Refusal::Busy)));
        Ok((outcomes.collect(), was_deleted))
    }

    /// The positions of the events without an outcome, by their mode.
    fn by_mode(
        &self,
        events: &[&Event],
        outcomes: &[Option<Result<(), Refusal>>],
    ) -> Vec<(Mode, Vec<usize>)> {
        let mut by_mode: Vec<(Mode, Vec<usize>)> = Vec::new();
        for (position, mode) in self.modes.of(events.iter().copied()).into_iter().enumerate() {
            if outcomes[position].is_some() {
                continue;
            }
            match by_mode.iter_mut().find(|(known, _)| *known == mode) {
                Some((_, positions)) => positions.push(position),
                None => by_mode.push((mode, vec![position])),
            }
        }
        by_mode
    }

    async fn count_exactly(
        &self,
        events: &[&Event],
        may_begin: bool,
        exempt: Exemption,
    ) -> Result<Vec<Counted>, StoreError> {
        let registration = Registration {
            limits: self.limits,
            beside_estimates: !self.cluster,
            may_begin,
            exempt,
        };
        self.exact.count(&self.connection, registration, events).await
    }

    async fn estimate(
        &self,
        events: &[&Event],
        may_begin: bool,
        exempt: Exemption,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut script = RECORD.key(keys::NAMESPACES);
        script.key(exact::keys::NAMESPACES).key(exact::keys::NEW_NAMES);
        script.arg(&limits(&self.limits)[..]).arg(u8::from(may_begin)).arg(exempt.word());
        for event in events {
            let keys = NamespaceKeys::new(&event.namespace);
            let members = keys::members(&event.experiment);
            let counter = keys.counter(&members[0], &event.goal, &event.variant);
            script
                .key(keys.experiments())
                .key(keys.counters())
                .key(&*counter)
                .key(NamespaceKeys::days(&counter))
                .key(exact::keys::experiments(keys.member()))
                .key(exact::keys::count(keys.member()))
                .arg(keys.member())
                .arg(event.uuid.as_str())
                .arg(stated(event))
                .arg(members.len());
            for member in members {
                script.key(keys.experiment_counters(&member)).arg(member);
            }
        }
        let outcomes: Vec<String> = self.connection.invoke(&script).await?;
        outcomes.iter().map(|outcome| self.outcome(outcome)).collect()
    }

    /// Reads one word of `record.lua`'s answer.
    fn outcome(&self, word: &str) -> Result<Counted, StoreError> {
        match word {
            "stored" => Ok(Counted::Outcome(Ok(()))),
            "exact" => Ok(Counted::WrongMode(Counting::Exact)),
            word => match outcome::refusal(word, &self.limits) {
                Some(refusal) => Ok(Counted::Outcome(Err(refusal))),
                None => Err(StoreError::Unexpected(format!("outcome {word}"))),
            },
        }
    }
}

/// The limits in the order in which the scripts take them.
pub(super) fn limits(limits: &Limits) -> [u32; 7] {
    [
        limits.namespaces,
        limits.experiments,
        limits.counters,
        limits.counters_per_experiment,
        limits.namespaces_per_hour,
        limits.experiments_per_hour,
        limits.counters_per_hour,
    ]
}

/// What an event states of its assignment, as the scripts take it: empty for nothing.
pub(super) fn stated(event: &Event) -> String {
    event.allocation.map(|stated| stated.to_string()).unwrap_or_default()
}

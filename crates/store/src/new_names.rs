//! How fast strangers may add names, and which names are not a stranger's.
//!
//! Each kind of name has a limit per hour: as many may come at once after an hour without any, and then
//! one after another, evenly over the hour (the generic cell rate algorithm, ITU-T I.371). What is left
//! is kept in the store, so all processes share it. Names that a definition declares are an operator's:
//! only the limit of counters per experiment applies to them. An operator who deletes an experiment or a
//! part of one makes the limits per hour of its namespace start again.

#[cfg(feature = "embedded")]
use std::collections::HashMap;

use abtest_model::definition;
use abtest_model::{Event, Namespace};

use crate::Document;

/// Which limits do not apply to an event because an operator expects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exemption {
    /// All limits apply.
    Nothing,
    /// The limits of namespaces do not apply.
    Namespace,
    /// Only the limit of counters per experiment applies.
    Names,
}

impl Exemption {
    /// The exemption of an event, from the definition of its experiment and the settings of its
    /// namespace.
    pub(crate) fn of(event: &Event, definition: Option<&Document>, has_settings: bool) -> Self {
        match definition {
            Some(document) if declares(document, event) => Self::Names,
            None if !has_settings && event.namespace != Namespace::default() => Self::Nothing,
            _ => Self::Namespace,
        }
    }

    /// The word that the scripts know.
    #[cfg(feature = "redis")]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Nothing => "no",
            Self::Namespace => "namespace",
            Self::Names => "names",
        }
    }
}

/// Whether a definition has the event's variant and goal. One that cannot be read has nothing.
fn declares(document: &Document, event: &Event) -> bool {
    let Ok(document) = document.parse::<definition::Document>() else { return false };
    let definition = document.definition;
    let is_variant = definition.variant_names().any(|name| *name == event.variant);
    let is_goal = || definition.goals.iter().any(|goal| goal.name == event.goal);
    is_variant && (event.goal.is_participation() || is_goal())
}

/// An hour in microseconds.
#[cfg(feature = "embedded")]
const HOUR: u64 = 3_600_000_000;

/// What is left of the limits per hour. For each field, the time at which all names of an hour are free
/// again, in Unix microseconds: it may be at most an hour ahead.
#[cfg(feature = "embedded")]
#[derive(Debug, Default)]
pub(crate) struct NewNames {
    free: HashMap<String, u64>,
}

#[cfg(feature = "embedded")]
impl NewNames {
    /// Takes a field as it was found on disk.
    pub(crate) fn load(&mut self, field: String, free: u64) {
        self.free.insert(field, free);
    }

    /// What the field must hold after one more name; `None` if the names of this hour are used up.
    /// `now` is in Unix microseconds.
    pub(crate) fn after_one_more(&self, field: &str, per_hour: u32, now: u64) -> Option<u64> {
        let share = HOUR.checked_div(per_hour.into())?;
        // A clock that was set back must not block names for longer than an hour.
        let free = self.free.get(field).copied().unwrap_or(0).min(now + HOUR);
        let after = free.max(now) + share;
        (after <= now + HOUR).then_some(after)
    }

    /// Stores what a field must hold.
    pub(crate) fn set(&mut self, field: String, free: u64) {
        self.free.insert(field, free);
    }

    /// Removes the fields that `is_gone` chooses, and returns their names.
    pub(crate) fn remove_if(&mut self, is_gone: impl Fn(&str, u64) -> bool) -> Vec<String> {
        let gone = self.free.iter().filter(|(field, free)| is_gone(field, **free));
        let gone: Vec<String> = gone.map(|(field, _)| field.clone()).collect();
        for field in &gone {
            self.free.remove(field);
        }
        gone
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(names: &mut NewNames, per_hour: u32, now: u64) -> bool {
        let after = names.after_one_more("e", per_hour, now);
        if let Some(after) = after {
            names.set("e".to_owned(), after);
        }
        after.is_some()
    }

    #[test]
    fn an_hours_names_may_come_at_once_and_then_evenly() {
        let (mut names, start) = (NewNames::default(), 50 * HOUR);
        assert_eq!((0..10).filter(|_| take(&mut names, 4, start)).count(), 4);
        assert!(!take(&mut names, 4, start + HOUR / 4 - 1));
        assert!(take(&mut names, 4, start + HOUR / 4));
        assert!(!take(&mut names, 4, start + HOUR / 4));
        let later = start + 3 * HOUR;
        assert_eq!((0..10).filter(|_| take(&mut names, 4, later)).count(), 4);
        assert!(!take(&mut names, 0, later + 9 * HOUR), "0 allows no new names");
    }

    #[test]
    fn a_clock_that_was_set_back_blocks_names_for_an_hour_at_most() {
        let mut names = NewNames::default();
        names.set("e".to_owned(), 1_000 * HOUR);
        assert!(!take(&mut names, 4, 10 * HOUR));
        names.set("e".to_owned(), 11 * HOUR);
        assert!(take(&mut names, 4, 11 * HOUR));
    }

    proptest! {
        #[test]
        fn no_hour_has_more_than_a_burst_and_a_rate(
            per_hour in 1..50_u32, waits in prop::collection::vec(0..HOUR / 20, 1..300),
        ) {
            let (mut names, mut now, mut taken) = (NewNames::default(), HOUR, Vec::new());
            for wait in waits {
                now += wait;
                if take(&mut names, per_hour, now) {
                    taken.push(now);
                }
            }
            for start in &taken {
                let within = taken.iter().filter(|at| (*start..*start + HOUR).contains(*at));
                prop_assert!(within.count() <= 2 * per_hour as usize);
            }
        }
    }
}

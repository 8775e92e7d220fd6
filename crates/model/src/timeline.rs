//! When a store counted: new uuids by UTC day.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Span;
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use crate::name::{Goal, Variant};

/// Seconds in a UTC day; Unix time knows no leap seconds.
const DAY_SECONDS: u64 = 86_400;

/// A UTC day, as days since 1970-01-01. Written as ISO 8601 has it.
///
/// ```
/// use abtest_model::Day;
///
/// assert_eq!(Day::of_unix_time(1_795_219_200).to_string(), "2026-11-21");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// The day of a moment, given in seconds since the Unix epoch.
    pub fn of_unix_time(seconds: u64) -> Self {
        Self(u32::try_from(seconds / DAY_SECONDS).unwrap_or(u32::MAX))
    }

    /// Today, by this machine's clock.
    pub fn today() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self::of_unix_time(since.map_or(0, |since| since.as_secs()))
    }
}

impl fmt::Display for Day {
    /// Days after the year 9999 read as its last day.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_1970 = Span::new().try_days(self.0);
        let date = since_1970.map(|days| date(1970, 1, 1).saturating_add(days));
        date.unwrap_or(Date::MAX).fmt(formatter)
    }
}

/// How many uuids were new on each day, for each counter of an experiment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    counters: BTreeMap<(Goal, Variant), BTreeMap<Day, u64>>,
}

impl Timeline {
    /// Adds new uuids of a counter on a day.
    pub fn add(&mut self, goal: Goal, variant: Variant, day: Day, new: u64) {
        *self.counters.entry((goal, variant)).or_default().entry(day).or_default() += new;
    }

    /// Removes the counters that `is_kept` refuses.
    pub fn retain(&mut self, is_kept: impl Fn(&Goal, &Variant) -> bool) {
        self.counters.retain(|(goal, variant), _| is_kept(goal, variant));
    }

    /// The days on which anything was new, in order.
    pub fn days(&self) -> Vec<Day> {
        let days: BTreeSet<Day> =
            self.counters.values().flat_map(BTreeMap::keys).copied().collect();
        days.into_iter().collect()
    }

    /// The new uuids of a counter by day.
    pub fn of(&self, goal: &Goal, variant: &Variant) -> &BTreeMap<Day, u64> {
        static NOTHING: BTreeMap<Day, u64> = BTreeMap::new();
        self.counters.get(&(goal.clone(), variant.clone())).unwrap_or(&NOTHING)
    }

    /// The new uuids of a counter on a day.
    pub fn new_on(&self, goal: &Goal, variant: &Variant, day: Day) -> u64 {
        self.of(goal, variant).get(&day).copied().unwrap_or(0)
    }
}

/// The time line of an experiment: a row for each counter, a column for each day that counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineResults {
    /// The UTC days on which anything was new, in order, as `2026-11-21`.
    #[cfg_attr(feature = "openapi", schema(example = json!(["2026-11-20", "2026-11-21"])))]
    pub days: Vec<String>,
    /// A row for each goal and variant, `participate` included.
    pub counters: Vec<TimelineRow>,
}

/// One counter's new uuids by day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineRow {
    /// The goal's name, or `participate`.
    pub goal: String,
    /// The variant's name.
    pub label: String,
    /// How many uuids were new on each of the days.
    pub new: Vec<u64>,
}

impl From<&Timeline> for TimelineResults {
    fn from(timeline: &Timeline) -> Self {
        let days = timeline.days();
        let row = |((goal, variant), new): (&(Goal, Variant), &BTreeMap<Day, u64>)| TimelineRow {
            goal: goal.to_string(),
            label: variant.to_string(),
            new: days.iter().map(|day| new.get(day).copied().unwrap_or(0)).collect(),
        };
        Self {
            days: days.iter().map(Day::to_string).collect(),
            counters: timeline.counters.iter().map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_the_calendar_has_them() {
        for (day, date) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_778, "2026-11-21"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "9999-12-31"),
            (u32::MAX, "9999-12-31"),
        ] {
            assert_eq!(Day(day).to_string(), date);
        }
        assert_eq!(Day::of_unix_time(86_399), Day(0));
        assert_eq!(Day::of_unix_time(86_400), Day(1));
    }

    #[test]
    fn every_counter_has_a_number_for_every_day() {
        let mut timeline = Timeline::default();
        let (goal, variant) = (Goal::new("participate").unwrap(), Variant::new("red").unwrap());
        timeline.add(goal.clone(), variant.clone(), Day(20_777), 12);
        timeline.add(goal.clone(), variant.clone(), Day(20_778), 30);
        timeline.add(goal, Variant::new("blue").unwrap(), Day(20_778), 5);
        assert_eq!(
            serde_json::to_value(TimelineResults::from(&timeline)).unwrap(),
            serde_json::json!({"days": ["2026-11-20", "2026-11-21"], "counters": [
                {"goal": "participate", "label": "blue", "new": [0, 5]},
                {"goal": "participate", "label": "red", "new": [12, 30]}]})
        );
    }
}

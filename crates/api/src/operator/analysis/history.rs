//! The lift at the end of each day: the same analysis of the counts of that day.

use abtest_model::{Goal, TimelineResults};
use abtest_stats::analysis::{Counts, Method, Settings, analyse};

use crate::document::{History, HistoryRow};

/// Most days that are analysed: the last ones.
const DAYS: usize = 120;

/// The history that leads to these counts.
pub(super) fn history(timeline: &TimelineResults, counts: &Counts, settings: &Settings) -> History {
    let first = timeline.days.len().saturating_sub(DAYS);
    let settings = Settings { method: Method::AlwaysValid, looks: None, ..settings.clone() };
    let mut counts = counts.clone();
    let mut columns = Vec::new();
    // From today backwards: what was new on a day was not there the day before.
    for day in (first..timeline.days.len()).rev() {
        columns.push(analyse(&counts, &settings).ok());
        take_away(&mut counts, timeline, day);
    }
    columns.reverse();
    let named = columns.last().and_then(Option::as_ref).map(|analysis| &analysis.goals);
    let row = |(goal, variant): (String, String)| {
        let found: Vec<_> = columns
            .iter()
            .map(|analysis| {
                let goals = &analysis.as_ref()?.goals;
                let goal = goals.iter().find(|one| one.goal == goal)?;
                goal.against_control.iter().find(|one| one.variant == variant)
            })
            .collect();
        let each = |number: fn(&_) -> Option<f64>| -> Vec<Option<f64>> {
            found.iter().map(|one| one.and_then(number)).collect()
        };
        HistoryRow {
            lift: each(|one: &abtest_stats::analysis::Comparison| one.lift),
            low: each(|one| one.lift_low),
            high: each(|one| one.lift_high),
            goal,
            variant,
        }
    };
    let pairs = named.into_iter().flatten().flat_map(|goal| {
        goal.against_control.iter().map(|one| (goal.goal.clone(), one.variant.clone()))
    });
    History { rows: pairs.map(row).collect(), days: timeline.days[first..].to_vec() }
}

/// Goes back to the end of the day before.
fn take_away(counts: &mut Counts, timeline: &TimelineResults, day: usize) {
    for row in &timeline.counters {
        let Some(variant) = counts.variants.iter().position(|one| one.name == row.label) else {
            continue;
        };
        let count = if row.goal == Goal::PARTICIPATE {
            Some(&mut counts.variants[variant].trials)
        } else {
            let goal = counts.goals.iter_mut().find(|goal| goal.name == row.goal);
            goal.and_then(|goal| goal.successes.get_mut(variant))
        };
        if let Some(count) = count {
            *count = count.saturating_sub(row.new[day]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_model::{Counting, Day, Experiment, ExperimentResults, Tally, Timeline, Variant};
    use serde_json::Value;

    use crate::operator::analysis::{Asked, Detail, Question, read};
    use crate::operator::kept::Earlier;

    /// Two variants over three days. Before the first day, red already had 1,000 visitors.
    fn tally() -> Tally {
        let mut tally = Tally::new(Experiment::new("e").unwrap(), Counting::Exact);
        let mut timeline = Timeline::default();
        let mut count = |goal: &str, variant: &str, before: u64, days: [u64; 3]| {
            let (goal, variant) = (Goal::new(goal).unwrap(), Variant::new(variant).unwrap());
            tally.set(goal.clone(), variant.clone(), before + days.iter().sum::<u64>());
            for (day, new) in days.into_iter().enumerate().filter(|(_, new)| *new > 0) {
                let day = Day(20_000 + u32::try_from(day).unwrap());
                timeline.add(goal.clone(), variant.clone(), day, new);
            }
        };
        count("participate", "blue", 0, [1_000, 1_000, 1_000]);
        count("participate", "red", 1_000, [1_000, 0, 2_000]);
        count("signup", "blue", 0, [100, 90, 110]);
        count("signup", "red", 150, [100, 30, 200]);
        tally.timeline = Some(timeline);
        tally
    }

    fn ask(query: &str, tally: &Tally) -> Value {
        let query = abtest_model::Query::parse(query).unwrap();
        let question = Question::to_read(&query, Detail::Full).unwrap();
        let answer = read(&question, tally, &Earlier::default(), Asked::Alone).unwrap().answer;
        serde_json::to_value(answer).unwrap()
    }

    #[test]
    fn the_last_day_is_the_analysis_itself_and_an_earlier_one_that_of_its_counts() {
        let shown = ask("history=true", &tally());
        let row = &shown["history"]["rows"][0];
        let comparison = &shown["analysis"]["goals"][0]["against_control"][0];
        assert_eq!((&row["goal"], &row["variant"]), (&"signup".into(), &"red".into()));
        assert_eq!(row["lift"][2], comparison["lift"]);
        assert_eq!(row["low"][2], comparison["lift_low"]);
        assert_eq!(row["high"][2], comparison["lift_high"]);
        // On the first day 250 of 2,000 red visitors and 100 of 1,000 blue ones.
        assert!((row["lift"][0].as_f64().unwrap() - 0.25).abs() < 1e-12, "{row}");
        assert_eq!(shown["history"]["days"], shown["timeline"]["days"]);
        let width =
            |day: usize| row["high"][day].as_f64().unwrap() - row["low"][day].as_f64().unwrap();
        assert!(width(0) > width(1) && width(1) > width(2), "{row}");
    }

    #[test]
    fn nobody_gets_a_history_who_does_not_ask() {
        assert!(ask("", &tally()).get("history").is_none());
        let mut without_days = tally();
        without_days.timeline = None;
        assert!(ask("history=true", &without_days).get("history").is_none());
    }

    #[test]
    fn only_the_last_days_are_analysed() {
        let mut tally = tally();
        let mut timeline = Timeline::default();
        let (goal, blue) = (Goal::new("participate").unwrap(), Variant::new("blue").unwrap());
        for day in 0..200 {
            timeline.add(goal.clone(), blue.clone(), Day(day), 10);
        }
        tally.timeline = Some(timeline);
        let shown = ask("history=true", &tally);
        assert_eq!(shown["history"]["days"].as_array().unwrap().len(), DAYS);
        assert_eq!(shown["history"]["rows"][0]["lift"].as_array().unwrap().len(), DAYS);
        assert_eq!(
            shown["history"]["days"][DAYS - 1],
            ExperimentResults::from(&tally).timeline.unwrap().days[199]
        );
    }
}

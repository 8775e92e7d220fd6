//! The analysis of whole experiments: what it says, and that it always says something.

#![allow(clippy::unwrap_used)] // a panic is how a test says no

use abtest_stats::analysis::{
    AlarmVariant, Analysis, Better, Comparison, Counts, Decided, Declared, DeclaredKind,
    EarlierLook, Family, GoalCounts, GoalKind, GoalRole, LookRecord, Looks, Method, Outcome,
    Period, RaisedAlarm, Remark, RemarkCode, Settings, VariantCounts, analyse,
};
use abtest_stats::counter_error::Counter;
use proptest::prelude::*;
use serde_json::Value;

/// Variants as (trials, successes), all of weight 1, named A, B, C …
fn counts(variants: &[(u64, u64)]) -> Counts {
    let name = |index: usize| char::from(b'A' + index as u8).to_string();
    Counts {
        variants: variants
            .iter()
            .enumerate()
            .map(|(index, &(trials, _))| VariantCounts {
                name: name(index),
                trials,
                weight: Some(1.0),
            })
            .collect(),
        goals: vec![GoalCounts {
            name: "signups".into(),
            successes: variants.iter().map(|&(_, successes)| successes).collect(),
        }],
        periods: Vec::new(),
    }
}

fn exact() -> Settings {
    Settings { counter: Counter::Exact, ..Settings::default() }
}

fn of(variants: &[(u64, u64)]) -> Analysis {
    analyse(&counts(variants), &exact()).unwrap()
}

fn codes(analysis: &Analysis) -> Vec<RemarkCode> {
    analysis.warnings.iter().chain(&analysis.notes).map(|remark| remark.code).collect()
}

#[test]
fn a_clear_winner_is_named_with_the_range_of_its_lift() {
    let analysis = of(&[(20_000, 1_000), (20_100, 1_300)]);
    assert_eq!(analysis.verdict.outcome, Outcome::Better);
    assert_eq!(analysis.verdict.variant.as_deref(), Some("B"));
    assert_eq!(analysis.verdict.sentence, "B is better than A: signups up by between 13% and 47%.");
}

#[test]
fn a_clear_loser_is_named_too() {
    let analysis = of(&[(20_000, 1_300), (20_100, 1_000)]);
    assert_eq!(analysis.verdict.outcome, Outcome::Worse);
    assert!(analysis.verdict.sentence.starts_with("B is worse than A: signups down by between"));
}

#[test]
fn an_undecided_test_says_how_many_visitors_are_missing() {
    let analysis = of(&[(5_000, 250), (5_000, 260)]);
    assert_eq!(analysis.verdict.outcome, Outcome::KeepRunning);
    assert!(
        analysis.verdict.sentence.starts_with("Not enough data yet: about "),
        "{}",
        analysis.verdict.sentence
    );
    let needed = &analysis.goals[0].against_control[0].sample_needed;
    assert!(needed.per_variant_always_valid > needed.per_variant);
}

#[test]
fn a_difference_too_small_to_matter_ends_the_test() {
    let analysis = of(&[(4_000_000, 400_000), (4_000_000, 401_000)]);
    assert_eq!(analysis.verdict.outcome, Outcome::NoDifference);
}

#[test]
fn soundness_comes_before_everything() {
    let analysis = of(&[(20_000, 1_000), (24_000, 2_300)]);
    assert_eq!(analysis.verdict.outcome, Outcome::Unsound);
    assert!(codes(&analysis).contains(&RemarkCode::SampleRatioMismatch));
}

#[test]
fn few_participants_are_too_early() {
    for few in [[(99, 20), (99, 30)], [(5_000, 3), (5_000, 40)], [(500, 498), (500, 400)]] {
        let analysis = of(&few);
        assert_eq!(analysis.verdict.outcome, Outcome::TooEarly, "{few:?}");
        let comparison = &analysis.goals[0].against_control[0];
        assert!(comparison.p_value.is_none() && comparison.reason.is_some());
    }
}

#[test]
fn one_variant_or_none_has_nothing_to_compare() {
    for variants in [vec![], vec![(1_000, 20)], vec![(0, 0), (0, 0)]] {
        let analysis = of(&variants);
        assert_eq!(analysis.verdict.outcome, Outcome::NothingToCompare, "{variants:?}");
    }
    let empty = analyse(&Counts::default(), &Settings::default()).unwrap();
    assert_eq!(empty.verdict.outcome, Outcome::NothingToCompare);
}

#[test]
fn successes_above_trials_are_cut_within_the_counters_error_and_a_rate_beyond_it() {
    let slightly = counts(&[(100_000, 100_900), (100_100, 100_000)]);
    let cut = analyse(&slightly, &Settings::default()).unwrap();
    assert_eq!(cut.goals[0].kind, GoalKind::Proportion);
    assert_eq!(cut.goals[0].variants[0].rate, Some(1.0));
    assert!(codes(&cut).contains(&RemarkCode::SuccessesCut));

    let counted_exactly = analyse(&slightly, &exact()).unwrap();
    assert_eq!(counted_exactly.goals[0].kind, GoalKind::Rate);

    let plainly =
        analyse(&counts(&[(1_000, 2_400), (1_000, 2_500)]), &Settings::default()).unwrap();
    assert_eq!(plainly.goals[0].kind, GoalKind::Rate);
    assert!(codes(&plainly).contains(&RemarkCode::CountedAsRate));
    assert!(plainly.goals[0].matrix.chance_to_beat.is_none());
    assert!(plainly.goals[0].matrix.reason.is_some());
}

#[test]
fn a_goal_that_visitors_repeat_gives_no_verdict_and_says_what_to_declare() {
    let analysis = analyse(&counts(&[(10_000, 24_000), (10_000, 29_000)]), &exact()).unwrap();
    assert_eq!(analysis.verdict.outcome, Outcome::NoVerdict);
    assert!(
        analysis.verdict.sentence.contains("declare the goal with kind count"),
        "{:?}",
        analysis.verdict
    );
    let comparison = &analysis.goals[0].against_control[0];
    assert!(comparison.lift.is_some() && comparison.lift_low.is_none());
    assert!(comparison.p_value.is_none() && comparison.decision.is_none());
}

#[test]
fn the_counters_error_widens_every_interval_and_says_by_how_much() {
    let of_large = |settings: &Settings| {
        analyse(&counts(&[(1_000_000, 300_000), (1_000_000, 303_000)]), settings).unwrap()
    };
    let (hll, exact) = (of_large(&Settings::default()), of_large(&exact()));
    let (with, without) = (&hll.goals[0].against_control[0], &exact.goals[0].against_control[0]);
    assert!(with.p_value > without.p_value, "{with:?}");
    assert!(with.counter_share.unwrap() > 0.5 && without.counter_share == Some(0.0));
    assert!(codes(&hll).contains(&RemarkCode::CounterErrorDominates));
    assert!(hll.goals[0].variants[0].effective_trials < 1_000_000.0);
}

#[test]
fn a_lift_that_the_counter_hides_is_said_to_be_out_of_its_reach() {
    let settings = Settings { minimum_lift: 0.01, ..Settings::default() };
    let analysis = analyse(&counts(&[(10_000, 3_000), (10_000, 3_010)]), &settings).unwrap();
    let needed = &analysis.goals[0].against_control[0].sample_needed;
    assert_eq!(needed.per_variant_always_valid, None);
    assert!(needed.reason.as_deref().unwrap().contains("counting"));
    assert!(analysis.verdict.sentence.contains("unknown, because"));
}

#[test]
fn weights_that_are_missing_are_equal_and_weights_missing_in_part_are_not_checked() {
    let mut counts = counts(&[(10_000, 400), (10_100, 500)]);
    counts.variants.iter_mut().for_each(|v| v.weight = None);
    let none = analyse(&counts, &exact()).unwrap();
    assert!(none.sample_ratio.p_value.is_some());
    assert!(codes(&none).contains(&RemarkCode::WeightsAssumedEqual));
    counts.variants[0].weight = Some(1.0);
    let some = analyse(&counts, &exact()).unwrap();
    assert!(some.sample_ratio.p_value.is_none() && some.sample_ratio.reason.is_some());
}

#[test]
fn a_primary_goal_is_corrected_alone_and_decides() {
    let mut counts = counts(&[(20_000, 1_000), (20_000, 1_160)]);
    for index in 0..9 {
        let mut other = counts.goals[0].clone();
        other.name = format!("other {index}");
        other.successes = vec![500, 500];
        counts.goals.insert(0, other);
    }
    let settings = Settings { primary_goal: Some("signups".into()), ..exact() };
    let named = analyse(&counts, &settings).unwrap();
    let comparison = &named.goals[9].against_control[0];
    assert_eq!(comparison.p_value, comparison.adjusted_p_value);
    assert_eq!(named.verdict.goal.as_deref(), Some("signups"));

    let unnamed = analyse(&counts, &exact()).unwrap();
    let comparison = &unnamed.goals[9].against_control[0];
    assert!(comparison.adjusted_p_value > comparison.p_value);
    assert!(codes(&unnamed).contains(&RemarkCode::NoPrimaryGoal));
}

#[test]
fn a_control_or_goal_that_is_not_there_is_an_error_that_names_it() {
    let counts = counts(&[(10, 1), (10, 2)]);
    let control = Settings { control: Some("Z".into()), ..Settings::default() };
    assert!(analyse(&counts, &control).unwrap_err().to_string().contains("\"Z\""));
    let goal = Settings { primary_goal: Some("sales".into()), ..Settings::default() };
    assert!(analyse(&counts, &goal).unwrap_err().to_string().contains("\"sales\""));
}

#[test]
fn any_variant_can_be_the_control() {
    let settings = Settings { control: Some("B".into()), ..exact() };
    let analysis = analyse(&counts(&[(20_000, 1_300), (20_100, 1_000)]), &settings).unwrap();
    assert_eq!(analysis.goals[0].against_control.len(), 1);
    assert_eq!(analysis.verdict.variant.as_deref(), Some("A"));
}

#[test]
fn fifty_variants_are_compared_all_with_all() {
    let variants: Vec<(u64, u64)> = (0..50).map(|v| (10_000 + v % 7, 500 + v)).collect();
    let mut many = counts(&variants[..26]);
    many.variants.iter_mut().enumerate().for_each(|(i, v)| v.name = format!("v{i}"));
    let analysis = analyse(&many, &Settings::default()).unwrap();
    assert_eq!(analysis.goals[0].against_control.len(), 25);
    let mut fifty = counts(&[]);
    fifty.variants = (0..50)
        .map(|i| VariantCounts { name: format!("v{i}"), trials: variants[i].0, weight: None })
        .collect();
    fifty.goals[0].successes = variants.iter().map(|v| v.1).collect();
    let analysis = analyse(&fifty, &Settings::default()).unwrap();
    let best: f64 = analysis.goals[0].variants.iter().filter_map(|v| v.chance_best).sum();
    assert!((best - 1.0).abs() < 1e-9);
}

/// Every null stands in an object with a reason, or on a matrix' diagonal, or names something that need not exist.
fn nulls_are_explained(value: &Value, path: &str) -> Result<(), String> {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let may_be_absent =
                    ["goal", "variant", "control", "decision", "found", "weight", "bound", "cap"]
                        .contains(&name.as_str());
                if member.is_null() && !may_be_absent && !members.contains_key("reason") {
                    return Err(format!("{path}.{name} is null without a reason"));
                }
                if name != "matrix" {
                    nulls_are_explained(member, &format!("{path}.{name}"))?;
                }
            }
            Ok(())
        }
        Value::Array(entries) => {
            entries.iter().try_for_each(|entry| nulls_are_explained(entry, path))
        }
        _ => Ok(()),
    }
}

fn any_count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..20u64, 0..100_000u64, 0..1_000_000_000_000u64, Just(u64::MAX)]
}

proptest! {
    #[test]
    fn whatever_was_counted_is_answered_with_numbers_or_nulls_that_say_why(
        variants in prop::collection::vec((any_count(), any_count(), prop::option::of(-1.0..5.0f64)), 0..7),
        goals in 0..3usize, counter in prop_oneof![Just(Counter::Hll), Just(Counter::Exact)],
        minimum_lift in 1e-6..2.0f64,
    ) {
        let counts = Counts {
            variants: variants.iter().enumerate().map(|(i, v)| VariantCounts {
                name: format!("v{i}"), trials: v.0, weight: v.2,
            }).collect(),
            goals: (0..goals).map(|g| GoalCounts {
                name: format!("g{g}"), successes: variants.iter().map(|v| v.1 >> (8 * g)).collect(),
            }).collect(),
            periods: Vec::new(),
        };
        let settings = Settings { counter, minimum_lift, ..Settings::default() };
        let analysis = analyse(&counts, &settings).unwrap();
        let json = serde_json::to_value(&analysis).unwrap();
        prop_assert!(!analysis.verdict.sentence.is_empty());
        prop_assert_eq!(nulls_are_explained(&json, ""), Ok(()));
        for goal in &analysis.goals {
            for v in &goal.variants {
                if let (Some(low), Some(rate), Some(high)) = (v.low, v.rate, v.high) {
                    prop_assert!(low <= rate * (1.0 + 1e-12) && rate <= high * (1.0 + 1e-12));
                }
            }
            for c in &goal.against_control {
                if let (Some(p), Some(adjusted)) = (c.p_value, c.adjusted_p_value) {
                    prop_assert!(p <= adjusted && adjusted <= 1.0);
                }
                if let (Some(low), Some(lift), Some(high)) = (c.lift_low, c.lift, c.lift_high) {
                    prop_assert!(low <= lift + 1e-9 && lift <= high + 1e-9);
                }
            }
        }
    }
}

fn looks(planned: u64, earlier: &[u64]) -> Looks {
    Looks {
        planned,
        earlier: earlier.iter().map(|&look| EarlierLook::Told(look)).collect(),
        now: true,
    }
}

fn at_looks(variants: &[(u64, u64)], looks: Looks) -> Analysis {
    let settings = Settings { method: Method::Sequential, looks: Some(looks), ..exact() };
    analyse(&counts(variants), &settings).unwrap()
}

fn sequential(variants: &[(u64, u64)], planned: u64, earlier: &[u64]) -> Analysis {
    at_looks(variants, looks(planned, earlier))
}

fn first(analysis: &Analysis) -> &Comparison {
    &analysis.goals[0].against_control[0]
}

/// The look that an analysis was, as it is stored and read back.
fn record(analysis: &Analysis) -> LookRecord {
    let look = analysis.looks.as_ref().unwrap().taken.last().unwrap();
    serde_json::from_str(&serde_json::to_string(look).unwrap()).unwrap()
}

fn after(records: &[LookRecord], planned: u64, now: bool) -> Looks {
    let earlier =
        records.iter().map(|look| EarlierLook::Recorded(Box::new(look.clone()))).collect();
    Looks { planned, earlier, now }
}

#[test]
fn a_single_look_at_the_planned_end_is_the_fixed_test() {
    let analysis = sequential(&[(20_000, 1_000), (20_000, 1_100)], 40_000, &[]);
    let comparison = first(&analysis);
    assert!((comparison.look.unwrap().bound - 1.959_963_984_540_054).abs() < 1e-9);
    let two_sided = 2.0 * abtest_stats::normal::upper_tail(comparison.z.unwrap());
    assert!((comparison.p_value.unwrap() - two_sided).abs() < 1e-12);
    assert_eq!(analysis.verdict.outcome, Outcome::Better);
}

#[test]
fn an_early_look_asks_for_more_and_makes_the_last_one_ask_a_little_more() {
    let half = [(10_000, 500), (10_000, 560)];
    let bound = |variants: &[(u64, u64)], earlier: &[u64]| {
        first(&sequential(variants, 40_000, earlier)).look.unwrap().bound
    };
    let all = [(20_000, 1_000), (20_000, 1_100)];
    assert!(bound(&half, &[]) > 2.9);
    assert!(bound(&all, &[20_000]) > bound(&all, &[]));
    assert!(bound(&all, &[20_000]) < 2.0);
    // z = 1.9 does not stop the experiment half way.
    let early = sequential(&half, 40_000, &[]);
    assert_eq!(early.verdict.outcome, Outcome::KeepRunning);
    let taken: Vec<u64> = early.looks.unwrap().taken.iter().map(|look| look.participants).collect();
    assert_eq!(taken, [20_000]);
}

#[test]
fn comparisons_share_alpha_over_the_looks_unless_told_not_to() {
    let three = [(20_000, 1_000), (20_000, 1_100), (20_000, 1_010)];
    let bound = first(&sequential(&three, 60_000, &[])).look.unwrap().bound;
    assert!((bound - 2.241_402_727_604_95).abs() < 1e-9, "{bound}");
}

#[test]
fn reading_takes_the_recorded_bounds_as_they_are_and_computes_none() {
    let early = [(10_000, 500), (10_000, 560)];
    let mut look = record(&sequential(&early, 40_000, &[]));
    // No look could follow this one, but a report needs only what it holds.
    look.families[0].spent_after = 2.0;
    let later = [(15_000, 800), (15_000, 900)];
    let read = at_looks(&later, after(&[look.clone()], 40_000, false));
    assert_eq!(read.looks.unwrap().taken, [look.clone()]);
    let looks = Some(after(&[look], 40_000, true));
    let settings = Settings { method: Method::Sequential, looks, ..exact() };
    assert!(analyse(&counts(&later), &settings).is_err());
}

#[test]
fn the_verdict_is_about_a_goal_of_the_looks_and_later_variants_do_not_void_the_split() {
    let decided = sequential(&[(10_000, 500), (10_000, 800)], 40_000, &[]);
    assert_eq!(decided.verdict.outcome, Outcome::Better);
    let looks = Some(after(&[record(&decided)], 40_000, false));
    let mut later = counts(&[(10_000, 500), (10_000, 800), (3_000, 0)]);
    later.variants.iter_mut().for_each(|variant| variant.weight = None);
    later.goals.insert(0, GoalCounts { name: "aaa".into(), successes: vec![0, 1, 0] });
    let settings = Settings { method: Method::Sequential, looks, ..exact() };
    let analysis = analyse(&later, &settings).unwrap();
    assert!(analysis.verdict.sentence.starts_with(&decided.verdict.sentence));
    assert!(!analysis.sample_ratio.alarm);
    let without = analyse(&later, &Settings { looks: None, ..settings }).unwrap();
    assert!(without.sample_ratio.alarm, "3,000 of a third variant are no equal split");
}

#[test]
fn looks_that_are_not_possible_say_why() {
    let all = [(20_000, 1_000), (20_000, 1_100)];
    for (planned, earlier) in [(40_000, [50_000]), (30_000, [30_000]), (100_000_000, [1])] {
        let analysis = sequential(&all, planned, &earlier);
        let found = first(&analysis);
        assert!(found.look.is_none() && found.reason.is_some(), "{found:?}");
        assert_ne!(analysis.verdict.outcome, Outcome::Better);
    }
    let settings = |planned, earlier: &[u64]| Settings {
        method: Method::Sequential,
        looks: Some(looks(planned, earlier)),
        ..exact()
    };
    assert!(analyse(&counts(&all), &settings(0, &[])).is_err());
    assert!(analyse(&counts(&all), &settings(9, &[2, 2])).is_err());
    let no_plan = Settings { method: Method::Sequential, ..exact() };
    let analysis = analyse(&counts(&all), &no_plan).unwrap();
    assert!(analysis.looks.is_none());
    assert_eq!(analysis.verdict.outcome, Outcome::KeepRunning);
    assert!(analysis.verdict.sentence.contains("Take the first look"), "{:?}", analysis.verdict);
}

#[test]
fn between_looks_the_report_shows_what_the_last_look_saw() {
    let quiet = sequential(&[(10_000, 500), (10_000, 510)], 80_000, &[]);
    let looks = after(&[record(&quiet)], 80_000, false);
    let overwhelming = [(20_000, 1_000), (20_000, 2_000)];
    let between = at_looks(&overwhelming, looks.clone());
    assert_eq!(first(&between).lift_low, first(&quiet).lift_low);
    assert_eq!(first(&between).z, first(&quiet).z);
    assert_eq!(between.verdict.outcome, Outcome::KeepRunning);
    assert_eq!(between.looks.unwrap().taken.len(), 1);
    let taken = at_looks(&overwhelming, Looks { now: true, ..looks });
    assert_eq!(taken.verdict.outcome, Outcome::Better);
    assert_eq!(taken.looks.unwrap().taken.len(), 2);
}

#[test]
fn what_a_look_decided_stays_decided() {
    let then = sequential(&[(10_000, 500), (10_000, 700)], 40_000, &[]);
    assert_eq!(then.verdict.outcome, Outcome::Better);
    let decision = then.looks.as_ref().unwrap().decisions[0].clone();
    assert_eq!((decision.participants, &*decision.control), (20_000, "A"));
    // By now hardly anything is left of the difference.
    let later = [(15_000, 1_000), (15_000, 1_005)];
    for now in [false, true] {
        let analysis = at_looks(&later, after(&[record(&then)], 40_000, now));
        assert_eq!(analysis.looks.as_ref().unwrap().decisions[0], decision);
        assert_eq!(first(&analysis).lift_low, Some(decision.lift_low));
        assert_eq!(analysis.verdict.outcome, Outcome::Better);
        assert!(analysis.verdict.sentence.ends_with("The look at 20,000 participants decided it."));
    }
}

#[test]
fn another_control_is_told_which_one_the_looks_used_and_what_they_decided() {
    let then = sequential(&[(10_000, 500), (10_000, 700)], 40_000, &[]);
    let settings = |now| Settings {
        method: Method::Sequential,
        looks: Some(after(&[record(&then)], 40_000, now)),
        control: Some("B".to_owned()),
        ..exact()
    };
    let later = counts(&[(15_000, 1_000), (15_000, 1_005)]);
    let other = analyse(&later, &settings(false)).unwrap();
    assert_eq!(other.verdict.outcome, Outcome::NoVerdict);
    assert!(
        other.verdict.sentence.contains("the looks used A as the control"),
        "{:?}",
        other.verdict
    );
    let warning = other.warnings.iter().find(|one| one.code == RemarkCode::LooksDiffer).unwrap();
    assert!(warning.message.contains("found B above A on signups"), "{}", warning.message);
    assert_eq!(other.looks.unwrap().decisions.len(), 1);
    let error = analyse(&later, &settings(true)).unwrap_err();
    assert!(error.to_string().contains("\"A\""), "{error}");
}

#[test]
fn every_method_shows_the_looks_and_what_they_decided() {
    let then = sequential(&[(10_000, 500), (10_000, 700)], 40_000, &[]);
    for method in [Method::AlwaysValid, Method::Fixed] {
        let settings =
            Settings { method, looks: Some(after(&[record(&then)], 40_000, false)), ..exact() };
        let analysis = analyse(&counts(&[(15_000, 1_000), (15_000, 1_005)]), &settings).unwrap();
        assert_eq!(analysis.looks.as_ref().unwrap().decisions.len(), 1);
        assert!(codes(&analysis).contains(&RemarkCode::LooksTaken));
        assert!(first(&analysis).look.is_none());
    }
}

#[test]
fn a_look_that_decided_nothing_leaves_the_next_ones_open() {
    let then = sequential(&[(10_000, 500), (10_000, 510)], 40_000, &[]);
    let looks = after(&[record(&then)], 40_000, true);
    let analysis = at_looks(&[(20_000, 1_000), (20_000, 1_200)], looks);
    assert_eq!(analysis.looks.as_ref().unwrap().decisions[0].participants, 40_000);
    assert!(!analysis.verdict.sentence.contains("decided it"));
    let families = &analysis.looks.unwrap().taken[1].families;
    assert_eq!(families[0].spent_before, record(&then).families[0].spent_after);
}

#[test]
fn a_goal_that_appears_after_the_first_look_changes_no_bound() {
    let then = sequential(&[(10_000, 500), (10_000, 510)], 40_000, &[]);
    let bound = |goals: usize| {
        let mut counts = counts(&[(20_000, 1_000), (20_000, 1_200)]);
        for index in 0..goals {
            let successes = vec![400, 900];
            counts.goals.push(GoalCounts { name: format!("made up {index}"), successes });
        }
        let looks = Some(after(&[record(&then)], 40_000, true));
        let settings = Settings { method: Method::Sequential, looks, ..exact() };
        let analysis = analyse(&counts, &settings).unwrap();
        if goals > 0 {
            assert_eq!(analysis.goals[1].verdict.outcome, Outcome::NoVerdict);
            assert!(analysis.goals[1].against_control[0].decision.is_none());
        }
        first(&analysis).look.unwrap().bound
    };
    assert_eq!(bound(0), bound(43));
}

fn declared(counts: &Counts) -> Declared {
    Declared::as_counted(counts, Some("signups"))
}

#[test]
fn undeclared_goals_and_variants_are_shown_and_decide_nothing() {
    let mut counts = counts(&[(20_000, 1_000), (20_000, 1_400), (20_000, 1_500)]);
    let mut declared = declared(&counts);
    declared.variants.pop();
    counts.goals.push(GoalCounts { name: "made up".into(), successes: vec![1, 9_000, 9_000] });
    let analysis = analyse(&counts, &Settings { declared: Some(declared), ..exact() }).unwrap();
    let [b, c] = analysis.goals[0].against_control.as_slice() else { panic!() };
    assert_eq!((b.family, b.decision), (Family::Primary, Some(Decided::Better)));
    assert_eq!((c.family, c.decision, c.lift_low), (Family::Exploratory, None, None));
    assert!(c.lift.is_some() && c.reason.is_some());
    assert_eq!(analysis.goals[1].verdict.outcome, Outcome::NoVerdict);
    assert_eq!(analysis.families.len(), 1);
    assert_eq!((analysis.families[0].comparisons, analysis.families[0].declared), (1, true));
    assert!(!analysis.sample_ratio.alarm, "an undeclared variant is no part of the split");
}

#[test]
fn a_goal_that_should_fall_is_better_when_it_falls() {
    let counts = counts(&[(20_000, 1_300), (20_000, 1_000)]);
    let mut declared = declared(&counts);
    declared.goals[0].better = Better::Lower;
    let analysis = analyse(&counts, &Settings { declared: Some(declared), ..exact() }).unwrap();
    assert_eq!(first(&analysis).decision, Some(Decided::Better));
    assert_eq!(analysis.verdict.outcome, Outcome::Better);
    assert!(
        analysis.verdict.sentence.contains("signups down by between"),
        "{:?}",
        analysis.verdict
    );
}

#[test]
fn a_goal_declared_as_a_count_needs_totals() {
    let counts = counts(&[(20_000, 1_300), (20_000, 1_000)]);
    let mut declared = declared(&counts);
    declared.goals[0].kind = DeclaredKind::Count;
    let analysis = analyse(&counts, &Settings { declared: Some(declared), ..exact() }).unwrap();
    assert_eq!(analysis.verdict.outcome, Outcome::NoVerdict);
}

#[test]
fn declared_pairs_without_data_count_in_the_family() {
    let counts = counts(&[(20_000, 1_000), (20_000, 1_150)]);
    let mut declared = declared(&counts);
    let alone =
        analyse(&counts, &Settings { declared: Some(declared.clone()), ..exact() }).unwrap();
    let mut missing = declared.variants[1].clone();
    missing.name = "C".into();
    declared.variants.push(missing);
    let wider = analyse(&counts, &Settings { declared: Some(declared), ..exact() }).unwrap();
    assert_eq!(first(&wider).interval_level, Some(0.975));
    assert!(first(&wider).lift_low < first(&alone).lift_low);
}

#[test]
fn goals_in_other_roles_have_error_rates_of_their_own() {
    let mut counts = counts(&[(20_000, 1_000), (20_000, 1_150)]);
    for name in ["clicks", "errors"] {
        counts.goals.push(GoalCounts { name: name.into(), successes: vec![1_000, 1_150] });
    }
    let mut declared = declared(&counts);
    declared.goals[2].role = GoalRole::Guardrail;
    let analysis = analyse(&counts, &Settings { declared: Some(declared), ..exact() }).unwrap();
    let families: Vec<Family> =
        analysis.goals.iter().map(|g| g.against_control[0].family).collect();
    assert_eq!(families, [Family::Primary, Family::Secondary, Family::Guardrail]);
    for goal in &analysis.goals {
        assert_eq!(goal.against_control[0].p_value, goal.against_control[0].adjusted_p_value);
    }
}

#[test]
fn the_sample_ratio_alarm_stays_and_chi_square_never_raises_it() {
    let counts = counts(&[(10_000, 1_000), (10_480, 1_100)]);
    let analysis = analyse(&counts, &exact()).unwrap();
    let check = &analysis.sample_ratio;
    assert!(check.p_value.unwrap() < 0.001 && check.e_value.unwrap() < 1_000.0, "{check:?}");
    assert!(!check.alarm);
    let of =
        |variant: &str, participants| AlarmVariant { variant: variant.to_owned(), participants };
    let raised = RaisedAlarm {
        at: "2026-11-20T08:00:00Z".to_owned(),
        e_value: 2e6,
        variants: vec![of("A", 1_000), of("B", 1_500)],
    };
    let before = Settings { sample_ratio_alarmed: Some(raised.clone()), ..exact() };
    let analysis = analyse(&counts, &before).unwrap();
    assert!(analysis.sample_ratio.alarm);
    assert_eq!(analysis.sample_ratio.raised, Some(raised));
    let warning = &analysis.warnings[0].message;
    assert!(
        warning.contains("raised at 2026-11-20T08:00:00Z, with 2,500 participants"),
        "{warning}"
    );
    assert_eq!(analysis.verdict.outcome, Outcome::Unsound);
}

#[test]
fn one_made_up_variant_neither_voids_the_verdict_nor_becomes_the_control() {
    let sound = counts(&[(20_000, 1_000), (20_100, 1_300)]);
    let mut disturbed = sound.clone();
    let stranger = VariantCounts { name: "Control".to_owned(), trials: 1, weight: None };
    disturbed.variants.insert(0, stranger);
    disturbed.goals[0].successes.insert(0, 1);
    let (before, after) =
        (analyse(&sound, &exact()).unwrap(), analyse(&disturbed, &exact()).unwrap());
    assert_eq!(after.verdict.outcome, Outcome::Better);
    let is_listed = |note: &Remark| note.code == RemarkCode::NegligibleVariants;
    assert!(after.notes.iter().any(|note| is_listed(note) && note.message.contains("Control (1)")));
    let notes = after.notes.iter().filter(|note| !is_listed(note)).cloned().collect();
    assert_eq!(Analysis { notes, ..after }, before);
}

#[test]
fn periods_are_judged_by_their_own_weights() {
    let mut counts = counts(&[(11_000, 500), (19_000, 500)]);
    assert!(analyse(&counts, &exact()).unwrap().sample_ratio.alarm);
    counts.periods = vec![
        Period { weights: vec![1.0, 1.0], participants: vec![10_000, 10_000] },
        Period { weights: vec![1.0, 9.0], participants: vec![1_000, 9_000] },
    ];
    let check = analyse(&counts, &exact()).unwrap().sample_ratio;
    assert!(!check.alarm && check.p_value.unwrap() > 0.9, "{check:?}");
    assert_eq!(check.expected, Some(vec![11_000.0, 19_000.0]));
}

#[test]
fn close_variants_that_the_interval_separates_are_called_better() {
    // An interval above 0 once stood beside "keep running" for these counts.
    let counts = counts(&[(1_009, 109), (999, 160), (1_046, 117)]);
    let settings = Settings { declared: Some(declared(&counts)), ..exact() };
    let analysis = analyse(&counts, &settings).unwrap();
    let b = first(&analysis);
    assert!(b.lift_low.unwrap() > 0.0 && b.adjusted_p_value.unwrap() < 0.05);
    assert_eq!((b.decision, analysis.verdict.outcome), (Some(Decided::Better), Outcome::Better));
}

/// Interval, p-value, decision and verdict agree in every row.
fn agrees(analysis: &Analysis) -> Result<(), TestCaseError> {
    for goal in &analysis.goals {
        let mut decided = Vec::new();
        for c in &goal.against_control {
            let interval = c.lift_low.zip(c.lift_high);
            prop_assert_eq!(interval.is_some(), c.adjusted_p_value.is_some(), "{:?}", c);
            prop_assert_eq!(interval.is_some(), c.interval_level.is_some(), "{:?}", c);
            let excludes = interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0);
            let alpha = 1.0 - analysis.level;
            let small = c.adjusted_p_value.is_some_and(|p| p < alpha);
            prop_assert_eq!(excludes, small, "{:?}", c);
            prop_assert_eq!(excludes, c.decision.is_some(), "{:?}", c);
            decided.push(c.decision);
        }
        let better = decided.contains(&Some(Decided::Better));
        if goal.verdict.outcome != Outcome::Unsound {
            prop_assert_eq!(better, goal.verdict.outcome == Outcome::Better, "{:?}", goal.verdict);
            if goal.verdict.outcome == Outcome::KeepRunning {
                prop_assert!(!decided.iter().all(Option::is_some) || decided.is_empty());
            }
        }
    }
    Ok(())
}

/// Counts near the edge of significance, where members would part first.
fn near_the_edge() -> impl Strategy<Value = Counts> {
    let variant = (100u64..3_000_000, 0.5..1.5f64);
    (prop::collection::vec(variant, 2..5), 0.001..0.6f64, 1..4usize).prop_map(
        |(variants, rate, goals)| {
            let pairs: Vec<(u64, u64)> = variants
                .iter()
                .map(|&(trials, factor)| {
                    let spread = 4.0 / (trials as f64 * rate).sqrt().max(1.0);
                    let rate = (rate * (1.0 + (factor - 1.0) * spread)).min(1.0);
                    (trials, (trials as f64 * rate) as u64)
                })
                .collect();
            let mut counts = counts(&pairs);
            for goal in 1..goals {
                let successes = pairs.iter().map(|&(_, s)| s - s / (7 * goal as u64 + 3)).collect();
                counts.goals.push(GoalCounts { name: format!("goal {goal}"), successes });
            }
            counts
        },
    )
}

fn any_settings() -> impl Strategy<Value = Settings> {
    use abtest_stats::many_comparisons::Correction;
    (
        prop_oneof![Just(Method::AlwaysValid), Just(Method::Fixed), Just(Method::Sequential)],
        prop_oneof![
            Just(Correction::Bonferroni),
            Just(Correction::BenjaminiHochberg),
            Just(Correction::None)
        ],
        prop_oneof![Just(Counter::Hll), Just(Counter::Exact)],
        prop_oneof![Just(0.05), 0.001..0.5f64],
        1_000..10_000_000u64,
        any::<bool>(),
    )
        .prop_map(|(method, correction, counter, alpha, planned, primary)| Settings {
            method,
            correction,
            counter,
            level: abtest_stats::Level::from_alpha(alpha).unwrap(),
            looks: Some(looks(planned, &[])),
            primary_goal: primary.then(|| "signups".to_owned()),
            ..Settings::default()
        })
}

proptest! {
    #[test]
    fn the_interval_the_p_value_and_the_verdict_always_agree(
        counts in near_the_edge(), settings in any_settings(), declare: bool,
    ) {
        let declared = declare.then(|| declared(&counts));
        agrees(&analyse(&counts, &Settings { declared, ..settings }).unwrap())?;
    }

    #[test]
    fn the_fixed_interval_of_the_difference_agrees_with_that_of_the_lift(counts in near_the_edge()) {
        let settings = Settings { method: Method::Fixed, ..exact() };
        for goal in analyse(&counts, &settings).unwrap().goals {
            for c in goal.against_control {
                let (Some(low), Some(high)) = (c.difference_low, c.difference_high) else { continue };
                prop_assert_eq!(low > 1e-12 || high < -1e-12, c.decision.is_some(), "{:?}", c);
            }
        }
    }

    #[test]
    fn nothing_that_comes_later_changes_a_look(
        counts in near_the_edge(), later in near_the_edge(), settings in any_settings(), other in any_settings(),
        new_goals in 0..5usize, swap: bool,
    ) {
        let planned = 100_000_000;
        let looked = Settings { method: Method::Sequential, looks: Some(looks(planned, &[])), ..settings };
        let then = analyse(&counts, &looked).unwrap();
        let Some(report) = then.looks.filter(|report| !report.taken.is_empty()) else { return Ok(()) };
        let mut later = later;
        for index in 0..new_goals {
            let successes = later.goals[0].successes.iter().map(|s| s / 2).collect();
            later.goals.push(GoalCounts { name: format!("made up {index}"), successes });
        }
        let control = swap.then(|| "B".to_owned());
        let looks = after(&report.taken, planned, !swap);
        let settings = Settings { control, looks: Some(looks), ..other };
        let now = analyse(&later, &settings).unwrap();
        let told = now.looks.as_ref().unwrap();
        prop_assert_eq!(&told.taken[0], &report.taken[0]);
        for decision in &report.decisions {
            prop_assert!(told.decisions.contains(decision));
        }
        agrees(&now).or_else(|error| if settings.method == Method::Sequential { Ok(()) } else { Err(error) })?;
    }

    #[test]
    fn a_negligible_variant_changes_nothing_but_a_note(
        counts in near_the_edge(), settings in any_settings(), place in 0..2usize, trials in 0..100u64,
        reached in 0..200u64,
    ) {
        let largest = counts.variants.iter().map(|variant| variant.trials).max().unwrap();
        prop_assume!(trials * 1_000 < largest);
        let mut disturbed = counts.clone();
        let stranger = VariantCounts { name: "control".to_owned(), trials, weight: None };
        disturbed.variants.insert(place, stranger);
        for goal in &mut disturbed.goals {
            goal.successes.insert(place, reached);
        }
        let before = analyse(&counts, &settings).unwrap();
        let after = analyse(&disturbed, &settings).unwrap();
        let is_new = |note: &&Remark| note.code != RemarkCode::NegligibleVariants;
        prop_assert_eq!(after.notes.len(), before.notes.len() + 1);
        let notes = after.notes.iter().filter(is_new).cloned().collect();
        prop_assert_eq!(Analysis { notes, ..after }, before);
    }

    #[test]
    fn any_looks_have_a_report(
        variants in prop::collection::vec((0..=1_000_000u64, 0..=1_000_000u64), 2..4),
        planned in 1..=2_000_000u64,
        earlier in prop::collection::btree_set(1..=2_000_000u64, 0..6),
        now: bool,
    ) {
        let earlier: Vec<u64> = earlier.into_iter().collect();
        let analysis = at_looks(&variants, Looks { now, ..looks(planned, &earlier) });
        for comparison in &analysis.goals[0].against_control {
            prop_assert!(comparison.look.is_some() || comparison.reason.is_some());
        }
        prop_assert_eq!(nulls_are_explained(&serde_json::to_value(&analysis).unwrap(), ""), Ok(()));
    }

    #[test]
    fn the_report_is_read_back_as_it_was_written(counts in near_the_edge(), settings in any_settings()) {
        let analysis = analyse(&counts, &settings).unwrap();
        let written = serde_json::to_value(&analysis).unwrap();
        let back: Analysis = serde_json::from_str(&written.to_string()).unwrap();
        prop_assert!(same(&written, &serde_json::to_value(&back).unwrap()));
    }
}

/// Equal, up to the last digit of numbers.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-14 * a.abs()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

//! The analysis of whole experiments: what it says, and that it always says something.

#![allow(clippy::unwrap_used)] // a panic is how a test says no

use abtest_stats::analysis::{
    Analysis, Counts, EarlierLook, GoalCounts, GoalKind, Looks, Method, Outcome, RemarkCode,
    Settings, VariantCounts, analyse,
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
            unique: true,
        }],
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
        analysis.verdict.sentence.starts_with("Keep running: about "),
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
        let always_valid = &analysis.goals[0].against_control[0].always_valid;
        assert!(always_valid.p_value.is_none() && always_valid.reason.is_some());
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
fn a_goal_declared_to_repeat_is_a_rate_however_few_reach_it() {
    let mut counts = counts(&[(10_000, 400), (10_000, 500)]);
    counts.goals[0].unique = false;
    let analysis = analyse(&counts, &exact()).unwrap();
    assert_eq!(analysis.goals[0].kind, GoalKind::Rate);
    assert!(analysis.goals[0].against_control[0].p_value.is_some());
}

#[test]
fn the_counters_error_widens_every_interval_and_says_by_how_much() {
    let of_large = |settings: &Settings| {
        analyse(&counts(&[(1_000_000, 300_000), (1_000_000, 303_000)]), settings).unwrap()
    };
    let (hll, exact) = (of_large(&Settings::default()), of_large(&exact()));
    let (with, without) = (&hll.goals[0].against_control[0], &exact.goals[0].against_control[0]);
    assert!(with.p_value > without.p_value);
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
    assert!(analysis.verdict.sentence.contains("cannot be said"));
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
                let may_be_absent = ["goal", "variant", "control"].contains(&name.as_str());
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
        goals in 0..3usize, unique in any::<bool>(), counter in prop_oneof![Just(Counter::Hll), Just(Counter::Exact)],
        minimum_lift in 1e-6..2.0f64,
    ) {
        let counts = Counts {
            variants: variants.iter().enumerate().map(|(i, v)| VariantCounts {
                name: format!("v{i}"), trials: v.0, weight: v.2,
            }).collect(),
            goals: (0..goals).map(|g| GoalCounts {
                name: format!("g{g}"), successes: variants.iter().map(|v| v.1 >> (8 * g)).collect(), unique,
            }).collect(),
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
                if let (Some(low), Some(lift), Some(high)) = (c.always_valid.lift_low, c.lift, c.always_valid.lift_high) {
                    prop_assert!(low <= lift + 1e-9 && lift <= high + 1e-9);
                }
            }
        }
    }
}

fn looks(planned: u64, earlier: &[u64]) -> Looks {
    Looks { planned, earlier: earlier.iter().map(|&look| look.into()).collect(), now: true }
}

fn at_looks(variants: &[(u64, u64)], looks: Looks) -> Analysis {
    let settings = Settings { method: Method::Sequential, looks: Some(looks), ..exact() };
    analyse(&counts(variants), &settings).unwrap()
}

fn sequential(variants: &[(u64, u64)], planned: u64, earlier: &[u64]) -> Analysis {
    at_looks(variants, looks(planned, earlier))
}

/// The look that an analysis was, as the next ones are told of it.
fn remembered(analysis: &Analysis) -> EarlierLook {
    let look = analysis.looks.as_ref().unwrap().taken.last().unwrap();
    EarlierLook {
        participants: look.participants,
        control: analysis.control.clone().unwrap(),
        statistics: look.statistics.clone(),
    }
}

#[test]
fn a_single_look_at_the_planned_end_is_the_fixed_test() {
    let analysis = sequential(&[(20_000, 1_000), (20_000, 1_100)], 40_000, &[]);
    let comparison = &analysis.goals[0].against_control[0];
    let found = comparison.sequential.as_ref().unwrap();
    assert!((found.bound.unwrap() - 1.959_963_984_540_054).abs() < 1e-9);
    assert!((found.lift_low.unwrap() - comparison.lift_low.unwrap()).abs() < 1e-9);
    assert_eq!(analysis.verdict.outcome, Outcome::Better);
}

#[test]
fn an_early_look_asks_for_more_and_makes_the_last_one_ask_a_little_more() {
    let half = [(10_000, 500), (10_000, 560)];
    let bound = |variants: &[(u64, u64)], earlier: &[u64]| {
        let analysis = sequential(variants, 40_000, earlier);
        analysis.goals[0].against_control[0].sequential.as_ref().unwrap().bound.unwrap()
    };
    let all = [(20_000, 1_000), (20_000, 1_100)];
    assert!(bound(&half, &[]) > 2.9);
    assert!(bound(&all, &[20_000]) > bound(&all, &[]));
    assert!(bound(&all, &[20_000]) < 2.0);
    // z = 1.9 is no reason to stop at half time, nor does it end the wait.
    let early = sequential(&half, 40_000, &[]);
    assert_eq!(early.verdict.outcome, Outcome::KeepRunning);
    let taken: Vec<u64> = early.looks.unwrap().taken.iter().map(|look| look.participants).collect();
    assert_eq!(taken, [20_000]);
}

#[test]
fn comparisons_share_alpha_over_the_looks_unless_told_not_to() {
    let three = [(20_000, 1_000), (20_000, 1_100), (20_000, 1_010)];
    let shared = sequential(&three, 60_000, &[]);
    let bound = shared.goals[0].against_control[0].sequential.as_ref().unwrap().bound.unwrap();
    assert!((bound - 2.241_402_727_604_95).abs() < 1e-9, "{bound}");
}

#[test]
fn looks_that_cannot_be_say_so() {
    let all = [(20_000, 1_000), (20_000, 1_100)];
    for (planned, earlier) in [(40_000, [50_000]), (30_000, [30_000]), (100_000_000, [1])] {
        let analysis = sequential(&all, planned, &earlier);
        let found = analysis.goals[0].against_control[0].sequential.clone().unwrap();
        assert!(found.bound.is_none() && found.reason.is_some(), "{found:?}");
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
    assert!(analysis.verdict.sentence.contains("none was ever taken"), "{:?}", analysis.verdict);
}

#[test]
fn between_looks_no_number_gives_away_what_the_next_one_would_say() {
    let overwhelming = [(20_000, 1_000), (20_000, 2_000)];
    let between = Looks { now: false, ..looks(80_000, &[20_000]) };
    let analysis = at_looks(&overwhelming, between.clone());
    let found = analysis.goals[0].against_control[0].sequential.clone().unwrap();
    assert!(found.bound.is_none() && found.z.is_none() && found.lift_low.is_none(), "{found:?}");
    assert_eq!(found.reason.as_deref(), Some("no look is taken at these counts"));
    assert_eq!(analysis.verdict.outcome, Outcome::KeepRunning);
    assert_eq!(analysis.looks.unwrap().taken.len(), 1);
    let taken = at_looks(&overwhelming, Looks { now: true, ..between });
    assert_eq!(taken.verdict.outcome, Outcome::Better);
    assert_eq!(taken.looks.unwrap().taken.len(), 2);
}

#[test]
fn what_a_look_decided_stays_decided() {
    let then = sequential(&[(10_000, 500), (10_000, 700)], 40_000, &[]);
    assert_eq!(then.verdict.outcome, Outcome::Better);
    let decision = then.goals[0].against_control[0].sequential.as_ref().unwrap().decision.unwrap();
    assert_eq!(decision.participants, 20_000);
    // By now hardly anything is left of the difference.
    let later = [(15_000, 1_000), (15_000, 1_005)];
    let earlier = vec![remembered(&then)];
    for now in [false, true] {
        let looks = Looks { planned: 40_000, earlier: earlier.clone(), now };
        let analysis = at_looks(&later, looks);
        let found = analysis.goals[0].against_control[0].sequential.clone().unwrap();
        assert_eq!(found.decision, Some(decision));
        assert_eq!(analysis.verdict.outcome, Outcome::Better);
        assert!(analysis.verdict.sentence.ends_with("The look at 20,000 participants decided it."));
    }
    // What was held against another control says nothing here.
    let settings = Settings {
        method: Method::Sequential,
        looks: Some(Looks { planned: 40_000, earlier, now: false }),
        control: Some("B".to_owned()),
        ..exact()
    };
    let other = analyse(&counts(&later), &settings).unwrap();
    assert_eq!(other.verdict.outcome, Outcome::KeepRunning);
}

#[test]
fn a_look_that_decided_nothing_leaves_the_next_ones_open() {
    let then = sequential(&[(10_000, 500), (10_000, 510)], 40_000, &[]);
    let looks = Looks { planned: 40_000, earlier: vec![remembered(&then)], now: true };
    let analysis = at_looks(&[(20_000, 1_000), (20_000, 1_200)], looks);
    let found = analysis.goals[0].against_control[0].sequential.clone().unwrap();
    assert_eq!(found.decision.unwrap().participants, 40_000);
    assert!(!analysis.verdict.sentence.contains("decided it"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_looks_are_answered(
        variants in prop::collection::vec((0..=1_000_000u64, 0..=1_000_000u64), 2..4),
        planned in 1..=2_000_000u64,
        earlier in prop::collection::btree_set(1..=2_000_000u64, 0..6),
        now: bool,
    ) {
        let earlier: Vec<u64> = earlier.into_iter().collect();
        let analysis = at_looks(&variants, Looks { now, ..looks(planned, &earlier) });
        for comparison in &analysis.goals[0].against_control {
            let found = comparison.sequential.as_ref().unwrap();
            prop_assert!(found.bound.is_some() != found.reason.is_some());
            prop_assert!(found.bound.is_none_or(f64::is_finite));
        }
    }
}

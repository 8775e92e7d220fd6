//! What the report says of counts.

use abtest_stats::analysis::{
    Counts, Decided, GoalKind, Outcome, RemarkCode, Settings, VariantCounts, analyse,
};

use super::{codes, counts, declared, exact, first, of};

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

#[test]
fn a_chance_to_be_best_needs_the_data_that_an_interval_needs_in_every_variant() {
    let chances = |analysis: &abtest_stats::analysis::Analysis| -> Vec<_> {
        let variants = analysis.goals[0].variants.iter();
        variants.map(|variant| (variant.chance_best.is_some(), variant.reason.clone())).collect()
    };
    let enough = (1_000, 100);
    assert_eq!(chances(&of(&[enough, enough])), [(true, None), (true, None)]);
    for (third, reason) in [
        ((1_000, 3), "each variant needs at least 5 successes, and one has 3"),
        (
            (1_000, 997),
            "in one variant 3 participants did not reach the goal; at least 5 are needed",
        ),
        ((40, 30), "each variant needs at least 100 participants, and one has 40"),
    ] {
        let silent = (false, Some(reason.to_owned()));
        assert_eq!(chances(&of(&[enough, enough, third])), vec![silent; 3]);
    }
    let [first, second] = &chances(&of(&[enough, (0, 0)]))[..] else { panic!() };
    let reason = "each variant needs at least 100 participants, and one has 0";
    assert_eq!(first.1.as_deref(), Some(reason));
    assert_eq!(second.1.as_deref(), Some("no participants yet"));
}

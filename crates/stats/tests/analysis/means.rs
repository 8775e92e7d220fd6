//! Totals per participant: revenue, load times, counts of events.

use abtest_stats::analysis::{Better, Decided, DeclaredKind, GoalKind, Outcome, Period};
use abtest_stats::totals::Sums;
use proptest::prelude::*;

use super::*;

/// The sums of `paying` participants who spent 1 to 9 each, `each` on average, and of the others with nothing. Two decimals.
fn spent(participants: u64, paying: u64, each: i128) -> Sums {
    // Half spend a fifth less, half a fifth more.
    let (low, high) = (each - each / 5, each + each / 5);
    let half = i128::from(paying / 2);
    Sums {
        participants,
        with_value: 2 * (paying / 2),
        sum: half * (low + high),
        sum_of_squares: (half * (low * low + high * high)).unsigned_abs(),
        largest: high.unsigned_abs(),
        decimals: 2,
    }
}

/// Variants A, B, … with these totals as the goal "revenue".
fn of_totals(totals: &[Sums]) -> Counts {
    let plain: Vec<(u64, u64)> = totals.iter().map(|one| (one.participants, 0)).collect();
    let mut counts = counts(&plain);
    counts.goals = vec![GoalCounts::of_totals("revenue", totals.to_vec())];
    counts
}

fn in_euros(counts: &Counts) -> Settings {
    let mut declared = Declared::as_counted(counts, Some("revenue"));
    declared.goals[0].unit = Some("EUR".to_owned());
    Settings { declared: Some(declared), ..exact() }
}

#[test]
fn a_higher_mean_decides_and_is_said_in_the_lift() {
    let counts = of_totals(&[spent(20_000, 2_000, 3_000), spent(20_000, 2_600, 3_000)]);
    for method in [Method::AlwaysValid, Method::Fixed] {
        let analysis = analyse(&counts, &Settings { method, ..in_euros(&counts) }).unwrap();
        let goal = &analysis.goals[0];
        assert_eq!((goal.kind, goal.unit.as_deref()), (GoalKind::Mean, Some("EUR")));
        let found = first(&analysis);
        assert_eq!(found.decision, Some(Decided::Better));
        assert!((found.lift.unwrap() - 0.3).abs() < 1e-9 && found.lift_low.unwrap() > 0.0);
        assert!((found.difference.unwrap() - 0.9).abs() < 1e-9);
        assert!(found.difference_low.unwrap() > 0.0 && found.adjusted_p_value.unwrap() < 0.05);
        assert!(found.chance_to_beat.unwrap() > 0.999 && found.expected_loss.unwrap() < 0.01);
        assert!(found.sample_needed.per_variant.is_some() && found.power.is_some());
        assert_eq!((goal.variants[0].rate, goal.variants[0].successes), (Some(3.0), 2_000));
        let totals = goal.variants[0].totals.unwrap();
        assert!((totals.sum - 60_000.0).abs() < 1e-6 && totals.sd > 9.0);
        assert!(analysis.verdict.sentence.starts_with("B is better than A: revenue up by"));
    }
}

#[test]
fn less_is_better_for_a_load_time() {
    let counts = of_totals(&[spent(20_000, 20_000, 80_000), spent(20_000, 20_000, 76_000)]);
    let mut settings = in_euros(&counts);
    settings.declared.as_mut().unwrap().goals[0].better = Better::Lower;
    let analysis = analyse(&counts, &settings).unwrap();
    let found = first(&analysis);
    assert_eq!(found.decision, Some(Decided::Better));
    // The chance to be better, not to be higher.
    assert!(found.chance_to_beat.unwrap() > 0.999 && found.expected_loss.unwrap() < 1e-6);
    assert!(analysis.goals[0].variants[1].chance_best.unwrap() > 0.999);
    assert!(analysis.verdict.sentence.contains("revenue down by between"));
}

#[test]
fn the_chance_of_a_rate_that_should_fall_is_the_chance_to_be_lower() {
    let counts = counts(&[(10_000, 600), (10_000, 500)]);
    let mut settings = Settings { declared: Some(declared(&counts)), ..exact() };
    settings.declared.as_mut().unwrap().goals[0].better = Better::Lower;
    let found = first(&analyse(&counts, &settings).unwrap()).clone();
    assert!(found.chance_to_beat.unwrap() > 0.99);
    let higher = first(&of(&[(10_000, 600), (10_000, 500)])).clone();
    assert!((higher.chance_to_beat.unwrap() + found.chance_to_beat.unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn few_paying_participants_or_one_large_total_decide_nothing() {
    let counts = of_totals(&[spent(20_000, 90, 3_000), spent(20_000, 900, 3_000)]);
    let analysis = analyse(&counts, &in_euros(&counts)).unwrap();
    assert_eq!(analysis.verdict.outcome, Outcome::TooEarly);
    assert!(
        analysis
            .verdict
            .sentence
            .contains("at least 100 participants with a value, and one has 90")
    );

    let mut whale = spent(20_000, 900, 3_000);
    whale.sum += 1_000_000;
    whale.sum_of_squares += 1_000_000 * 1_000_000;
    whale.largest = 1_000_000;
    let counts = of_totals(&[spent(20_000, 900, 3_000), whale]);
    let analysis = analyse(&counts, &in_euros(&counts)).unwrap();
    assert_eq!(analysis.verdict.outcome, Outcome::NoVerdict);
    assert!(analysis.verdict.sentence.contains("set a cap"), "{}", analysis.verdict.sentence);
    let found = first(&analysis);
    // What was seen is shown, and nothing that could decide.
    assert!(found.lift.is_some() && found.lift_low.is_none() && found.difference_low.is_none());
    assert!(found.p_value.is_none() && found.chance_to_beat.is_none());
}

#[test]
fn without_a_clear_control_mean_the_difference_decides() {
    // The control's refunds take back what it sold.
    let refunds = Sums {
        participants: 20_000,
        with_value: 2_000,
        sum: 0,
        sum_of_squares: 2_000 * 3_000 * 3_000,
        largest: 3_000,
        decimals: 2,
    };
    let counts = of_totals(&[refunds, spent(20_000, 2_000, 3_000)]);
    let analysis = analyse(&counts, &in_euros(&counts)).unwrap();
    let found = first(&analysis);
    assert_eq!((found.lift, found.lift_low, found.lift_high), (None, None, None));
    assert_eq!(found.decision, Some(Decided::Better));
    assert!(found.reason.as_ref().unwrap().contains("not clearly above zero"));
    let sentence = &analysis.verdict.sentence;
    assert!(
        sentence.contains("up by between") && sentence.contains("EUR per participant"),
        "{sentence}"
    );
}

#[test]
fn totals_within_periods_are_not_misled_by_weights_that_follow_a_trend() {
    let (cheap, dear) = (3_000, 6_000);
    let mut counts = of_totals(&[spent(100_000, 3_500, 4_000), spent(100_000, 7_500, 5_000)]);
    let period = |weights: [f64; 2], a: Sums, b: Sums| Period {
        weights: weights.to_vec(),
        participants: vec![a.participants, b.participants],
        goals: vec![GoalCounts::of_totals("revenue", vec![a, b])],
    };
    counts.periods = vec![
        period([0.9, 0.1], spent(90_000, 2_700, cheap), spent(10_000, 300, cheap)),
        period([0.1, 0.9], spent(10_000, 800, dear), spent(90_000, 7_200, dear)),
    ];
    for method in [Method::AlwaysValid, Method::Fixed] {
        let settings = Settings { method, ..in_euros(&counts) };
        let found = first(&analyse(&counts, &settings).unwrap()).clone();
        assert!(found.difference.unwrap().abs() < 1e-9 && found.decision.is_none(), "{found:?}");
        assert!(found.lift.unwrap().abs() < 1e-9 && found.lift_high.unwrap() > 0.0);
        assert_eq!(found.strata.unwrap().strata, 2);
        let pooled = Counts { periods: Vec::new(), ..counts.clone() };
        assert_eq!(first(&analyse(&pooled, &settings).unwrap()).decision, Some(Decided::Better));
    }
    // Totals that are not known by period decide nothing.
    for period in &mut counts.periods {
        period.goals[0].totals.clear();
    }
    let analysis = analyse(&counts, &in_euros(&counts)).unwrap();
    assert!(first(&analysis).reason.as_ref().unwrap().contains("not known by period"));
}

#[test]
fn a_cap_is_named_and_damaged_sums_are_a_warning() {
    let counts = of_totals(&[spent(20_000, 2_000, 3_000), spent(20_000, 2_000, 3_000)]);
    let mut settings = in_euros(&counts);
    settings.declared.as_mut().unwrap().goals[0].cap = Some(500.0);
    let analysis = analyse(&counts, &settings).unwrap();
    let note = analysis.notes.iter().find(|note| note.code == RemarkCode::TotalsCapped).unwrap();
    assert_eq!(note.message, "revenue: a participant's total counts up to 500 EUR.");

    let damaged = Sums { sum_of_squares: 1, ..spent(20_000, 2_000, 3_000) };
    let counts = of_totals(&[spent(20_000, 2_000, 3_000), damaged]);
    let analysis = analyse(&counts, &in_euros(&counts)).unwrap();
    assert!(codes(&analysis).contains(&RemarkCode::TotalsDamaged));
    assert!(analysis.verdict.outcome != Outcome::Better);
}

#[test]
fn a_count_of_events_is_a_mean_too() {
    // Each of 1,000 participants had 1, 2 or 3 events.
    let events = |more: i128| Sums {
        participants: 10_000,
        with_value: 3_000,
        sum: 1_000 * (1 + 2 + 3) + more,
        sum_of_squares: (1_000 * (1 + 4 + 9) + 3 * more).unsigned_abs(),
        largest: 3,
        decimals: 0,
    };
    let mut counts = of_totals(&[events(0), events(1_500)]);
    counts.goals[0].name = "revenue".to_owned();
    let mut settings = in_euros(&counts);
    settings.declared.as_mut().unwrap().goals[0].kind = DeclaredKind::Count;
    let analysis = analyse(&counts, &settings).unwrap();
    assert_eq!(first(&analysis).decision, Some(Decided::Better));
    assert_eq!(analysis.goals[0].variants[0].rate, Some(0.6));
}

#[test]
fn recorded_looks_decide_nothing_about_means() {
    let counts = of_totals(&[spent(20_000, 2_000, 3_000), spent(20_000, 2_600, 3_000)]);
    let looks = Some(looks(80_000, &[]));
    let settings = Settings { method: Method::Sequential, looks, ..in_euros(&counts) };
    let analysis = analyse(&counts, &settings).unwrap();
    assert_eq!(analysis.verdict.outcome, Outcome::NoVerdict);
    assert!(first(&analysis).reason.as_ref().unwrap().contains("always_valid"));
}

proptest! {
    #[test]
    fn interval_p_value_and_decision_of_means_agree(
        paying in (50u64..5_000, 50u64..5_000), each in (100i128..100_000, 100i128..100_000),
        participants in (5_000u64..50_000, 5_000u64..50_000), fixed in any::<bool>(), hll in any::<bool>(),
    ) {
        let counts = of_totals(&[
            spent(participants.0, paying.0, each.0), spent(participants.1, paying.1, each.1),
        ]);
        let method = if fixed { Method::Fixed } else { Method::AlwaysValid };
        let counter = if hll { Counter::Hll } else { Counter::Exact };
        let analysis = analyse(&counts, &Settings { method, counter, ..in_euros(&counts) }).unwrap();
        let found = first(&analysis);
        let excludes = |low: Option<f64>, high: Option<f64>| {
            low.is_some_and(|low| low > 0.0) || high.is_some_and(|high| high < 0.0)
        };
        let decided = found.decision.is_some();
        prop_assert_eq!(decided, found.adjusted_p_value.is_some_and(|p| p < 0.05));
        prop_assert_eq!(decided, excludes(found.difference_low, found.difference_high));
        if found.lift_low.is_some() {
            prop_assert_eq!(decided, excludes(found.lift_low, found.lift_high));
        }
        if let (Some(low), Some(rate), Some(high)) = (
            found.difference_low, found.difference, found.difference_high,
        ) {
            prop_assert!(low <= rate && rate <= high);
        }
    }

    #[test]
    fn a_counters_error_only_widens(paying in 200u64..5_000, each in 100i128..100_000) {
        let counts = of_totals(&[spent(50_000, paying, each), spent(50_000, paying + 100, each)]);
        let width = |counter: Counter| {
            let settings = Settings { counter, ..in_euros(&counts) };
            let found = first(&analyse(&counts, &settings).unwrap()).clone();
            found.difference_high.unwrap() - found.difference_low.unwrap()
        };
        prop_assert!(width(Counter::Hll) > width(Counter::Exact));
    }
}

//! Weights that changed: the variants are compared within periods of constant weights.

use abtest_stats::analysis::Period;

use super::*;

/// The weights, (trials, successes) of A, and those of B.
type Given = ([f64; 2], (u64, u64), (u64, u64));

fn over(periods: &[Given]) -> Counts {
    let sum = |of: &dyn Fn(&Given) -> (u64, u64)| {
        periods.iter().map(of).fold((0, 0), |(n, s), (m, t)| (n + m, s + t))
    };
    let mut counts = counts(&[sum(&|one| one.1), sum(&|one| one.2)]);
    let period = |&(weights, a, b): &Given| Period {
        weights: weights.to_vec(),
        participants: vec![a.0, b.0],
        goals: vec![GoalCounts::new("signups", vec![a.1, b.1])],
    };
    counts.periods = periods.iter().map(period).collect();
    counts
}

fn comparison(counts: &Counts, method: Method) -> Comparison {
    let settings = Settings { method, ..exact() };
    let mut analysis = analyse(counts, &settings).unwrap();
    analysis.goals[0].against_control.remove(0)
}

#[test]
fn a_rate_that_rises_while_the_weights_move_is_no_effect() {
    // 3% and then 8% in both variants. B gets 10% and then 90% of the visitors.
    let counts = over(&[
        ([0.9, 0.1], (90_000, 2_700), (10_000, 300)),
        ([0.1, 0.9], (10_000, 800), (90_000, 7_200)),
    ]);
    for method in [Method::AlwaysValid, Method::Fixed] {
        let found = comparison(&counts, method);
        assert!(found.lift.unwrap().abs() < 1e-9 && found.decision.is_none(), "{found:?}");
        assert_eq!(found.strata.unwrap().strata, 2);
        // Pooled counts say that B doubles the rate.
        let pooled = Counts { periods: Vec::new(), ..counts.clone() };
        assert!(comparison(&pooled, method).lift.unwrap() > 1.0);
    }
    let analysis = analyse(&counts, &exact()).unwrap();
    assert!(!analysis.sample_ratio.alarm);
    assert!(codes(&analysis).contains(&RemarkCode::PeriodsSeparated));
    // Figures of all periods together would contradict the lift.
    let goal = &analysis.goals[0];
    assert!(goal.matrix.lift.iter().flatten().all(Option::is_none));
    assert!(goal.variants.iter().all(|v| v.chance_best.is_none() && v.reason.is_some()));
}

#[test]
fn an_effect_within_the_periods_decides() {
    let counts = over(&[
        ([0.5, 0.5], (50_000, 2_500), (50_000, 3_000)),
        ([0.2, 0.8], (20_000, 1_600), (80_000, 7_680)),
    ]);
    for method in [Method::AlwaysValid, Method::Fixed] {
        let found = comparison(&counts, method);
        assert!((found.lift.unwrap() - 0.2).abs() < 1e-3, "{:?}", found.lift);
        assert!(found.decision.is_some() && found.lift_low.unwrap() > 0.0);
        assert!(found.adjusted_p_value.unwrap() < 0.05);
        assert!(found.difference_low < found.difference && found.difference.unwrap() > 0.0);
    }
}

#[test]
fn two_periods_with_the_same_weights_are_nearly_the_pooled_counts() {
    let counts = over(&[
        ([0.5, 0.5], (20_000, 1_000), (20_000, 1_150)),
        ([0.5, 0.5], (20_000, 1_000), (20_000, 1_150)),
    ]);
    let pooled = Counts { periods: Vec::new(), ..counts.clone() };
    for method in [Method::AlwaysValid, Method::Fixed] {
        let (strata, pooled) = (comparison(&counts, method), comparison(&pooled, method));
        let close = |one: Option<f64>, other: Option<f64>| {
            (one.unwrap() - other.unwrap()).abs() < 0.02 * other.unwrap().abs()
        };
        assert!(close(strata.lift, pooled.lift));
        assert!(
            close(strata.lift_low, pooled.lift_low) && close(strata.lift_high, pooled.lift_high)
        );
    }
}

#[test]
fn looks_do_not_separate_periods_so_no_new_look_finds_anything() {
    let counts = over(&[
        ([0.5, 0.5], (50_000, 2_500), (50_000, 3_500)),
        ([0.2, 0.8], (20_000, 1_600), (80_000, 8_000)),
    ]);
    let looks = Looks { planned: 400_000, earlier: Vec::new(), now: true };
    let settings = Settings { method: Method::Sequential, looks: Some(looks), ..exact() };
    let analysis = analyse(&counts, &settings).unwrap();
    assert!(analysis.goals[0].against_control[0].decision.is_none());
    assert!(analysis.looks.unwrap().taken[0].comparisons.iter().all(|one| one.found.is_none()));
}

#[test]
fn too_little_in_every_period_is_not_enough_data() {
    let counts = over(&[([0.5, 0.5], (90, 5), (90, 6)), ([0.9, 0.1], (900, 50), (100, 6))]);
    let found = comparison(&counts, Method::AlwaysValid);
    assert_eq!((found.lift, found.decision), (None, None));
    assert!(found.reason.unwrap().contains("the weights changed"));
}

#[test]
fn goals_that_leave_out_their_allocation_never_look_like_an_effect() {
    // 10% in both variants. Some of A's goals do not state their allocation, so they are in no period.
    let with_unstated = |unstated: u64| {
        let mut counts = over(&[
            ([0.5, 0.5], (20_000, 2_000 - unstated / 2), (20_000, 2_000)),
            ([0.4, 0.6], (16_000, 1_600 - unstated / 2), (24_000, 2_400)),
        ]);
        counts.goals[0].successes[0] += unstated;
        counts
    };
    for method in [Method::AlwaysValid, Method::Fixed] {
        let half = comparison(&with_unstated(1_800), method);
        assert_eq!((half.decision, half.lift), (None, None), "{half:?}");
        let reason = half.reason.unwrap();
        assert!(reason.contains("50% of the signups events of A state an allocation"), "{reason}");
        let few = comparison(&with_unstated(150), method);
        assert_eq!(few.decision, None);
        assert!(few.lift.unwrap().abs() < 0.01, "{:?}", few.lift);
    }
}

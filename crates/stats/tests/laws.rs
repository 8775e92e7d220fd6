//! What must hold for any counts.

#![allow(clippy::unwrap_used)] // a panic is how a test says no

use abtest_stats::bayes::{chance_to_beat, win_probabilities};
use abtest_stats::counter_error::{effective, hll_relative_error};
use abtest_stats::group_sequential::group_sequential;
use abtest_stats::level::Level;
use abtest_stats::many_comparisons::{benjamini_hochberg, holm};
use abtest_stats::proportion::Proportion;
use abtest_stats::rate_ratio::{Rate, rate_difference, rate_ratio};
use abtest_stats::sample_ratio::sample_ratio;
use abtest_stats::sample_size::{Effect, power, sample_size};
use abtest_stats::two_proportion::two_proportion;
use abtest_stats::welch::{Sample, welch};
use proptest::prelude::*;

/// Counts of every size from nothing to 10^12.
fn counts() -> impl Strategy<Value = Proportion> {
    (0.0..12.0f64, 0.0..=1.0f64, 0..4u8).prop_map(|(exponent, share, shape)| {
        let trials = 10f64.powf(exponent).floor() - if shape == 0 { 1.0 } else { 0.0 };
        let successes = match shape {
            1 => 0.0,
            2 => trials,
            _ => (trials * share * share).floor(),
        };
        Proportion::new(successes, trials).unwrap()
    })
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-300)
}

proptest! {
    #[test]
    fn wilson_contains_the_rate_and_stays_in_zero_to_one(p in counts(), level in 0.01..0.9999f64) {
        let Some(interval) = p.wilson(Level::new(level).unwrap()) else {
            prop_assert_eq!(p.trials(), 0.0);
            return Ok(());
        };
        let rate = p.rate().unwrap();
        prop_assert!(0.0 <= interval.low && interval.low <= rate);
        prop_assert!(rate <= interval.high && interval.high <= 1.0);
    }

    #[test]
    fn a_higher_level_never_narrows_an_interval(p in counts(), q in counts()) {
        let at = |level: f64| two_proportion(p, q, Level::new(level).unwrap());
        let (narrow, wide) = (at(0.9), at(0.99));
        if let (Some(narrow), Some(wide)) = (narrow.difference, wide.difference) {
            prop_assert!(wide.interval.low <= narrow.interval.low + 1e-15);
            prop_assert!(wide.interval.high >= narrow.interval.high - 1e-15);
        }
        if let (Some(narrow), Some(wide)) = (narrow.lift_interval, wide.lift_interval) {
            prop_assert!(wide.low <= narrow.low && wide.high >= narrow.high);
        }
    }

    #[test]
    fn swapping_two_variants_turns_the_comparison_round(p in counts(), q in counts()) {
        let (there, back) = (two_proportion(p, q, Level::DEFAULT), two_proportion(q, p, Level::DEFAULT));
        if let (Some(there), Some(back)) = (there.difference, back.difference) {
            prop_assert!(there.value == -back.value);
            prop_assert!(close(there.interval.low, -back.interval.high, 1e-12));
            prop_assert!(there.interval.low <= there.value && there.value <= there.interval.high);
        }
        prop_assert_eq!(there.test.map(|t| t.p_value), back.test.map(|t| t.p_value));
        if let (Some(there), Some(back)) = (there.lift_interval, back.lift_interval) {
            // A lift near -100% leaves its ratio fewer digits than a double has.
            let (ratio, turned) = (1.0 + there.low, 1.0 + back.high);
            let lost = 2.0 * f64::EPSILON * (1.0 / ratio + 1.0 / turned);
            prop_assert!((ratio * turned - 1.0).abs() <= 1e-9 + lost, "{} {}", ratio, turned);
        }
    }

    #[test]
    fn the_chances_of_two_sum_to_one_and_their_losses_differ_by_the_difference(p in counts(), q in counts()) {
        let (there, back) = (chance_to_beat(p, q), chance_to_beat(q, p));
        prop_assert!((there.chance + back.chance - 1.0).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&there.chance) && there.expected_loss >= 0.0);
        let mean = |p: Proportion| (1.0 + p.successes()) / (2.0 + p.trials());
        let differ = there.expected_loss - back.expected_loss;
        prop_assert!((differ - (mean(p) - mean(q))).abs() < 1e-12);
    }

    #[test]
    fn the_chances_of_being_best_sum_to_one_and_respect_order(variants in prop::collection::vec(counts(), 1..7)) {
        let chances = win_probabilities(&variants);
        prop_assert!((chances.best.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!(chances.best.iter().all(|p| (0.0..=1.0).contains(p)));
        for i in 0..variants.len() {
            for j in 0..variants.len() {
                let beats = chances.beats[i][j];
                prop_assert_eq!(beats.is_none(), i == j);
                if let Some(beats) = beats {
                    prop_assert!((beats + chances.beats[j][i].unwrap() - 1.0).abs() < 1e-12);
                    // Being best is beating each of the others.
                    prop_assert!(chances.best[i] <= beats + 1e-9);
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_variants_does_not_change_their_chances(variants in prop::collection::vec(counts(), 2..6)) {
        let mut reversed = variants.clone();
        reversed.reverse();
        let (a, b) = (win_probabilities(&variants), win_probabilities(&reversed));
        for (x, y) in a.best.iter().zip(b.best.iter().rev()) {
            prop_assert!(close(*x, *y, 1e-7) || (x - y).abs() < 1e-15, "{} {}", x, y);
        }
    }

    #[test]
    fn one_more_success_never_lowers_the_chance(p in counts(), q in counts()) {
        if q.failures() >= 1.0 {
            let more = Proportion::new(q.successes() + 1.0, q.trials()).unwrap();
            prop_assert!(chance_to_beat(p, more).chance >= chance_to_beat(p, q).chance - 1e-9);
        }
    }

    #[test]
    fn rates_contain_their_estimates_and_turn_round(c0 in 0.0..1e12f64, n0 in 0.0..1e12f64, c1 in 0.0..1e12f64, n1 in 0.0..1e12f64) {
        let (a, b) = (Rate::new(c0.floor(), n0.floor()).unwrap(), Rate::new(c1.floor(), n1.floor()).unwrap());
        let (there, back) = (rate_ratio(a, b, Level::DEFAULT), rate_ratio(b, a, Level::DEFAULT));
        prop_assert_eq!(there.test.map(|t| t.p_value), back.test.map(|t| t.p_value));
        if let (Some(ratio), Some(interval)) = (there.ratio, there.interval) {
            prop_assert!(interval.low <= ratio && ratio <= interval.high);
        }
        if let Some(estimate) = rate_difference(a, b, Level::DEFAULT) {
            prop_assert!(estimate.interval.low <= estimate.value && estimate.value <= estimate.interval.high);
        }
    }

    #[test]
    fn the_counters_error_only_takes_trials_away(p in counts(), error in 0.0..0.05f64) {
        let effective = effective(p, error).unwrap();
        prop_assert!(effective.trials() <= p.trials());
        if let (Some(rate), Some(same)) = (p.rate(), effective.rate()) {
            prop_assert!(close(rate, same, 1e-12));
        }
        prop_assert!((0.005..0.0082).contains(&hll_relative_error(p.trials())));
    }

    #[test]
    fn a_counters_error_only_quietens_the_sample_ratio_check(
        trials in prop::collection::vec(0.0..1e12f64, 2..50), error in 0.0..0.05f64,
    ) {
        let weights = vec![1.0; trials.len()];
        let p = |e: f64| sample_ratio(&trials, &weights, &vec![e; trials.len()]).unwrap().p_value;
        prop_assert!((0.0..=1.0).contains(&p(0.0)));
        prop_assert!(p(error) >= p(0.0) - 1e-12);
    }

    #[test]
    fn adjusted_p_values_keep_the_order_and_are_never_smaller(p_values in prop::collection::vec(0.0..=1.0f64, 0..40)) {
        let (holm, hochberg) = (holm(&p_values).unwrap(), benjamini_hochberg(&p_values).unwrap());
        for i in 0..p_values.len() {
            prop_assert!(p_values[i] <= hochberg[i] + 1e-15 && hochberg[i] <= holm[i] + 1e-15 && holm[i] <= 1.0);
            for j in 0..p_values.len() {
                if p_values[i] <= p_values[j] {
                    prop_assert!(holm[i] <= holm[j] && hochberg[i] <= hochberg[j]);
                }
            }
        }
    }

    #[test]
    fn the_sample_size_is_the_smallest_with_the_power(baseline in 0.001..0.6f64, lift in 0.01..0.6f64, wanted in 0.5..0.99f64) {
        let effect = Effect::new(baseline, lift).unwrap();
        let n = sample_size(effect, Level::DEFAULT, wanted).unwrap();
        prop_assert!(power(effect, Level::DEFAULT, n as f64) >= wanted - 1e-9);
        prop_assert!(power(effect, Level::DEFAULT, n as f64 - 1.0) < wanted + 1e-9);
    }

    #[test]
    fn welch_turns_round_and_contains_its_difference(
        n0 in 2.0..1e12f64, n1 in 2.0..1e12f64, means in (-1e9..1e9f64, -1e9..1e9f64), variances in (0.0..1e12f64, 1e-6..1e12f64),
    ) {
        let a = Sample::new(n0.floor(), means.0, variances.0).unwrap();
        let b = Sample::new(n1.floor(), means.1, variances.1).unwrap();
        let (there, back) = (welch(a, b, Level::DEFAULT).unwrap(), welch(b, a, Level::DEFAULT).unwrap());
        prop_assert!(there.t == -back.t && close(there.p_value, back.p_value, 1e-9));
        prop_assert!(there.interval.low <= there.difference && there.difference <= there.interval.high);
        prop_assert!((0.0..=1.0).contains(&there.p_value));
    }

    #[test]
    fn bounds_are_finite_and_their_spending_adds_up(steps in prop::collection::vec(1e-4..1.0f64, 1..25), alpha in 1e-12..0.9f64) {
        let total: f64 = steps.iter().sum();
        let mut t = 0.0;
        let information: Vec<f64> = steps.iter().map(|step| { t += step / total; t.min(1.0) }).collect();
        let bounds = group_sequential(&information, Level::from_alpha(alpha).unwrap()).unwrap();
        for pair in bounds.windows(2) {
            prop_assert!(pair[0].spent <= pair[1].spent);
        }
        prop_assert!(bounds.iter().all(|b| b.z.is_some_and(|z| z.is_finite() && z > 0.0)));
        prop_assert!(close(bounds[bounds.len() - 1].spent, alpha, 1e-6));
        let fixed = Level::from_alpha(alpha).unwrap().critical_value();
        prop_assert!(bounds[bounds.len() - 1].z.unwrap() >= fixed - 1e-9);
    }
}

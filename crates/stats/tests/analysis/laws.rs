//! What holds for all counts and settings.

use abtest_stats::analysis::{
    Analysis, Counts, Decided, GoalCounts, Looks, Method, Outcome, Remark, RemarkCode, Settings,
    VariantCounts, analyse,
};
use abtest_stats::counter_error::Counter;
use proptest::prelude::*;
use serde_json::Value;

use super::{after, at_looks, counts, declared, exact, looks};

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
            goals: (0..goals).map(|g| GoalCounts::new(
                format!("g{g}"), variants.iter().map(|v| v.1 >> (8 * g)).collect(),
            )).collect(),
            periods: Vec::new(),
        };
        let settings = Settings { counter, minimum_lift, ..Settings::default() };
        let analysis = analyse(&counts, &settings).unwrap();
        let json = serde_json::to_value(&analysis).unwrap();
        prop_assert!(!analysis.verdict.sentence.is_empty());
        prop_assert_eq!(nulls_are_explained(&json, ""), Ok(()));
        // The short analysis of lists says the same.
        let short = analyse(&counts, &Settings { only_verdict: true, ..settings }).unwrap();
        prop_assert_eq!(&short.verdict, &analysis.verdict);
        prop_assert_eq!(&short.warnings, &analysis.warnings);
        prop_assert_eq!(&short.sample_ratio, &analysis.sample_ratio);
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
                counts.goals.push(GoalCounts::new(format!("goal {goal}"), successes));
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
            later.goals.push(GoalCounts::new(format!("made up {index}"), successes));
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

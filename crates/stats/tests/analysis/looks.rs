//! The sequential method: looks that are planned, taken, and read again.

use abtest_stats::analysis::{GoalCounts, Looks, Method, Outcome, RemarkCode, Settings, analyse};

use super::{after, at_looks, codes, counts, exact, first, looks, record, sequential};

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
    later.goals.insert(0, GoalCounts::new("aaa", vec![0, 1, 0]));
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
            counts.goals.push(GoalCounts::new(format!("made up {index}"), successes));
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

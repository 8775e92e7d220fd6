//! What declared goals and variants change.

use abtest_stats::analysis::{
    Better, Decided, DeclaredKind, Family, GoalCounts, GoalRole, Outcome, Settings, analyse,
};

use super::{counts, declared, exact, first};

#[test]
fn undeclared_goals_and_variants_are_shown_and_decide_nothing() {
    let mut counts = counts(&[(20_000, 1_000), (20_000, 1_400), (20_000, 1_500)]);
    let mut declared = declared(&counts);
    declared.variants.pop();
    counts.goals.push(GoalCounts::new("made up", vec![1, 9_000, 9_000]));
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
    assert_eq!(analysis.goals[0].better, Better::Lower);
    // The chances are those of the better variant, as the verdict is.
    assert!(first(&analysis).chance_to_beat.unwrap() > 0.99);
    assert!(first(&analysis).expected_loss.unwrap() < 1e-6);
    let best = |index: usize| analysis.goals[0].variants[index].chance_best.unwrap();
    assert!(best(1) > 0.99 && best(0) < 0.01);
    let beats = analysis.goals[0].matrix.chance_to_beat.as_ref().unwrap();
    assert!(beats[1][0].unwrap() > 0.99 && beats[0][1].unwrap() < 0.01);
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
        counts.goals.push(GoalCounts::new(name, vec![1_000, 1_150]));
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

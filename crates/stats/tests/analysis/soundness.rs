//! The sample ratio, and what disturbs it.

use abtest_stats::analysis::{
    AlarmVariant, Analysis, Outcome, Period, RaisedAlarm, Remark, RemarkCode, Settings,
    VariantCounts, analyse,
};

use super::{counts, exact};

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
        warning.contains("raised on 20 November 2026, 08:00 UTC, with 2,500 participants"),
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
fn without_participants_the_check_says_that_there_are_none_yet() {
    let check = analyse(&counts(&[(0, 0), (0, 0)]), &exact()).unwrap().sample_ratio;
    assert_eq!(check.reason.as_deref(), Some("there are no participants yet"));
    assert!(!check.alarm);
}

#[test]
fn periods_are_judged_by_their_own_weights() {
    let mut counts = counts(&[(11_000, 500), (19_000, 500)]);
    assert!(analyse(&counts, &exact()).unwrap().sample_ratio.alarm);
    counts.periods = vec![
        Period { weights: vec![1.0, 1.0], participants: vec![10_000, 10_000], goals: vec![] },
        Period { weights: vec![1.0, 9.0], participants: vec![1_000, 9_000], goals: vec![] },
    ];
    let check = analyse(&counts, &exact()).unwrap().sample_ratio;
    assert!(!check.alarm && check.p_value.unwrap() > 0.9, "{check:?}");
    assert_eq!(check.expected, Some(vec![11_000.0, 19_000.0]));
}

#[test]
fn a_few_strangers_in_a_variant_of_weight_0_void_nothing_and_many_are_named() {
    let with_strangers = |strangers: u64| {
        let mut counts = counts(&[(20_000, 1_000), (20_100, 1_300), (strangers, 0)]);
        for (variant, weight) in counts.variants.iter_mut().zip([1.0, 1.0, 0.0]) {
            variant.weight = Some(weight);
        }
        analyse(&counts, &exact()).unwrap()
    };
    let few = with_strangers(1);
    assert_eq!((few.sample_ratio.alarm, few.verdict.outcome), (false, Outcome::Better));
    let note = few.notes.iter().find(|note| note.code == RemarkCode::NegligibleVariants).unwrap();
    assert!(note.message.contains("1 participant of C came while its weight was 0"), "{note:?}");
    let many = with_strangers(100);
    assert_eq!((many.sample_ratio.alarm, many.verdict.outcome), (true, Outcome::Unsound));
    let warning = &many.warnings[0].message;
    assert!(warning.contains("100 participants of C came while its weight was 0"), "{warning}");
}

#[test]
fn a_stranger_in_a_variant_that_was_switched_off_voids_nothing() {
    let mut counts = counts(&[(20_000, 1_000), (30_000, 1_500), (10_001, 500)]);
    let period = |weights: [f64; 3], participants: [u64; 3]| Period {
        weights: weights.to_vec(),
        participants: participants.to_vec(),
        goals: Vec::new(),
    };
    counts.periods = vec![
        period([1.0, 1.0, 1.0], [10_000, 10_000, 10_000]),
        period([1.0, 2.0, 0.0], [10_000, 20_000, 1]),
    ];
    let check = analyse(&counts, &exact()).unwrap().sample_ratio;
    assert!(!check.alarm && check.e_value.unwrap() < 1.0, "{check:?}");
    counts.periods[1].participants[2] = 150;
    let many = analyse(&counts, &exact()).unwrap();
    assert!(many.sample_ratio.alarm);
    assert!(many.warnings[0].message.contains("150 participants of C came while"));
}

//! Results by segment.

use abtest_stats::analysis::{Decided, Segment, SegmentsReport, analyse_segments};

use super::*;

fn segment(name: &str, variants: &[(u64, u64)]) -> Segment {
    Segment { name: name.to_owned(), counts: counts(variants) }
}

fn by(segments: &[Segment]) -> SegmentsReport {
    analyse_segments(segments, &exact()).unwrap()
}

#[test]
fn an_effect_in_one_segment_is_found_there_and_said_to_differ() {
    let found = by(&[
        segment("DE", &[(20_000, 1_000), (20_000, 1_000)]),
        segment("AT", &[(20_000, 1_000), (20_000, 1_600)]),
        segment("other", &[(20_000, 1_000), (20_000, 1_010)]),
    ]);
    let decisions: Vec<Option<Decided>> =
        found.segments.iter().map(|one| one.goals[0].against_control[0].decision).collect();
    assert_eq!(decisions, [None, Some(Decided::Better), None]);
    let q = &found.heterogeneity[0];
    assert_eq!((q.goal.as_str(), q.variant.as_str(), q.segments), ("signups", "B", 3));
    assert!(q.p_value.unwrap() < 1e-6 && q.i_squared.unwrap() > 0.9);
    assert_eq!((found.comparisons, found.segments[1].participants), (3, 40_000));
}

#[test]
fn the_same_effect_everywhere_does_not_differ() {
    let same = [(20_000, 1_000), (20_000, 1_200)];
    let found = by(&[segment("DE", &same), segment("AT", &same)]);
    let q = &found.heterogeneity[0];
    assert_eq!((q.q, q.p_value, q.i_squared), (Some(0.0), Some(1.0), Some(0.0)));
}

#[test]
fn more_segments_make_every_interval_wider() {
    let plain = [(20_000, 1_000), (20_000, 1_100)];
    let width = |segments: usize| {
        let all: Vec<Segment> =
            (0..segments).map(|index| segment(&format!("s{index}"), &plain)).collect();
        let found = by(&all).segments[0].goals[0].against_control[0].clone();
        found.lift_high.unwrap() - found.lift_low.unwrap()
    };
    assert!(width(10) > width(2) && width(2) > width(1));
}

#[test]
fn a_small_segment_is_shown_and_is_no_part_of_the_test() {
    let found = by(&[
        segment("DE", &[(20_000, 1_000), (20_000, 1_000)]),
        segment("AT", &[(200, 9), (210, 12)]),
        segment("empty", &[(0, 0), (0, 0)]),
    ]);
    let q = &found.heterogeneity[0];
    assert_eq!((q.segments, q.p_value), (1, None));
    assert!(q.reason.as_ref().unwrap().starts_with("1 of 3 segments"));
    assert_eq!(found.segments[1].goals[0].variants[0].rate, Some(0.045));
    assert!(found.segments[2].goals[0].variants[0].reason.is_some());
    assert_eq!(by(&[]).segments.len(), 0);
}

#[test]
fn looks_do_not_separate_segments_so_they_are_always_valid() {
    let settings = Settings { method: Method::Sequential, ..exact() };
    let one = [segment("DE", &[(20_000, 1_000), (20_000, 1_600)])];
    let found = analyse_segments(&one, &settings).unwrap();
    assert_eq!(found.method, Method::AlwaysValid);
    assert_eq!(found.segments[0].goals[0].against_control[0].decision, Some(Decided::Better));
}

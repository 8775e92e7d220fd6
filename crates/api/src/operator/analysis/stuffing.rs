//! Signs of stuffed votes: goals of units that never took part, units in several variants, and bursts.
//! They are warnings only: nothing is left out of the counts.

use std::collections::BTreeMap;

use abtest_model::{Day, Goal, Namespace, Tally, Timeline, Variant};
use abtest_stats::analysis::{Analysis, Remark, RemarkCode};
use abtest_stats::words::{percent, thousands};
use abtest_store::{Counters, Overlaps, Share, StoreError, Strangers};

/// Fewer strange units than this are no sign of anything.
const FEW: u64 = 10;

/// A larger share of strange units is told.
const TOLERATED: f64 = 0.01;

/// Adds what the uuids and the days say to an analysis.
pub(crate) async fn add<S: Counters>(
    store: &S,
    namespace: &Namespace,
    tally: &Tally,
    analysis: &mut Analysis,
) -> Result<(), StoreError> {
    let overlaps = store.overlaps(namespace, &tally.experiment).await?;
    let found = remarks(tally, overlaps.as_ref());
    analysis.warnings.extend(found.warnings);
    analysis.notes.extend(found.notes);
    Ok(())
}

fn remarks(tally: &Tally, overlaps: Option<&Overlaps>) -> Found {
    let mut found = Found::default();
    if let Some(overlaps) = overlaps {
        strangers(&overlaps.strangers, &mut found);
        found.warnings.extend(overlaps.in_several.and_then(in_several));
    }
    if let Some(timeline) = &tally.timeline {
        bursts(tally, timeline, &mut found);
    }
    found
}

/// Warnings and notes.
#[derive(Debug, Default)]
struct Found {
    /// What may void the figures.
    warnings: Vec<Remark>,
    /// What should be known.
    notes: Vec<Remark>,
}

/// Goals of units that did not take part in the variant. Some pages send a new uuid with each event
/// (AlephBet without a user id): then most units of every variant are strangers, and only a variant that
/// differs from the others is a sign.
fn strangers(all: &[Strangers], found: &mut Found) {
    let mut by_goal: BTreeMap<&Goal, Vec<&Strangers>> = BTreeMap::new();
    for one in all.iter().filter(|one| one.share.looked_at > 0) {
        by_goal.entry(&one.goal).or_default().push(one);
    }
    let mut fresh = Vec::new();
    for (goal, variants) in by_goal {
        let total = sum(variants.iter().map(|one| one.share));
        let is_fresh = ratio(total) >= 0.5;
        let mut told = false;
        for one in &variants {
            let share = one.share;
            if share.found < FEW || ratio(share) <= TOLERATED {
                continue;
            }
            let rest = sum(variants.iter().filter(|other| other != &one).map(|other| other.share));
            if is_fresh && !differs(share, rest) {
                continue;
            }
            told = true;
            found.warnings.push(Remark {
                code: RemarkCode::GoalWithoutParticipation,
                message: format!(
                    "{} of the units that reached {goal} in {} never took part in it ({} of {} that were \
                     looked at). Somebody may be sending goals on their own, or the page sends the goal with \
                     another uuid than `participate`. Find the cause before you use these numbers.",
                    percent(ratio(share)),
                    one.variant,
                    thousands(share.found),
                    thousands(share.looked_at)
                ),
            });
        }
        if is_fresh && !told && total.found >= FEW {
            fresh.push(goal.as_str());
        }
    }
    if !fresh.is_empty() {
        const LISTED: usize = 5;
        let more = if fresh.len() > LISTED { " and others" } else { "" };
        fresh.truncate(LISTED);
        found.notes.push(Remark {
            code: RemarkCode::GoalsHaveOtherUnits,
            message: format!(
                "Most units that reached {}{more} never took part, in every variant alike: the page sends \
                 goals with other uuids than `participate`. So stuffed goals cannot be recognised. Send the \
                 same uuid with all events of a visitor.",
                fresh.join(", ")
            ),
        });
    }
}

/// Whether a variant has clearly more strangers than the others together, or is the only one with
/// enough units.
fn differs(share: Share, rest: Share) -> bool {
    const STANDARD_ERRORS: f64 = 5.0;
    if rest.looked_at < FEW {
        return true;
    }
    let (n, m) = (share.looked_at as f64, rest.looked_at as f64);
    let pooled = (share.found + rest.found) as f64 / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    ratio(share) - ratio(rest) > STANDARD_ERRORS * error
}

fn in_several(share: Share) -> Option<Remark> {
    // A HyperLogLog's error must not look like units in several variants.
    let sure = share.found as f64 - 4.0 * share.error;
    let least = (TOLERATED * share.looked_at as f64).max(FEW as f64);
    (sure > least).then(|| Remark {
        code: RemarkCode::UnitsInSeveralVariants,
        message: format!(
            "{} of the participants take part in several variants. A page may assign a returning visitor \
             anew, or somebody may be sending events by hand. Such units dilute every difference.",
            percent(ratio(share))
        ),
    })
}

/// Days on which one variant had many more conversions than on its other days, and the other variants
/// had not.
fn bursts(tally: &Tally, timeline: &Timeline, found: &mut Found) {
    /// Days that are needed to know what a usual day is.
    const LEAST_DAYS: usize = 4;
    let days = timeline.days();
    let variants = tally.variants();
    if days.len() < LEAST_DAYS || variants.len() < 2 {
        return;
    }
    for goal in tally.goals() {
        let mut bursting: BTreeMap<Day, Vec<(&Variant, u64)>> = BTreeMap::new();
        for variant in &variants {
            for (day, new) in days_of_bursts(timeline, goal, variant, days.len()) {
                bursting.entry(day).or_default().push((variant, new));
            }
        }
        for (day, variants) in bursting {
            // What happens in several variants comes from the world, such as a campaign.
            let [(variant, new)] = variants.as_slice() else { continue };
            found.warnings.push(Remark {
                code: RemarkCode::Burst,
                message: format!(
                    "{} units reached {goal} in {variant} on {day}, several times as many as on its other \
                     days, and no other variant had such a day. Check where they came from.",
                    thousands(*new)
                ),
            });
        }
    }
}

/// The days with far more conversions than an average other day has, and than the participants of the
/// day explain; each with its conversions.
fn days_of_bursts(
    timeline: &Timeline,
    goal: &Goal,
    variant: &Variant,
    days: usize,
) -> Vec<(Day, u64)> {
    const TIMES: f64 = 4.0;
    const LEAST: f64 = 50.0;
    let Ok(participate) = Goal::new(Goal::PARTICIPATE) else { return Vec::new() };
    let (successes, trials) = (timeline.of(goal, variant), timeline.of(&participate, variant));
    let all_successes = successes.values().sum::<u64>() as f64;
    let all_trials = trials.values().sum::<u64>() as f64;
    let is_burst = |(day, new): &(&Day, &u64)| {
        let (new, here) = (**new as f64, trials.get(day).copied().unwrap_or(0) as f64);
        let (others, other_trials) = (all_successes - new, all_trials - here);
        let of_average_day = others / (days - 1) as f64;
        let of_participants = if other_trials > 0.0 { others / other_trials * here } else { 0.0 };
        new > TIMES * of_average_day.max(of_participants) + LEAST
    };
    successes.iter().filter(is_burst).map(|(day, new)| (*day, *new)).collect()
}

fn ratio(share: Share) -> f64 {
    share.found as f64 / share.looked_at.max(1) as f64
}

fn sum(shares: impl Iterator<Item = Share>) -> Share {
    shares.fold(Share::default(), |sum, one| Share {
        looked_at: sum.looked_at + one.looked_at,
        found: sum.found + one.found,
        error: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_model::{Counting, Experiment};

    fn of(goal: &str, variant: &str, looked_at: u64, found: u64) -> Strangers {
        let (goal, variant) = (Goal::new(goal).unwrap(), Variant::new(variant).unwrap());
        Strangers { goal, variant, share: Share { looked_at, found, error: 0.0 } }
    }

    fn codes(strangers: Vec<Strangers>) -> (Vec<RemarkCode>, Vec<RemarkCode>) {
        let tally = Tally::new(Experiment::new("e").unwrap(), Counting::Exact);
        let overlaps = Overlaps { strangers, in_several: None };
        let found = remarks(&tally, Some(&overlaps));
        let codes = |remarks: &[Remark]| remarks.iter().map(|remark| remark.code).collect();
        (codes(&found.warnings), codes(&found.notes))
    }

    #[test]
    fn stuffed_goals_are_told_and_a_few_lost_participations_are_not() {
        let warned = (vec![RemarkCode::GoalWithoutParticipation], vec![]);
        assert_eq!(codes(vec![of("g", "a", 1_000, 5), of("g", "b", 1_300, 300)]), warned);
        assert_eq!(codes(vec![of("g", "a", 1_000, 9), of("g", "b", 1_000, 9)]), (vec![], vec![]));
        assert_eq!(codes(vec![of("g", "b", 300, 300)]), warned, "the goal has no other units");
        assert_eq!(codes(vec![of("g", "a", 1_000, 0), of("g", "b", 9_000, 8_000)]), warned);
    }

    #[test]
    fn a_page_that_sends_new_uuids_with_every_event_gets_a_note() {
        let note = (vec![], vec![RemarkCode::GoalsHaveOtherUnits]);
        assert_eq!(codes(vec![of("g", "a", 1_000, 800), of("g", "b", 1_100, 890)]), note);
        let warned = (vec![RemarkCode::GoalWithoutParticipation], vec![]);
        assert_eq!(codes(vec![of("g", "a", 1_000, 600), of("g", "b", 1_600, 1_200)]), warned);
    }

    #[test]
    fn units_in_several_variants_are_told_beyond_the_counters_error() {
        let remark = |found, error| in_several(Share { looked_at: 40_000, found, error });
        assert!(remark(500, 0.0).is_some());
        assert!(remark(400, 0.0).is_none());
        assert!(remark(500, 250.0).is_none());
        assert!(remark(4_000, 250.0).is_some());
    }

    #[test]
    fn a_day_with_many_conversions_in_one_variant_is_told() {
        let goals = ["participate", "g"].map(|goal| Goal::new(goal).unwrap());
        let variants = ["a", "b"].map(|variant| Variant::new(variant).unwrap());
        let found = |of_a: u64, of_b: u64, participants: u64| {
            let mut tally = Tally::new(Experiment::new("e").unwrap(), Counting::Exact);
            let mut timeline = Timeline::default();
            for (variant, on_last_day) in variants.iter().zip([of_a, of_b]) {
                for day in 0..4 {
                    let (trials, new) =
                        if day == 3 { (participants, on_last_day) } else { (500, 25) };
                    timeline.add(goals[0].clone(), variant.clone(), Day(day), trials);
                    timeline.add(goals[1].clone(), variant.clone(), Day(day), new);
                }
                tally.set(goals[1].clone(), variant.clone(), 75 + on_last_day);
            }
            tally.timeline = Some(timeline);
            remarks(&tally, None).warnings.len()
        };
        assert_eq!(found(25, 30, 500), 0);
        assert_eq!(found(25, 325, 500), 1);
        assert_eq!(found(325, 325, 500), 0, "a campaign reaches all variants");
        assert_eq!(found(25, 325, 6_000), 0, "participants came, too");
    }
}

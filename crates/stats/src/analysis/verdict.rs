//! The sentence: soundness first, then enough data, then the lift's interval that the method follows.

use super::Remarks;
use super::input::{Counts, Settings};
use super::method::Method;
use super::report::{Comparison, GoalAnalysis, Outcome, RemarkCode, SampleRatioCheck, Verdict};
use crate::words::{percent, rounded, thousands};

/// Before the adjusted p-values are known.
pub(super) fn pending(goal: &str) -> Verdict {
    Verdict {
        outcome: Outcome::KeepRunning,
        goal: Some(goal.to_owned()),
        variant: None,
        sentence: String::new(),
    }
}

pub(super) fn of_goal(
    goal: &GoalAnalysis,
    counts: &Counts,
    control: Option<usize>,
    settings: &Settings,
    check: &SampleRatioCheck,
) -> Verdict {
    let say = |outcome, variant: Option<&str>, sentence: String| Verdict {
        outcome,
        goal: Some(goal.goal.clone()),
        variant: variant.map(str::to_owned),
        sentence,
    };
    if check.alarm {
        return say(Outcome::Unsound, None, unsound());
    }
    let Some(control) = control.map(|index| &counts.variants[index].name) else {
        return say(Outcome::NothingToCompare, None, nothing());
    };
    if goal.against_control.is_empty() || counts.variants.iter().all(|v| v.trials == 0) {
        return say(Outcome::NothingToCompare, None, nothing());
    }
    let all = &goal.against_control;
    if all.iter().all(|c| c.always_valid.p_value.is_none()) {
        let why = all.iter().find_map(|c| c.always_valid.reason.as_deref()).unwrap_or("too early");
        return say(Outcome::TooEarly, None, format!("No verdict on {} yet: {why}.", goal.goal));
    }
    let evidence = |c: &Comparison| settings.method.evidence(c);
    let low = |c: &Comparison| evidence(c).low;
    let high = |c: &Comparison| evidence(c).high;
    let decided = |c: &Comparison| evidence(c).decides(settings.level);
    let winners = all.iter().filter(|c| decided(c) && low(c) > 0.0);
    if let Some(best) = winners.max_by(|a, b| low(a).total_cmp(&low(b))) {
        let sentence = format!(
            "{} is better than {control}: {} up by between {} and {}.",
            best.variant,
            goal.goal,
            percent(low(best)),
            percent(high(best))
        ) + &decided_before(best, counts);
        return say(Outcome::Better, Some(&best.variant), sentence);
    }
    if all.iter().all(|c| decided(c) && high(c) < 0.0) {
        return match all.as_slice() {
            [only] => {
                let (least, most) = (percent(-high(only)), percent(-low(only)));
                let name = &only.variant;
                let sentence = format!(
                    "{name} is worse than {control}: {} down by between {least} and {most}.",
                    goal.goal
                ) + &decided_before(only, counts);
                say(Outcome::Worse, Some(name), sentence)
            }
            _ => say(
                Outcome::Worse,
                Some(control),
                format!("{control} is best: every other variant is worse on {}.", goal.goal),
            ),
        };
    }
    let smallest = settings.minimum_lift;
    if all.iter().all(|c| low(c) > -smallest && high(c) < smallest) {
        let sentence = format!(
            "No difference worth having: {} changes by less than the {} you asked for, either way.",
            goal.goal,
            percent(smallest)
        );
        return say(Outcome::NoDifference, None, sentence);
    }
    say(Outcome::KeepRunning, None, keep_running(goal, counts, settings))
}

/// Which look it was, if that was an earlier one.
fn decided_before(comparison: &Comparison, counts: &Counts) -> String {
    let now = participants(counts);
    let decision = comparison.sequential.as_ref().and_then(|report| report.decision);
    decision.filter(|decision| decision.participants < now).map_or_else(String::new, |decision| {
        format!(" The look at {} participants decided it.", thousands(decision.participants))
    })
}

fn participants(counts: &Counts) -> u64 {
    counts.variants.iter().fold(0, |sum: u64, v| sum.saturating_add(v.trials))
}

fn keep_running(goal: &GoalAnalysis, counts: &Counts, settings: &Settings) -> String {
    let lift = percent(settings.minimum_lift);
    if settings.method == Method::Sequential && settings.looks.is_none() {
        return format!(
            "No verdict on {} by looks: none was ever taken. The first one says how many participants are planned.",
            goal.goal
        );
    }
    if let Some(looks) = settings.looks.as_ref().filter(|_| settings.method == Method::Sequential) {
        let reports = || goal.against_control.iter().filter_map(|c| c.sequential.as_ref());
        if reports().all(|report| report.bound.is_none()) {
            let why = reports().find_map(|report| report.reason.as_deref());
            let why = why.unwrap_or("too early");
            return format!(
                "No look has decided {} yet, and here is no verdict: {why}.",
                goal.goal
            );
        }
        return match looks.planned.saturating_sub(participants(counts)) {
            0 => format!("Undecided at the planned end: {} shows no difference.", goal.goal),
            more => format!(
                "Keep running: {} decides nothing yet, and {} more visitors are planned.",
                goal.goal,
                thousands(more)
            ),
        };
    }
    let needed = goal.against_control.first().map(|c| &c.sample_needed);
    let more = needed.and_then(|n| match settings.method {
        Method::AlwaysValid => n.more_always_valid,
        Method::Sequential | Method::Fixed => n.more,
    });
    match more {
        Some(0) => format!(
            "Undecided: {} has had the visitors that a lift of {lift} asks for; if there is one it is probably smaller.",
            goal.goal
        ),
        Some(more) => format!(
            "Keep running: about {} more visitors for a lift of {lift} on {} to show.",
            rounded(more),
            goal.goal
        ),
        None => {
            let why = needed.and_then(|n| n.reason.as_deref()).unwrap_or("not yet known");
            format!(
                "Undecided on {}, and how many visitors a lift of {lift} needs cannot be said: {why}.",
                goal.goal
            )
        }
    }
}

pub(super) fn of_experiment(
    goals: &[GoalAnalysis],
    counts: &Counts,
    settings: &Settings,
    check: &SampleRatioCheck,
    remarks: &mut Remarks,
) -> Verdict {
    let Some(goal) = goals.iter().find(|goal| goal.primary).or(goals.first()) else {
        let (outcome, sentence) = if check.alarm {
            (Outcome::Unsound, unsound())
        } else {
            (Outcome::NothingToCompare, nothing())
        };
        return Verdict { outcome, goal: None, variant: None, sentence };
    };
    if goals.len() > 1 && settings.primary_goal.is_none() {
        let message =
            format!("No primary goal is named: the verdict is the first goal's, {}.", goal.goal);
        remarks.note(RemarkCode::NoPrimaryGoal, message);
    }
    if goal.verdict.outcome == Outcome::TooEarly && counts.variants.len() > 1 {
        remarks.warn(RemarkCode::TooFewParticipants, goal.verdict.sentence.clone());
    }
    goal.verdict.clone()
}

fn unsound() -> String {
    "Do not act on these numbers: the visitors are not split over the variants as they should be. Find out why first."
        .to_owned()
}

fn nothing() -> String {
    "Nothing to compare yet: a verdict needs a control, another variant, and visitors on a goal."
        .to_owned()
}

//! The verdict's sentence: soundness first, then enough data, then what the intervals decide.

use super::evidence::Silence;
use super::input::{Better, Counts, Settings};
use super::look::Decision;
use super::method::Method;
use super::remarks::Remarks;
use super::report::{Comparison, Decided, GoalAnalysis, Outcome, RemarkCode, Verdict};
use super::sequential::{Sequence, participants};
use crate::words::{amount, percent, rounded, thousands, with_unit};

/// What a goal's verdict depends on besides its comparisons.
pub(super) struct Context<'a> {
    pub(super) goal: &'a str,
    /// The unit, for a mean.
    pub(super) unit: Option<&'a str>,
    pub(super) counts: &'a Counts,
    pub(super) control: Option<&'a str>,
    pub(super) settings: &'a Settings,
    pub(super) unsound: bool,
    pub(super) sequence: Option<&'a Sequence>,
}

/// The verdict on one goal. `silences` are the comparisons' reasons to decide nothing, in the same order.
pub(super) fn of_goal(
    context: &Context<'_>,
    all: &[Comparison],
    silences: &[Option<&Silence>],
) -> Verdict {
    let goal = context.goal;
    let say = |outcome, variant: Option<&str>, sentence: String| Verdict {
        outcome,
        goal: Some(goal.to_owned()),
        variant: variant.map(str::to_owned),
        sentence,
    };
    if context.unsound {
        return say(Outcome::Unsound, None, unsound());
    }
    let is_empty = context.counts.variants.iter().all(|variant| variant.trials == 0);
    let Some(control) = context.control.filter(|_| !all.is_empty() && !is_empty) else {
        return say(Outcome::NothingToCompare, None, nothing());
    };
    if let Some(verdict) = silent(context, silences) {
        return say(verdict.0, None, verdict.1);
    }
    let better = context.settings.better(goal);
    let worst_end = |c: &Comparison| match better {
        Better::Higher => c.lift_low.or(c.difference_low).unwrap_or(f64::NEG_INFINITY),
        Better::Lower => -c.lift_high.or(c.difference_high).unwrap_or(f64::INFINITY),
    };
    let winners = all.iter().filter(|c| c.decision == Some(Decided::Better));
    if let Some(best) = winners.max_by(|a, b| worst_end(a).total_cmp(&worst_end(b))) {
        let sentence =
            format!("{} is better than {control}: {}.", best.variant, change(context, best))
                + &earlier_look(context, best);
        return say(Outcome::Better, Some(&best.variant), sentence);
    }
    let worse: Vec<&Comparison> =
        all.iter().filter(|c| c.decision == Some(Decided::Worse)).collect();
    // A variant that can decide nothing does not keep the others waiting.
    let speaking = silences.iter().filter(|s| !matches!(s, Some(Silence::NoVerdict(_)))).count();
    if worse.len() == speaking {
        return match worse.as_slice() {
            [only] => {
                let sentence =
                    format!("{} is worse than {control}: {}.", only.variant, change(context, only))
                        + &earlier_look(context, only);
                say(Outcome::Worse, Some(&only.variant), sentence)
            }
            _ => say(
                Outcome::Worse,
                Some(control),
                format!("{control} is best: every other variant is worse on {goal}."),
            ),
        };
    }
    let smallest = context.settings.minimum_lift;
    let is_small = |c: &Comparison| {
        c.lift_low.is_some_and(|low| low > -smallest)
            && c.lift_high.is_some_and(|high| high < smallest)
    };
    let speaks = |(_, silence): &(&Comparison, &Option<&Silence>)| {
        !matches!(silence, Some(Silence::NoVerdict(_)))
    };
    if all.iter().zip(silences).filter(speaks).all(|(c, _)| is_small(c)) {
        let sentence = format!(
            "No meaningful difference: {goal} changes by less than {} in either direction.",
            percent(smallest)
        );
        return say(Outcome::NoDifference, None, sentence);
    }
    let mut sentence = keep_running(context, all);
    if let [only] = worse.as_slice() {
        sentence +=
            &format!(" {} is worse than {control}: {}.", only.variant, change(context, only));
    } else if worse.len() > 1 {
        let names: Vec<&str> = worse.iter().map(|c| c.variant.as_str()).collect();
        sentence += &format!(" Worse than {control}: {}.", names.join(", "));
    }
    say(Outcome::KeepRunning, None, sentence)
}

/// The verdict if no comparison has an interval.
fn silent(context: &Context<'_>, silences: &[Option<&Silence>]) -> Option<(Outcome, String)> {
    let silences: Vec<&Silence> = silences.iter().copied().collect::<Option<_>>()?;
    let goal = context.goal;
    let early = silences.iter().find(|silence| matches!(silence, Silence::TooEarly(_)));
    if let Some(early) = early {
        return Some((
            Outcome::TooEarly,
            format!("Not enough data yet for {goal}: {}.", early.reason()),
        ));
    }
    if let Some(waiting) = silences.iter().find(|silence| matches!(silence, Silence::NoLook(_))) {
        let sentence = match context.sequence {
            None => format!(
                "No verdict on {goal} yet: no look was taken. Take the first look; it fixes the planned number of participants."
            ),
            Some(_) => format!("No verdict on {goal}: {}.", waiting.reason()),
        };
        return Some((Outcome::KeepRunning, sentence));
    }
    let reason = silences.first().map_or("nothing to compare", |silence| silence.reason());
    Some((Outcome::NoVerdict, format!("No verdict on {goal}: {reason}.")))
}

/// "signups up by between 3% and 5%", or without a lift "revenue up by between 0.1 and 0.4 EUR per participant".
fn change(context: &Context<'_>, comparison: &Comparison) -> String {
    let lift = comparison.lift_low.zip(comparison.lift_high);
    let difference = comparison.difference_low.zip(comparison.difference_high);
    let (low, high) = lift.or(difference).unwrap_or_default();
    let (direction, from, to) = if low > 0.0 { ("up", low, high) } else { ("down", -high, -low) };
    let (from, to) = match lift {
        Some(_) => (percent(from), percent(to)),
        None => (amount(from), with_unit(to, context.unit) + " per participant"),
    };
    format!("{} {direction} by between {from} and {to}", context.goal)
}

/// Names the look that decided, if there are more participants now.
fn earlier_look(context: &Context<'_>, comparison: &Comparison) -> String {
    let now = participants(context.counts);
    let look = comparison.look.filter(|look| look.participants < now);
    look.map_or_else(String::new, |look| {
        format!(" The look at {} participants decided it.", thousands(look.participants))
    })
}

fn keep_running(context: &Context<'_>, all: &[Comparison]) -> String {
    let goal = context.goal;
    let lift = percent(context.settings.minimum_lift);
    if let Some(sequence) =
        context.sequence.filter(|_| context.settings.method == Method::Sequential)
    {
        return match sequence.planned().saturating_sub(participants(context.counts)) {
            0 if sequence.last().is_some_and(|look| look.participants >= look.planned) => {
                format!("Undecided at the planned end: no difference found in {goal}.")
            }
            0 => format!("The planned end is reached. Take the last look at {goal}."),
            more => format!(
                "Keep running: {goal} is not decided yet. The plan has {} more visitors.",
                thousands(more)
            ),
        };
    }
    let needed = all.iter().map(|c| &c.sample_needed).next();
    let more = needed.and_then(|needed| match context.settings.method {
        Method::AlwaysValid => needed.more_always_valid,
        Method::Sequential | Method::Fixed => needed.more,
    });
    match more {
        Some(0) => format!(
            "Undecided: there are enough visitors to detect a {lift} lift in {goal}. If there is a lift, it is probably \
             smaller."
        ),
        Some(more) => format!(
            "Not enough data yet: about {} more visitors to detect a {lift} lift in {goal}.",
            rounded(more)
        ),
        None => {
            let why = needed.and_then(|needed| needed.reason.as_deref()).unwrap_or("not known yet");
            format!(
                "Undecided on {goal}. Visitors needed for a {lift} lift: unknown, because {why}."
            )
        }
    }
}

/// The verdict of the primary goal. Without one, of a goal of the looks: a goal that appears later cannot hide what they
/// decided. Without looks, of the first goal.
pub(super) fn of_experiment(
    goals: &[GoalAnalysis],
    counts: &Counts,
    settings: &Settings,
    unsound: bool,
    sequence: Option<&Sequence>,
    remarks: &mut Remarks,
) -> Verdict {
    let primary = settings.primary_goal();
    let named = |name: &str| goals.iter().find(|goal| goal.goal == name);
    let of_looks = sequence.and_then(|looks| looks.goals().into_iter().find_map(named));
    let chosen = goals.iter().find(|goal| goal.primary).or(of_looks).or(goals.first());
    let Some(goal) = chosen else {
        let (outcome, sentence) = if unsound {
            (Outcome::Unsound, self::unsound())
        } else {
            (Outcome::NothingToCompare, nothing())
        };
        return Verdict { outcome, goal: None, variant: None, sentence };
    };
    if goals.len() > 1 && primary.is_none() {
        let which = if of_looks.is_some() { "goal of the looks" } else { "goal" };
        let message =
            format!("No primary goal set. The verdict is about the first {which}, {}.", goal.goal);
        remarks.note(RemarkCode::NoPrimaryGoal, message);
    }
    if goal.verdict.outcome == Outcome::TooEarly && counts.variants.len() > 1 {
        remarks.warn(RemarkCode::TooFewParticipants, goal.verdict.sentence.clone());
    }
    goal.verdict.clone()
}

/// Says what the looks decided, and how they differ from what this report asks for.
pub(super) fn remark_looks(
    sequence: &Sequence,
    settings: &Settings,
    control: Option<&str>,
    remarks: &mut Remarks,
) {
    let decisions = sequence.decisions();
    if let Some(looks_control) = sequence.control()
        && control.is_some_and(|control| control != looks_control)
    {
        let message =
            format!("The looks used {looks_control} as the control. {}", decided(&decisions));
        remarks.warn(RemarkCode::LooksDiffer, message);
    } else if settings.method != Method::Sequential && sequence.last().is_some() {
        let message = format!(
            "This report does not follow the looks (method sequential). {}",
            decided(&decisions)
        );
        remarks.note(RemarkCode::LooksTaken, message);
    }
    if let Some(last) = sequence.last()
        && settings.method == Method::Sequential
        && (last.level - (1.0 - settings.level.alpha())).abs() > 1e-9
    {
        let message = format!(
            "The looks keep their level of {}: the first look fixed it.",
            percent(last.level)
        );
        remarks.warn(RemarkCode::LooksDiffer, message);
    }
    if let Some(reason) =
        sequence.reason().filter(|_| settings.looks.as_ref().is_some_and(|looks| looks.now))
    {
        remarks.warn(RemarkCode::LooksTaken, format!("No look was taken: {reason}."));
    }
}

fn decided(decisions: &[Decision]) -> String {
    if decisions.is_empty() {
        return "The looks decided nothing so far.".to_owned();
    }
    let one = |decision: &Decision| {
        let direction = if decision.lift_low > 0.0 { "above" } else { "below" };
        format!(
            "the look at {} participants found {} {direction} {} on {}",
            thousands(decision.participants),
            decision.variant,
            decision.control,
            decision.goal
        )
    };
    let list: Vec<String> = decisions.iter().map(one).collect();
    format!("Decided: {}.", list.join("; "))
}

fn unsound() -> String {
    "Do not use these numbers: the split between the variants is wrong.".to_owned()
}

fn nothing() -> String {
    "Nothing to compare yet: a verdict needs a control, another variant, and participants."
        .to_owned()
}

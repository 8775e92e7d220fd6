//! Group-sequential looks: the bounds that hold for the looks taken so far, this one included.

use super::arm::Arm;
use super::comparison::too_early;
use super::input::{Counts, Settings};
use super::method::Method;
use super::report::{
    Decision, GoalAnalysis, LookReport, LookStatistic, LooksReport, SequentialReport,
};
use crate::error::{Error, require};
use crate::group_sequential::{group_sequential, repeated_interval};
use crate::level::{Interval, Level};
use crate::many_comparisons::Correction;

/// Looks that are nearer to each other than this share of the plan are one look: what came in between them tells nothing, and
/// bounds for it take long to work out.
const ONE_LOOK: f64 = 1e-3;

/// However far past the plan a look is, it spends no more than one at its end.
const FAR_PAST: f64 = 1e6;

/// The looks at an experiment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Looks {
    /// Participants, of all variants together, at which the experiment is planned to end.
    pub planned: u64,
    /// The earlier looks, in their order.
    pub earlier: Vec<EarlierLook>,
    /// Whether the counts at hand are a look, too. If not, they are judged by the earlier looks alone: whoever sees them often
    /// would stop at the most pleasing moment otherwise.
    pub now: bool,
}

/// A look that was taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EarlierLook {
    /// Participants, of all variants together.
    pub participants: u64,
    /// The variant that the others were held against.
    pub control: String,
    /// What was found, if that is known.
    pub statistics: Vec<LookStatistic>,
}

/// A look that all is known of but what was found.
impl From<u64> for EarlierLook {
    fn from(participants: u64) -> Self {
        Self { participants, ..Self::default() }
    }
}

/// The bounds at the looks.
pub(super) struct Bounds<'a> {
    /// None if no look was ever planned.
    pub(super) report: Option<LooksReport>,
    /// The earlier looks that count as looks of their own.
    earlier: Vec<&'a EarlierLook>,
    /// The bound at each look, this one the last if it is one: for a comparison of the primary goal, and for any other; each
    /// with its share of alpha.
    z: [Vec<Option<f64>>; 2],
    /// Why there is none for the counts at hand.
    reason: Option<String>,
}

/// Nothing unless the method is sequential.
pub(super) fn bounds<'a>(
    counts: &Counts,
    settings: &'a Settings,
) -> Result<Option<Bounds<'a>>, Error> {
    if settings.method != Method::Sequential {
        return Ok(None);
    }
    let Some(looks) = &settings.looks else {
        let reason = Some("no look has been taken, and no end is planned".to_owned());
        return Ok(Some(Bounds {
            report: None,
            earlier: Vec::new(),
            z: Default::default(),
            reason,
        }));
    };
    require(looks.planned > 0, "planned", "at least 1", looks.planned as f64)?;
    for pair in looks.earlier.windows(2) {
        let (previous, next) = (pair[0].participants, pair[1].participants);
        if previous >= next {
            let (previous, next) = (previous as f64, next as f64);
            return Err(Error::LooksNotIncreasing { previous, next });
        }
    }
    let now = counts.variants.iter().fold(0, |sum: u64, v| sum.saturating_add(v.trials));
    let (earlier, is_new) = distinct(looks, now);
    let participants = earlier.iter().map(|look| look.participants).chain(is_new.then_some(now));
    let participants: Vec<u64> = participants.collect();
    let share = |participants: u64| participants as f64 / looks.planned as f64;
    let information: Vec<f64> = participants.iter().map(|&p| share(p).min(FAR_PAST)).collect();
    let whole = group_sequential(&information, settings.level)?;
    let found = earlier.iter().map(|look| look.statistics.clone()).chain([Vec::new()]);
    let taken = participants.iter().zip(&whole).zip(found);
    let report = LooksReport {
        planned: looks.planned,
        taken: taken
            .map(|((&participants, bound), statistics)| LookReport {
                participants,
                information: bound.information,
                spent: bound.spent,
                statistics,
            })
            .collect(),
    };
    let mut z = [Vec::new(), Vec::new()];
    for (slot, comparisons) in z.iter_mut().zip(families(counts, settings)) {
        let alpha = match settings.correction {
            Correction::None => settings.level.alpha(),
            // Evenly: the looks leave no order of p-values to step through.
            _ => settings.level.alpha() / comparisons.max(1) as f64,
        };
        let bounds = group_sequential(&information, Level::from_alpha(alpha)?)?;
        *slot = bounds.iter().map(|bound| bound.z).collect();
    }
    let reason = silence(looks, now, participants.is_empty(), is_new);
    Ok(Some(Bounds { report: Some(report), earlier, z, reason }))
}

/// Why the counts at hand are judged by no bound.
fn silence(looks: &Looks, now: u64, no_look: bool, is_new: bool) -> Option<String> {
    let last = looks.earlier.last().map_or(0, |look| look.participants);
    let reason = if last > now {
        "there are fewer participants now than at an earlier look"
    } else if last >= looks.planned && last < now {
        "the look at the planned end was the last: nothing of alpha is left"
    } else if !is_new && !is_one_look(looks, last, now) {
        "no look is taken at these counts"
    } else if no_look {
        "too early: hardly any of the planned participants are there"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

/// The earlier looks that count as looks of their own, and whether one at `now` does. Past the plan there is at most one: it
/// spends what is left.
fn distinct(looks: &Looks, now: u64) -> (Vec<&EarlierLook>, bool) {
    let counts = |before: Option<&&EarlierLook>, participants: u64| {
        let before = before.map_or(0, |look| look.participants);
        !is_one_look(looks, before, participants) && before < looks.planned
    };
    let mut earlier: Vec<&EarlierLook> = Vec::new();
    for look in &looks.earlier {
        if counts(earlier.last(), look.participants) {
            earlier.push(look);
        }
    }
    let is_new = looks.now && counts(earlier.last(), now);
    (earlier, is_new)
}

fn is_one_look(looks: &Looks, before: u64, after: u64) -> bool {
    (after.saturating_sub(before) as f64) < ONE_LOOK * looks.planned as f64
}

/// How many comparisons the primary goal has, if one is named, and how many the others.
fn families(counts: &Counts, settings: &Settings) -> [usize; 2] {
    let pairs = counts.variants.len().saturating_sub(1);
    let primary = usize::from(settings.primary_goal.is_some());
    [pairs * primary, pairs * counts.goals.len().saturating_sub(primary)]
}

/// What is compared at a look.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    pub(super) goal: &'a str,
    pub(super) primary: bool,
    pub(super) control: (&'a str, Arm),
    pub(super) variant: (&'a str, Arm),
}

impl Bounds<'_> {
    /// A comparison at the looks: intervals that hold together with those of all other looks.
    pub(super) fn compare(&self, compared: Compared<'_>) -> SequentialReport {
        let bounds = &self.z[usize::from(!compared.primary)];
        let mut report = self.at_these_counts(compared, bounds.last().copied().flatten());
        report.decision = self.earlier_decision(compared, bounds).or_else(|| {
            let (bound, z) = (report.bound?, report.z?);
            let interval = Interval::finite(report.lift_low?, report.lift_high?)?;
            let participants = self.report.as_ref()?.taken.last()?.participants;
            decision(participants, bound, z, interval)
        });
        report
    }

    fn at_these_counts(&self, compared: Compared<'_>, bound: Option<f64>) -> SequentialReport {
        let ((_, control), (_, variant)) = (compared.control, compared.variant);
        let silent =
            |reason: String| SequentialReport { reason: Some(reason), ..Default::default() };
        if let Some(reason) = self.reason.clone().or_else(|| too_early(control, variant)) {
            return silent(reason);
        }
        let ln_ratio = Arm::ln_ratio(control, variant);
        let estimate = ln_ratio.zip(Arm::ln_ratio_variance(control, variant));
        let (Some((ln_ratio, variance)), Some(bound)) = (estimate, bound) else {
            return silent("nothing varies".to_owned());
        };
        let rates = control.observed_rate().zip(variant.observed_rate());
        let difference = rates.zip(Arm::difference_variance(control, variant));
        let difference = difference
            .and_then(|((from, to), variance)| repeated_interval(to - from, variance, bound));
        let lift = lift_interval(ln_ratio, variance.sqrt(), bound);
        SequentialReport {
            bound: Some(bound),
            z: Some(ln_ratio / variance.sqrt()).filter(|z| z.is_finite()),
            standard_error: Some(variance.sqrt()),
            difference_low: difference.map(|d| d.low),
            difference_high: difference.map(|d| d.high),
            lift_low: lift.map(|l| l.low),
            lift_high: lift.map(|l| l.high),
            decision: None,
            reason: None,
        }
    }

    /// The first earlier look that decided the comparison.
    fn earlier_decision(&self, compared: Compared<'_>, bounds: &[Option<f64>]) -> Option<Decision> {
        let ((control, _), (variant, _)) = (compared.control, compared.variant);
        self.earlier.iter().zip(bounds).find_map(|(look, &bound)| {
            let is_it = |found: &&LookStatistic| {
                look.control == control && found.goal == compared.goal && found.variant == variant
            };
            let found = look.statistics.iter().find(is_it)?;
            let interval =
                lift_interval(found.z * found.standard_error, found.standard_error, bound?);
            decision(look.participants, bound?, found.z, interval?)
        })
    }

    /// The report, with what was found at this look.
    pub(super) fn into_report(self, goals: &[GoalAnalysis]) -> Option<LooksReport> {
        let mut report = self.report?;
        if report.taken.len() > self.earlier.len()
            && let Some(now) = report.taken.last_mut()
        {
            now.statistics = goals.iter().flat_map(statistics).collect();
        }
        Some(report)
    }
}

fn statistics(goal: &GoalAnalysis) -> impl Iterator<Item = LookStatistic> {
    goal.against_control.iter().filter_map(|comparison| {
        let found = comparison.sequential.as_ref()?;
        Some(LookStatistic {
            goal: goal.goal.clone(),
            variant: comparison.variant.clone(),
            z: found.z?,
            standard_error: found.standard_error?,
        })
    })
}

fn decision(participants: u64, bound: f64, z: f64, interval: Interval) -> Option<Decision> {
    (z.abs() >= bound).then_some(Decision {
        participants,
        bound,
        z,
        lift_low: interval.low,
        lift_high: interval.high,
    })
}

fn lift_interval(ln_ratio: f64, standard_error: f64, bound: f64) -> Option<Interval> {
    let ln = repeated_interval(ln_ratio, standard_error * standard_error, bound)?;
    Interval::finite(ln.low.exp_m1(), ln.high.exp_m1())
}

//! The sequential method: the recorded looks, a new one, and what they say.
//!
//! | module | holds |
//! |---|---|
//! | `bounds` | [`Bounds`]: what all looks share, and how far their alpha is spent |
//! | `finding` | what a new look finds |

mod bounds;
mod finding;

use std::collections::HashSet;

use super::arm::Arm;
use super::evidence::{Evidence, LookEvidence, Silence};
use super::families::Families;
use super::family::Family;
use super::input::{Counts, Settings};
use super::look::{Decision, EarlierLook, LookComparison, LookRecord, Looks};
use super::report::{ComparisonLook, LooksReport};
use crate::error::{Error, require};
use crate::many_comparisons::Correction;
use bounds::Bounds;

/// Looks nearer to each other than this share of the plan are one look: the participants between them add no information.
const ONE_LOOK: f64 = 1e-3;

/// The recorded looks, and this analysis if it is a look.
pub(super) struct Sequence {
    planned: u64,
    records: Vec<LookRecord>,
    /// Whether the last record is this analysis.
    is_new: bool,
    /// Why this analysis is not a look, if it was meant to be one.
    reason: Option<String>,
}

/// A pair of arms on a goal.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) goal: &'a str,
    pub(super) variant: &'a str,
    /// `None` if there are no counts, or the goal cannot be compared.
    pub(super) arms: Option<(Arm, Arm)>,
}

impl Sequence {
    /// Reads the earlier looks and takes a new one if asked to. `None` if there are no looks and no plan.
    pub(super) fn new(
        counts: &Counts,
        settings: &Settings,
        control: Option<usize>,
        families: &Families<'_>,
        pairs: &[Pair<'_>],
    ) -> Result<Option<Self>, Error> {
        let Some(looks) = &settings.looks else { return Ok(None) };
        require(looks.planned > 0, "planned", "at least 1", looks.planned as f64)?;
        for pair in looks.earlier.windows(2) {
            let (previous, next) = (pair[0].participants(), pair[1].participants());
            if previous >= next {
                let (previous, next) = (previous as f64, next as f64);
                return Err(Error::LooksNotIncreasing { previous, next });
            }
        }
        let now = participants(counts);
        let (earlier, is_new) = distinct(looks, now);
        let mut bounds = Bounds::new(settings, families, looks)?;
        // Records hold their bounds. Only another look needs the process behind them, which costs milliseconds a look.
        let takes = is_new || earlier.iter().any(|look| matches!(look, EarlierLook::Told(_)));
        let mut records = Vec::new();
        for look in earlier {
            records.push(match look {
                EarlierLook::Recorded(record) => {
                    if takes {
                        bounds.recall(record)?;
                    }
                    (**record).clone()
                }
                EarlierLook::Told(participants) => bounds.take(*participants, settings)?,
            });
        }
        if is_new {
            let name = control.map(|index| counts.variants[index].name.as_str());
            let fixed = records.iter().map(|look| look.control.as_str()).rfind(|c| !c.is_empty());
            if let (Some(name), Some(fixed)) = (name, fixed)
                && name != fixed
            {
                return Err(Error::LooksFixedControl {
                    fixed: fixed.to_owned(),
                    asked: name.to_owned(),
                });
            }
            let mut record = bounds.take(now, settings)?;
            finding::describe(&mut record, counts, settings, control, &bounds, families, pairs);
            records.push(record);
        }
        let reason = silence(looks, now, is_new);
        Ok(Some(Self { planned: looks.planned, records, is_new, reason }))
    }

    /// The control of the recorded looks.
    pub(super) fn control(&self) -> Option<&str> {
        self.records.iter().rev().map(|look| look.control.as_str()).find(|name| !name.is_empty())
    }

    pub(super) fn last(&self) -> Option<&LookRecord> {
        self.records.iter().rfind(|look| !look.comparisons.is_empty())
    }

    /// The goals of the recorded looks: decided ones first, in the order of the decisions, then the others.
    pub(super) fn goals(&self) -> Vec<&str> {
        let decided = self.records.iter().flat_map(|look| {
            let is_decided = |one: &&LookComparison| look.is_decided(one);
            look.comparisons.iter().filter(is_decided)
        });
        let all = self.records.iter().flat_map(|look| &look.comparisons);
        let mut seen = HashSet::new();
        let goals = decided.chain(all).map(|one| one.goal.as_str());
        goals.filter(|goal| seen.insert(*goal)).collect()
    }

    pub(super) fn planned(&self) -> u64 {
        self.planned
    }

    pub(super) fn decisions(&self) -> Vec<Decision> {
        let mut first: Vec<Decision> = Vec::new();
        for decision in self.records.iter().flat_map(LookRecord::decisions) {
            let known = |one: &Decision| {
                (&one.goal, &one.variant, &one.control)
                    == (&decision.goal, &decision.variant, &decision.control)
            };
            if !first.iter().any(known) {
                first.push(decision);
            }
        }
        first
    }

    /// What the looks say about a comparison: the first look that decided it, or the newest.
    pub(super) fn evidence(&self, goal: &str, variant: &str, control: &str) -> Evidence {
        let silent = |reason: &str| Evidence::Silent(Silence::NoLook(reason.to_owned()));
        let no_verdict = |reason: &str| Evidence::Silent(Silence::NoVerdict(reason.to_owned()));
        let with_data: Vec<&LookRecord> =
            self.records.iter().filter(|look| !look.comparisons.is_empty()).collect();
        let Some(newest) = with_data.last() else {
            return silent(self.reason.as_deref().unwrap_or("no look was taken"));
        };
        let same = || with_data.iter().filter(|look| look.control == control);
        let found: Vec<LookEvidence> =
            same().filter_map(|look| look_evidence(look, goal, variant)).collect();
        if let Some(evidence) = found.iter().find(|one| one.decided).or(found.last()) {
            return Evidence::Look(evidence.clone());
        }
        if same().next().is_none() {
            return no_verdict(&format!("the looks used {} as the control", newest.control));
        }
        match newest.comparison(goal, variant) {
            None => {
                no_verdict("it appeared after the first look, so the looks decide nothing about it")
            }
            Some(LookComparison { family: Family::Exploratory, .. }) => {
                no_verdict("it was not declared, so the looks decide nothing about it")
            }
            Some(_) => {
                Evidence::Silent(Silence::TooEarly("not enough data at the look".to_owned()))
            }
        }
    }

    /// Why this analysis is not a look, if it was meant to be one or could be.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| !self.is_new)
    }

    pub(super) fn into_report(self) -> LooksReport {
        let decisions = self.decisions();
        LooksReport { planned: self.planned, taken: self.records, decisions }
    }
}

fn look_evidence(look: &LookRecord, goal: &str, variant: &str) -> Option<LookEvidence> {
    let comparison = look.comparison(goal, variant)?;
    let found = comparison.found.as_ref()?;
    let family = look.family(comparison.family)?;
    let bound = family.bound?;
    let interval = found.lift_interval(bound)?;
    let decided = found.z.abs() > bound;
    let shares = if look.correction == Correction::None { 1.0 } else { family.comparisons as f64 };
    let alpha = shares * family.alpha;
    // The bound decides. Rounding may not part the p-value and the interval from it.
    let adjusted = (shares * found.p_value).min(1.0);
    let rounded = 1.0 - look.level;
    let adjusted = if decided {
        adjusted.min(alpha.min(rounded).next_down())
    } else {
        adjusted.max(alpha.max(rounded))
    };
    let lift_interval = match (decided, found.z > 0.0) {
        (false, _) => crate::Interval { low: interval.low.min(0.0), high: interval.high.max(0.0) },
        (true, true) => crate::Interval { low: interval.low.max(f64::MIN_POSITIVE), ..interval },
        (true, false) => {
            crate::Interval { high: interval.high.min(-f64::MIN_POSITIVE), ..interval }
        }
    };
    let standard_error = found.standard_error;
    Some(LookEvidence {
        look: ComparisonLook { participants: look.participants, bound, standard_error },
        decided,
        lift: found.estimate.exp_m1(),
        lift_interval,
        difference: found.difference_standard_error.map(|_| found.difference),
        difference_interval: found.difference_interval(bound),
        z: found.z,
        p_value: found.p_value,
        adjusted_p_value: adjusted,
        interval_level: 1.0 - family.alpha,
    })
}

/// Participants of all variants together.
pub(super) fn participants(counts: &Counts) -> u64 {
    counts.variants.iter().fold(0, |sum: u64, variant| sum.saturating_add(variant.trials))
}

/// Why this analysis is not a look, if it is not.
fn silence(looks: &Looks, now: u64, is_new: bool) -> Option<String> {
    let last = looks.earlier.last().map_or(0, EarlierLook::participants);
    let reason = if is_new {
        return None;
    } else if last > now {
        "there are fewer participants now than at an earlier look"
    } else if last >= looks.planned && last < now {
        "the look at the planned end was the last one: no alpha is left"
    } else if !looks.now {
        "this report is not a look"
    } else if last == 0 {
        "not enough data: hardly any of the planned participants are there"
    } else {
        "there are hardly more participants than at the last look"
    };
    Some(reason.to_owned())
}

/// The earlier looks that count as looks of their own, and whether one at `now` does. Recorded looks always count. Past the
/// plan there is at most one more: it spends what is left.
fn distinct(looks: &Looks, now: u64) -> (Vec<&EarlierLook>, bool) {
    let counts = |before: Option<&&EarlierLook>, participants: u64| {
        let before = before.map_or(0, |look| look.participants());
        let added = participants.saturating_sub(before) as f64;
        added >= ONE_LOOK * looks.planned as f64 && before < looks.planned
    };
    let mut earlier: Vec<&EarlierLook> = Vec::new();
    for look in &looks.earlier {
        let recorded = matches!(look, EarlierLook::Recorded(_));
        if recorded || counts(earlier.last(), look.participants()) {
            earlier.push(look);
        }
    }
    // The caller may count this look among those that it tells of.
    if looks.now
        && let Some(EarlierLook::Told(last)) = earlier.last()
        && *last <= now
        && ((now - last) as f64) < ONE_LOOK * looks.planned as f64
    {
        earlier.pop();
    }
    let is_new = looks.now && counts(earlier.last(), now);
    (earlier, is_new)
}

//! Group-sequential looks: the bounds that hold for the looks taken so far, this one included.

use super::arm::Arm;
use super::comparison::too_early;
use super::input::{Counts, Settings};
use super::method::Method;
use super::report::{LookReport, LooksReport, SequentialReport};
use crate::error::{Error, require};
use crate::group_sequential::{group_sequential, repeated_interval};
use crate::level::Level;
use crate::many_comparisons::Correction;

/// Looks that are nearer to each other than this share of the plan are one look: what came in between them tells nothing, and
/// bounds for it take long to work out.
const ONE_LOOK: f64 = 1e-3;

/// However far past the plan a look is, it spends no more than one at its end.
const FAR_PAST: f64 = 1e6;

/// The looks at an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looks {
    /// Participants, of all variants together, at which the experiment is planned to end.
    pub planned: u64,
    /// Participants, of all variants together, at each earlier look, in their order.
    pub earlier: Vec<u64>,
}

/// The bounds at this look.
pub(super) struct Bounds {
    pub(super) report: LooksReport,
    /// For a comparison of the primary goal, and for any other; each with its share of alpha.
    z: [Option<f64>; 2],
    /// Why there are none.
    reason: Option<String>,
}

/// Nothing unless the method is sequential.
pub(super) fn bounds(counts: &Counts, settings: &Settings) -> Result<Option<Bounds>, Error> {
    if settings.method != Method::Sequential {
        return Ok(None);
    }
    let looks = settings.looks.clone().unwrap_or_default();
    require(looks.planned > 0, "planned", "at least 1", looks.planned as f64)?;
    for pair in looks.earlier.windows(2) {
        if pair[0] >= pair[1] {
            let (previous, next) = (pair[0] as f64, pair[1] as f64);
            return Err(Error::LooksNotIncreasing { previous, next });
        }
    }
    let now = counts.variants.iter().fold(0, |sum: u64, v| sum.saturating_add(v.trials));
    let last = looks.earlier.last().copied().unwrap_or(0);
    let taken = distinct(&looks, now);
    let share = |participants: u64| participants as f64 / looks.planned as f64;
    let information: Vec<f64> = taken.iter().map(|&look| share(look).min(FAR_PAST)).collect();
    let whole = group_sequential(&information, settings.level)?;
    let report = LooksReport {
        planned: looks.planned,
        taken: taken
            .iter()
            .zip(&whole)
            .map(|(&participants, bound)| LookReport {
                participants,
                information: bound.information,
                spent: bound.spent,
            })
            .collect(),
    };
    let mut z = [None; 2];
    let reason = if last > now {
        Some("there are fewer participants now than at an earlier look".to_owned())
    } else if last >= looks.planned && last < now {
        Some("the look at the planned end was the last: nothing of alpha is left".to_owned())
    } else if taken.is_empty() {
        Some("too early: hardly any of the planned participants are there".to_owned())
    } else {
        for (slot, comparisons) in z.iter_mut().zip(families(counts, settings)) {
            let alpha = match settings.correction {
                Correction::None => settings.level.alpha(),
                // Evenly: the looks leave no order of p-values to step through.
                _ => settings.level.alpha() / comparisons.max(1) as f64,
            };
            let bounds = group_sequential(&information, Level::from_alpha(alpha)?)?;
            *slot = bounds.last().and_then(|bound| bound.z);
        }
        None
    };
    Ok(Some(Bounds { report, z, reason }))
}

/// The looks that count as looks of their own, the one at `now` among them. Past the plan there is at most one: it spends what
/// is left.
fn distinct(looks: &Looks, now: u64) -> Vec<u64> {
    let step = ONE_LOOK * looks.planned as f64;
    let mut taken: Vec<u64> = Vec::new();
    for &look in looks.earlier.iter().chain([&now]) {
        let before = taken.last().copied().unwrap_or(0);
        if look.saturating_sub(before) as f64 >= step && before < looks.planned {
            taken.push(look);
        }
    }
    taken
}

/// How many comparisons the primary goal has, if one is named, and how many the others.
fn families(counts: &Counts, settings: &Settings) -> [usize; 2] {
    let pairs = counts.variants.len().saturating_sub(1);
    let primary = usize::from(settings.primary_goal.is_some());
    [pairs * primary, pairs * counts.goals.len().saturating_sub(primary)]
}

impl Bounds {
    /// A comparison at this look: intervals that hold together with those of all other looks.
    pub(super) fn compare(&self, control: Arm, variant: Arm, primary: bool) -> SequentialReport {
        let silent =
            |reason: String| SequentialReport { reason: Some(reason), ..Default::default() };
        if let Some(reason) = self.reason.clone().or_else(|| too_early(control, variant)) {
            return silent(reason);
        }
        let ln_ratio = Arm::ln_ratio(control, variant);
        let estimate = ln_ratio.zip(Arm::ln_ratio_variance(control, variant));
        let bound = self.z[usize::from(!primary)];
        let (Some((ln_ratio, variance)), Some(bound)) = (estimate, bound) else {
            return silent("nothing varies".to_owned());
        };
        let rates = control.observed_rate().zip(variant.observed_rate());
        let difference = rates.zip(Arm::difference_variance(control, variant));
        let difference = difference
            .and_then(|((from, to), variance)| repeated_interval(to - from, variance, bound));
        let lift = repeated_interval(ln_ratio, variance, bound);
        let end = |value: f64| Some(value.exp_m1()).filter(|value| value.is_finite());
        SequentialReport {
            bound: Some(bound),
            z: Some(ln_ratio / variance.sqrt()).filter(|z| z.is_finite()),
            difference_low: difference.map(|d| d.low),
            difference_high: difference.map(|d| d.high),
            lift_low: lift.and_then(|l| end(l.low)),
            lift_high: lift.and_then(|l| end(l.high)),
            reason: None,
        }
    }
}

//! What a method knows about one comparison: its statistic, and from it p-values and intervals of any level.

use super::arm::Arm;
use super::report::{ComparisonLook, StrataReport};
use crate::confidence_sequence::{Observation, Rho};
use crate::level::{Interval, Level};
use crate::mean::{Contrast, Reach};
use crate::normal;
use crate::proportion::Proportion;
use crate::score;
use crate::totals::Unready;
use crate::words::{counted, thousands};

/// With fewer participants or successes the asymptotic intervals are too optimistic.
const LEAST_TRIALS: f64 = 100.0;
const LEAST_SUCCESSES: f64 = 5.0;

/// The evidence of one comparison.
pub(super) enum Evidence {
    /// One look: the pooled z test and the score intervals that belong to it.
    Fixed { control: Proportion, variant: Proportion, z: f64, p_value: f64 },
    /// Any look: a confidence sequence.
    AlwaysValid { ln_ratio: Observation, difference: Option<Observation>, z: f64, rho: Rho },
    /// Several periods of constant weights, compared within each. With `rho`: a confidence sequence; without: one look.
    Stratified {
        ln_ratio: Observation,
        difference: Option<Observation>,
        rho: Option<Rho>,
        strata: StrataReport,
    },
    /// Two means per participant. With `strata`: compared within periods of constant weights.
    Means { contrast: Contrast, strata: Option<StrataReport> },
    /// A recorded look, with its own share of alpha: the correction is already in its bound.
    Look(LookEvidence),
    /// There is none, for this reason.
    Silent(Silence),
}

/// Why a comparison has no interval.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Silence {
    /// Not enough data.
    TooEarly(String),
    /// The goal or the variant can decide nothing.
    NoVerdict(String),
    /// No look says anything about it.
    NoLook(String),
}

impl Silence {
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::TooEarly(reason) | Self::NoVerdict(reason) | Self::NoLook(reason) => reason,
        }
    }
}

/// What a recorded look says about a comparison.
#[derive(Debug, Clone)]
pub(super) struct LookEvidence {
    pub(super) look: ComparisonLook,
    /// |z| is above the look's bound.
    pub(super) decided: bool,
    pub(super) lift: f64,
    pub(super) lift_interval: Interval,
    pub(super) difference: Option<f64>,
    pub(super) difference_interval: Option<Interval>,
    pub(super) z: f64,
    pub(super) p_value: f64,
    pub(super) adjusted_p_value: f64,
    pub(super) interval_level: f64,
}

impl Evidence {
    pub(super) fn fixed(control: Arm, variant: Arm) -> Self {
        if let Some(silence) = too_early(control, variant) {
            return Self::Silent(silence);
        }
        if control.totals().is_some() {
            return Self::means(Arm::contrast(control, variant));
        }
        let proportions = control.effective_proportion().zip(variant.effective_proportion());
        let test = Arm::test(control, variant);
        match (proportions, test) {
            (Some((control, variant)), Some(test)) => {
                Self::Fixed { control, variant, z: test.z, p_value: test.p_value }
            }
            _ => Self::Silent(Silence::TooEarly(NO_VARIATION.to_owned())),
        }
    }

    pub(super) fn always_valid(control: Arm, variant: Arm, rho: Rho) -> Self {
        if let Some(silence) = too_early(control, variant) {
            return Self::Silent(silence);
        }
        let n = control.trials() + variant.trials();
        if let Some((from, to)) = control.mean_with_variance().zip(variant.mean_with_variance()) {
            return Self::means(Contrast::new(from, to, Reach::Always { rho, n }));
        }
        let observe = |estimate: Option<f64>, variance: Option<f64>| {
            Observation::new(estimate?, variance?, n).ok()
        };
        let (estimate, variance) =
            (Arm::ln_ratio(control, variant), Arm::ln_ratio_variance(control, variant));
        let difference =
            observe(Arm::difference(control, variant), Arm::difference_variance(control, variant));
        let z = estimate.zip(standard_error(variance)).map(|(estimate, error)| estimate / error);
        match (observe(estimate, variance), z) {
            (Some(ln_ratio), Some(z)) => Self::AlwaysValid { ln_ratio, difference, z, rho },
            _ => Self::Silent(Silence::TooEarly(NO_VARIATION.to_owned())),
        }
    }

    fn means(contrast: Option<Contrast>) -> Self {
        match contrast {
            Some(contrast) => Self::Means { contrast, strata: None },
            None => Self::Silent(Silence::TooEarly(NO_VARIATION_OF_TOTALS.to_owned())),
        }
    }

    /// The p-value before the correction, for the methods that are corrected by family.
    pub(super) fn p_value(&self) -> Option<f64> {
        match self {
            Self::Fixed { p_value, .. } => Some(*p_value),
            Self::AlwaysValid { ln_ratio, rho, .. } => Some(rho.p_value(*ln_ratio)),
            Self::Stratified { ln_ratio, rho, .. } => Some(match rho {
                Some(rho) => rho.p_value(*ln_ratio),
                None => normal::two_sided_p(ln_ratio.difference() / ln_ratio.standard_error()),
            }),
            Self::Means { contrast, .. } => Some(contrast.p_value()),
            Self::Look(_) | Self::Silent(_) => None,
        }
    }

    /// The lift's interval. Its ends are on the same side of 0 exactly if `significant`: rounding may not part the interval
    /// from the p-value.
    pub(super) fn lift_interval(&self, level: Level, significant: bool) -> Option<Interval> {
        let interval = match self {
            Self::Fixed { control, variant, .. } => {
                score::lift_interval(*control, *variant, level)?
            }
            Self::AlwaysValid { ln_ratio, rho, .. } => as_lift(rho.interval(*ln_ratio, level))?,
            Self::Stratified { ln_ratio, rho, .. } => {
                as_lift(at_once_or_always(*ln_ratio, *rho, level))?
            }
            Self::Means { contrast, .. } => contrast.lift_interval(level)?,
            Self::Look(look) => return Some(look.lift_interval),
            Self::Silent(_) => return None,
        };
        Some(agreeing(interval, significant, self.z()? > 0.0))
    }

    /// The interval that decides: the lift's, or for means the difference's, which agrees with the lift's and exists without it.
    pub(super) fn deciding_interval(&self, level: Level, significant: bool) -> Option<Interval> {
        match self {
            Self::Means { .. } => self.difference_interval(level, significant),
            _ => self.lift_interval(level, significant),
        }
    }

    /// The difference's interval. For means it agrees with `significant`, as the lift's does.
    pub(super) fn difference_interval(&self, level: Level, significant: bool) -> Option<Interval> {
        match self {
            Self::Fixed { control, variant, .. } => {
                score::difference_interval(*control, *variant, level)
            }
            Self::AlwaysValid { difference, rho, .. } => Some(rho.interval((*difference)?, level)),
            Self::Stratified { difference, rho, .. } => {
                Some(at_once_or_always((*difference)?, *rho, level))
            }
            Self::Means { contrast, .. } => {
                let interval = contrast.difference_interval(level)?;
                Some(agreeing(interval, significant, contrast.z() > 0.0))
            }
            Self::Look(look) => look.difference_interval,
            Self::Silent(_) => None,
        }
    }

    /// The statistic in standard errors, for the methods that are corrected by family.
    pub(super) fn z(&self) -> Option<f64> {
        match self {
            Self::Fixed { z, .. } | Self::AlwaysValid { z, .. } => Some(*z),
            Self::Stratified { ln_ratio, .. } => {
                Some(ln_ratio.difference() / ln_ratio.standard_error())
            }
            Self::Means { contrast, .. } => Some(contrast.z()),
            Self::Look(_) | Self::Silent(_) => None,
        }
    }

    /// How the periods were compared, if separately.
    pub(super) fn strata(&self) -> Option<StrataReport> {
        match self {
            Self::Stratified { strata, .. } => Some(*strata),
            Self::Means { strata, .. } => *strata,
            _ => None,
        }
    }

    /// The lift and the difference, where they are not those of all counts together.
    pub(super) fn estimates(&self) -> Option<(Option<f64>, Option<f64>)> {
        match self {
            Self::Look(look) => Some((Some(look.lift), look.difference)),
            Self::Means { contrast, strata: Some(_) } => {
                Some((contrast.lift(), Some(contrast.difference())))
            }
            Self::Stratified { ln_ratio, difference, .. } => {
                let lift = ln_ratio.difference().exp_m1();
                Some((Some(lift), difference.map(Observation::difference)))
            }
            Self::Fixed { .. }
            | Self::AlwaysValid { .. }
            | Self::Means { strata: None, .. }
            | Self::Silent(_) => None,
        }
    }
}

fn at_once_or_always(seen: Observation, rho: Option<Rho>, level: Level) -> Interval {
    match rho {
        Some(rho) => rho.interval(seen, level),
        None => seen.normal_interval(level),
    }
}

/// The interval of ln(variant / control) as that of the lift.
fn as_lift(ln_ratio: Interval) -> Option<Interval> {
    Interval::finite(ln_ratio.low.exp_m1(), ln_ratio.high.exp_m1())
}

/// The interval with both ends on the side of 0 that `up` names exactly if `significant`.
fn agreeing(interval: Interval, significant: bool, up: bool) -> Interval {
    match (significant, up) {
        (false, _) => Interval { low: interval.low.min(0.0), high: interval.high.max(0.0) },
        (true, true) => Interval { low: interval.low.max(f64::MIN_POSITIVE), ..interval },
        (true, false) => Interval { high: interval.high.min(-f64::MIN_POSITIVE), ..interval },
    }
}

const NO_VARIATION_OF_TOTALS: &str = "nothing varies: all participants have the same total";

pub(super) const NO_VARIATION: &str = "nothing varies: all participants reached the goal, or none";

fn standard_error(variance: Option<f64>) -> Option<f64> {
    variance.map(f64::sqrt).filter(|error| *error > 0.0)
}

/// Why the asymptotic intervals cannot be used yet, if so. Failures count as successes do: near a rate of 1 they are what
/// varies. Totals need enough participants with a value, and none that outweighs the others.
pub(super) fn too_early(control: Arm, variant: Arm) -> Option<Silence> {
    let least = |one: f64, other: f64| thousands(one.min(other) as u64);
    let trials = control.trials().min(variant.trials());
    if trials < LEAST_TRIALS {
        let seen = least(control.trials(), variant.trials());
        return Some(Silence::TooEarly(format!(
            "each variant needs at least {LEAST_TRIALS} participants, and one has {seen}"
        )));
    }
    if let Some((from, to)) = control.totals().zip(variant.totals()) {
        let unready = [from, to].into_iter().filter_map(|totals| totals.ready().err());
        let all: Vec<Unready> = unready.collect();
        let few = all.iter().find(|one| matches!(one, Unready::TooFew(_)));
        return few.or(all.first()).map(|first| match first {
            Unready::TooFew(_) => Silence::TooEarly(first.advice()),
            Unready::OneDominates(_) => Silence::NoVerdict(first.advice()),
        });
    }
    let successes = control.successes().min(variant.successes());
    if successes < LEAST_SUCCESSES {
        let seen = least(control.successes(), variant.successes());
        return Some(Silence::TooEarly(format!(
            "each variant needs at least {LEAST_SUCCESSES} successes, and one has {seen}"
        )));
    }
    let failures = control.failures()?.min(variant.failures()?);
    (failures < LEAST_SUCCESSES).then(|| {
        let seen = counted(failures as u64, "participant");
        Silence::TooEarly(format!(
            "in one variant {seen} did not reach the goal; at least {LEAST_SUCCESSES} are needed"
        ))
    })
}

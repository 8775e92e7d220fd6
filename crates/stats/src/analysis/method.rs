//! When one may look: which of a comparison's intervals and p-values the verdict follows.

use super::report::{Comparison, SequentialReport};
use crate::level::Level;
use serde::Serialize;

/// When one may look so that the level still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Whenever one likes: a confidence sequence.
    #[default]
    AlwaysValid,
    /// At looks that are all told of, whatever their number and timing: group-sequential bounds.
    Sequential,
    /// Once, at a size fixed in advance.
    Fixed,
}

impl Method {
    /// The method in words that need no statistics.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::AlwaysValid => {
                "The verdict follows intervals and p-values that stay true however often one looks and whenever one stops (a \
                 confidence sequence, Waudby-Smith et al.). The plain ones beside them hold for one look at a size fixed in \
                 advance."
            }
            Self::Sequential => {
                "The verdict follows group-sequential intervals (O'Brien and Fleming's bounds, spent as Lan and DeMets do). They \
                 hold for the looks that were taken, and say nothing in between."
            }
            Self::Fixed => {
                "The verdict follows plain intervals and p-values. They hold for one look, at a number of visitors fixed in \
                 advance: whoever looks again and again and stops when it pleases is wrong more often than the level says."
            }
        }
    }

    pub(super) fn evidence(self, comparison: &Comparison) -> Evidence {
        let always_valid = &comparison.always_valid;
        let sequential = comparison.sequential.as_ref();
        let alpha_is_shared = Some(0.0);
        let (low, high, adjusted_p_value) = match self {
            Self::AlwaysValid => {
                (always_valid.lift_low, always_valid.lift_high, always_valid.adjusted_p_value)
            }
            // Its bounds count the other comparisons in already: an interval that leaves 0 out decides.
            Self::Sequential => match sequential {
                Some(SequentialReport { decision: Some(at), .. }) => {
                    (Some(at.lift_low), Some(at.lift_high), alpha_is_shared)
                }
                Some(found) if found.bound.is_some() => {
                    (found.lift_low, found.lift_high, alpha_is_shared)
                }
                _ => (None, None, None),
            },
            Self::Fixed => (comparison.lift_low, comparison.lift_high, comparison.adjusted_p_value),
        };
        // Every method here is asymptotic, so what is too early for one is for all.
        let ready = always_valid.p_value.is_some();
        Evidence {
            low: low.unwrap_or(f64::NEG_INFINITY),
            high: high.unwrap_or(f64::INFINITY),
            adjusted_p_value: adjusted_p_value.filter(|_| ready),
        }
    }
}

/// What a method says of a comparison.
#[derive(Clone, Copy)]
pub(super) struct Evidence {
    /// The lift is at least this; minus infinity without an interval.
    pub(super) low: f64,
    /// The lift is at most this.
    pub(super) high: f64,
    /// Nothing while it is too early.
    adjusted_p_value: Option<f64>,
}

impl Evidence {
    /// Whether the comparison still stands when all the others are counted in.
    pub(super) fn decides(self, level: Level) -> bool {
        self.adjusted_p_value.is_some_and(|p| p < level.alpha())
    }
}

//! When you may look at the results.

use serde::{Deserialize, Serialize};

/// When you may look so that the error rate holds. One method gives a comparison its interval, its p-value and its decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// At any time, as often as you like: a confidence sequence.
    #[default]
    AlwaysValid,
    /// At looks that are recorded, in any number and at any time: group-sequential bounds.
    Sequential,
    /// Once, at a number of participants fixed in advance.
    Fixed,
}

impl Method {
    /// The method in words that need no statistics.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::AlwaysValid => {
                "Intervals and p-values hold however often you look and whenever you stop (confidence sequence)."
            }
            Self::Sequential => {
                "Intervals and p-values hold for the recorded looks (group-sequential bounds). They say nothing about the time \
                 between looks."
            }
            Self::Fixed => {
                "Intervals and p-values hold for one look at a number of participants fixed in advance. Looking more often and \
                 stopping early causes more false alarms than the level allows."
            }
        }
    }
}

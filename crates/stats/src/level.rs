//! Confidence levels and intervals.

use crate::error::{Error, require};
use crate::normal;
use serde::Serialize;

/// A confidence level 1 - alpha, with alpha in [1e-300, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    alpha: f64,
}

impl Level {
    /// 0.95, the default.
    pub const DEFAULT: Level = Level { alpha: 0.05 };

    /// A level such as 0.95.
    ///
    /// # Errors
    /// Unless 0 < level < 1.
    pub fn new(level: f64) -> Result<Self, Error> {
        require(level > 0.0 && level < 1.0, "level", "between 0 and 1", level)?;
        Ok(Self { alpha: 1.0 - level })
    }

    /// The level 1 - alpha. Use it for small alphas: 1 - 1e-200 is 1.
    ///
    /// # Errors
    /// Unless 1e-300 <= alpha < 1.
    pub fn from_alpha(alpha: f64) -> Result<Self, Error> {
        require((1e-300..1.0).contains(&alpha), "alpha", "at least 1e-300 and below 1", alpha)?;
        Ok(Self { alpha })
    }

    /// The probability of a false alarm that the level allows.
    #[must_use]
    pub fn alpha(self) -> f64 {
        self.alpha
    }

    /// z with P(|Z| > z) = alpha: 1.96 for 0.95.
    #[must_use]
    pub fn critical_value(self) -> f64 {
        normal::upper_quantile(self.alpha / 2.0)
    }
}

/// From `low` to `high`, both finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The interval, unless an end is not a number or infinite.
    #[must_use]
    pub fn finite(low: f64, high: f64) -> Option<Self> {
        (low.is_finite() && high.is_finite()).then_some(Self { low, high })
    }

    /// high - low.
    #[must_use]
    pub fn width(self) -> f64 {
        self.high - self.low
    }
}

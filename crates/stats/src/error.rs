//! Errors in the input.

/// What is wrong with an input: the value and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A count below 0, above 2^64, or not a number.
    #[error("{name} must be a number from 0 to 2^64, not {value}")]
    Count {
        /// Which input.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// A proportion above one.
    #[error(
        "{successes} successes in {trials} trials: a proportion needs successes <= trials \
         (a goal that can be reached many times is a rate: see rate_ratio)"
    )]
    SuccessesExceedTrials {
        /// Successes given.
        successes: f64,
        /// Trials given.
        trials: f64,
    },
    /// A number outside its range.
    #[error("{name} must be {rule}, not {value}")]
    OutOfRange {
        /// Which input.
        name: &'static str,
        /// The rule, as in "must be …".
        rule: &'static str,
        /// What was given.
        value: f64,
    },
    /// Two lists that must have the same length.
    #[error(
        "{left_name} has {left} entries but {right_name} has {right}; give one for each variant"
    )]
    Lengths {
        /// The first list.
        left_name: &'static str,
        /// Its length.
        left: usize,
        /// The second list.
        right_name: &'static str,
        /// Its length.
        right: usize,
    },
    /// Too few entries.
    #[error("{name} needs at least {least} entries, not {given}")]
    TooFew {
        /// Which list.
        name: &'static str,
        /// The required number.
        least: usize,
        /// The given number.
        given: usize,
    },
    /// Sums that cannot come from one set of totals.
    #[error(
        "no {n} whole totals have the sum {sum} and the sum of squares {sum_of_squares}; the counts of this goal are damaged"
    )]
    Sums {
        /// How many totals.
        n: u64,
        /// The sum given.
        sum: f64,
        /// The sum of squares given.
        sum_of_squares: f64,
    },
    /// Looks that do not increase.
    #[error(
        "information must increase by at least 1e-8 from look to look, but {next} follows {previous}"
    )]
    LooksNotIncreasing {
        /// The look before.
        previous: f64,
        /// The look that does not increase.
        next: f64,
    },
    /// The required number of participants is too large.
    #[error("this would need more than 10^18 participants per variant; look for a larger lift")]
    SampleTooLarge,
    /// A look with another control than the looks before.
    #[error(
        "the earlier looks used \"{fixed}\" as the control, so this look cannot use \"{asked}\""
    )]
    LooksFixedControl {
        /// The control of the earlier looks.
        fixed: String,
        /// The control that was asked for.
        asked: String,
    },
    /// A control that is not among the variants.
    #[error("the control \"{0}\" is not one of the variants")]
    UnknownControl(String),
    /// A primary goal that is not among the goals.
    #[error("the primary goal \"{0}\" is not one of the goals")]
    UnknownPrimaryGoal(String),
}

/// 2^64, the largest count. Every formula stays finite up to it.
const LARGEST_COUNT: f64 = 18_446_744_073_709_551_616.0;

/// Returns `value` if it is a count.
pub(crate) fn count(name: &'static str, value: f64) -> Result<f64, Error> {
    if (0.0..=LARGEST_COUNT).contains(&value) {
        Ok(value)
    } else {
        Err(Error::Count { name, value })
    }
}

/// Returns an error with the rule unless `holds`.
pub(crate) fn require(
    holds: bool,
    name: &'static str,
    rule: &'static str,
    value: f64,
) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::OutOfRange { name, rule, value }) }
}

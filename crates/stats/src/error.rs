//! What can be wrong with an input.

/// Why a question has no answer: the value that was given and the rule it breaks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A count that no counter could have produced.
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
    /// A number outside the range where the question makes sense.
    #[error("{name} must be {rule}, not {value}")]
    OutOfRange {
        /// Which input.
        name: &'static str,
        /// The rule, as in "must be …".
        rule: &'static str,
        /// What was given.
        value: f64,
    },
    /// Two lists that should go together do not.
    #[error(
        "{left_name} has {left} entries and {right_name} has {right}: one for each variant is needed"
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
    /// Fewer entries than the question needs.
    #[error("{name} needs at least {least} entries, not {given}")]
    TooFew {
        /// Which list.
        name: &'static str,
        /// How many it needs.
        least: usize,
        /// How many there were.
        given: usize,
    },
    /// Looks at an experiment that go backwards or coincide.
    #[error(
        "information must increase by at least 1e-8 from look to look, but {next} follows {previous}"
    )]
    LooksNotIncreasing {
        /// The look before.
        previous: f64,
        /// The look that offends.
        next: f64,
    },
    /// The required number of participants is past any count.
    #[error("more than 10^18 participants a variant would be needed")]
    SampleTooLarge,
    /// A control that is not among the variants.
    #[error("the control \"{0}\" is not one of the variants")]
    UnknownControl(String),
    /// A primary goal that is not among the goals.
    #[error("the primary goal \"{0}\" is not one of the goals")]
    UnknownPrimaryGoal(String),
}

/// 2^64: no counter counts further, and every formula here stays finite up to it.
const LARGEST_COUNT: f64 = 18_446_744_073_709_551_616.0;

/// `value` if it can be a count.
pub(crate) fn count(name: &'static str, value: f64) -> Result<f64, Error> {
    if (0.0..=LARGEST_COUNT).contains(&value) {
        Ok(value)
    } else {
        Err(Error::Count { name, value })
    }
}

/// `value` if `holds`, else the rule it breaks.
pub(crate) fn require(
    holds: bool,
    name: &'static str,
    rule: &'static str,
    value: f64,
) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::OutOfRange { name, rule, value }) }
}

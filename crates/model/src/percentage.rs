//! Percentages as people write them, in a command line and in a query string.

use std::fmt;
use std::str::FromStr;

/// A share or a relative change, such as a level, a rate or a lift. `Percentage::get` is 0.1 for
/// 10%.
///
/// Both `10%` and `0.1` mean ten percent. A plain number of 1 or more is refused, because `10`
/// could mean 10% or 1000%.
///
/// ```
/// use abtest_model::Percentage;
///
/// let lift: Percentage = "10%".parse().unwrap();
/// assert_eq!(lift.get(), 0.1);
/// assert_eq!("0.1".parse(), Ok(lift));
/// assert!("10".parse::<Percentage>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percentage(f64);

/// Bytes of the longest number that an error repeats.
const LONGEST_SHOWN: usize = 20;

/// A text that is not a percentage.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PercentageError {
    /// A plain number of 1 or more (or -1 or less).
    #[error("`{number}` could mean two things; write {number}% or {}%", percents(.share))]
    Ambiguous {
        /// The number, as it was written.
        number: String,
        /// What it means if it is a percentage.
        share: f64,
    },
    /// Not a number at all.
    #[error("not a percentage; write it as 10% or 0.1")]
    NotANumber,
}

impl Percentage {
    /// The percentage as a part of 1.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Percentage {
    type Err = PercentageError;

    fn from_str(text: &str) -> Result<Self, PercentageError> {
        let text = text.trim();
        match text.strip_suffix('%') {
            // The exponent lets the parser round once: 7% is the same number as 0.07.
            Some(percent) => number(&format!("{}e-2", percent.trim_end())).map(Self),
            None => match number(text)? {
                share if share.abs() < 1.0 => Ok(Self(share)),
                // Longer numbers would make the message unreadable.
                _ if text.len() > LONGEST_SHOWN => Err(PercentageError::NotANumber),
                _ => Err(PercentageError::Ambiguous {
                    number: text.to_owned(),
                    share: number(&format!("{text}e-2"))?,
                }),
            },
        }
    }
}

/// Writes a text that [`Percentage::from_str`] reads.
impl fmt::Display for Percentage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            share if share.abs() < 1.0 => write!(formatter, "{share}"),
            share => write!(formatter, "{}%", 100.0 * share),
        }
    }
}

/// The share's number as if it were one of percent: 150 for `1.5`, of which `share` is 0.015.
fn percents(share: &f64) -> f64 {
    (1e14 * share).round() / 1e10
}

fn number(text: &str) -> Result<f64, PercentageError> {
    let is_number = text.contains(|c: char| c.is_ascii_digit());
    let value = text.parse().ok().filter(|value: &f64| is_number && value.is_finite());
    value.ok_or(PercentageError::NotANumber)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<f64, PercentageError> {
        text.parse().map(Percentage::get)
    }

    #[test]
    fn both_spellings_mean_the_same_number() {
        for (text, share) in [
            ("10%", 0.1),
            ("0.1", 0.1),
            (" 10 % ", 0.1),
            ("7%", 0.07),
            ("99.9%", 0.999),
            ("-10%", -0.1),
            ("-0.1", -0.1),
            ("150%", 1.5),
            ("100%", 1.0),
            ("0", 0.0),
            (".5", 0.5),
            ("1e-3", 0.001),
        ] {
            assert_eq!(parse(text), Ok(share), "{text}");
        }
    }

    #[test]
    fn a_plain_number_of_one_or_more_is_refused_with_both_spellings() {
        for (text, message) in [
            ("10", "`10` could mean two things; write 10% or 1000%"),
            ("1", "`1` could mean two things; write 1% or 100%"),
            ("95.5", "`95.5` could mean two things; write 95.5% or 9550%"),
            ("-5", "`-5` could mean two things; write -5% or -500%"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "%", "five", "inf", "NaN", "infinity%", "1e999", "10%%", "1 0%", "0,1"] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.to_string(), "not a percentage; write it as 10% or 0.1", "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(share in -100.0..100.0_f64) {
            let read = parse(&Percentage(share).to_string()).unwrap();
            prop_assert!((read - share).abs() <= 1e-14 * share.abs());
        }

        #[test]
        fn no_text_is_read_as_anything_but_a_finite_number(text in ".{0,12}") {
            if let Ok(share) = parse(&text) {
                prop_assert!(share.is_finite());
            }
        }
    }
}

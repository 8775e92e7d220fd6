//! Amounts: exact decimal numbers with up to four decimals, such as 19.99 EUR or 250 ms.

use std::fmt;

use crate::definition::MAX_DECIMALS;
use crate::input::InputError;

/// Ten-thousandths in one.
const ONE: i64 = 10_i64.pow(MAX_DECIMALS as u32);

/// A decimal number with up to four decimals. It is a whole number of ten-thousandths, so sums are
/// exact. A negative amount is a refund.
///
/// ```
/// use abtest_model::Amount;
///
/// let price = Amount::from_text("19.99")?;
/// assert_eq!((price.ten_thousandths(), price.decimals()), (199_900, 2));
/// assert_eq!(price.to_string(), "19.99");
/// assert!(Amount::from_text("1e5").is_err());
/// # Ok::<(), abtest_model::InputError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

impl Amount {
    /// The parameter under which an amount is sent.
    pub const PARAMETER: &'static str = "value";

    /// The largest amount, and the largest total of a unit: 100,000,000,000. Redis calculates with
    /// floating-point numbers, which are exact up to 9 · 10^15 (of ten-thousandths).
    pub const MAX: Self = Self(100_000_000_000 * ONE);

    /// One, which is what an event of a count goal adds.
    pub const ONE: Self = Self(ONE);

    /// Reads a decimal number: an optional minus, digits, and up to four decimals after a point.
    /// Zeros at the end of the decimals do not count.
    ///
    /// # Errors
    /// When the text is something else, or the number is beyond [`MAX`](Self::MAX).
    pub fn from_text(text: &str) -> Result<Self, InputError> {
        Self::read(text).ok_or(InputError::NotAnAmount)
    }

    /// Takes a number of ten-thousandths. `None` if it is beyond [`MAX`](Self::MAX).
    #[must_use]
    pub fn from_ten_thousandths(number: i64) -> Option<Self> {
        (-Self::MAX.0..=Self::MAX.0).contains(&number).then_some(Self(number))
    }

    /// The number of ten-thousandths.
    #[must_use]
    pub fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// How many decimals the number has, 0 to 4.
    #[must_use]
    pub fn decimals(self) -> u8 {
        let mut decimals = MAX_DECIMALS;
        let mut number = self.0;
        while decimals > 0 && number % 10 == 0 {
            number /= 10;
            decimals -= 1;
        }
        decimals
    }

    /// The sum of both. `None` if it is beyond [`MAX`](Self::MAX).
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::from_ten_thousandths(self.0 + other.0)
    }

    /// The amount between -`cap` and `cap`; itself without a cap.
    #[must_use]
    pub fn clamped(self, cap: Option<Self>) -> Self {
        cap.map_or(self, |cap| self.clamp(Self(-cap.0.abs()), Self(cap.0.abs())))
    }

    fn read(text: &str) -> Option<Self> {
        // The longest one that is in range, and zeros around it.
        if text.len() > 64 {
            return None;
        }
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits = |text: &str| {
            !text.is_empty() && text.bytes().all(|character| character.is_ascii_digit())
        };
        if !are_digits(whole) || !are_digits(decimals) {
            return None;
        }
        let decimals = decimals.trim_end_matches('0');
        let missing = usize::from(MAX_DECIMALS).checked_sub(decimals.len())?;
        let digits = format!("{whole}{decimals}{}", "0".repeat(missing));
        let number = digits.parse::<i64>().ok()?;
        Self::from_ten_thousandths(if is_negative { -number } else { number })
    }
}

/// The shortest decimal number: `19.99`, `-5`.
impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&decimal(self.0.into(), MAX_DECIMALS.into()))
    }
}

/// `number` divided by 10^`decimals`, as the shortest decimal number.
pub(crate) fn decimal(number: i128, decimals: usize) -> String {
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = decimals + 1);
    let (whole, decimals) = digits.split_at(digits.len() - decimals);
    let sign = if number < 0 { "-" } else { "" };
    match decimals.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        decimals => format!("{sign}{whole}.{decimals}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<i64, InputError> {
        Amount::from_text(text).map(Amount::ten_thousandths)
    }

    #[test]
    fn decimal_numbers_are_read_exactly() {
        for (text, number) in [
            ("0", 0),
            ("-0", 0),
            ("19.99", 199_900),
            ("-5", -50_000),
            ("0.0001", 1),
            ("0.1", 1_000),
            ("007", 70_000),
            ("1.500000000", 15_000),
            ("100000000000", 1_000_000_000_000_000),
            ("-99999999999.9999", -999_999_999_999_999),
        ] {
            assert_eq!(read(text), Ok(number), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "9".repeat(200);
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "1e5",
            "1e308",
            "NaN",
            "inf",
            "Infinity",
            "1,5",
            " 1",
            "1 ",
            "0x10",
            "--1",
            "1.2.3",
            "٣",
            "0.00001",
            "0.12345",
            "100000000000.0001",
            "9223372036854775808",
            &long,
        ] {
            assert_eq!(read(text), Err(InputError::NotAnAmount), "{text}");
        }
    }

    #[test]
    fn an_amount_is_clamped_on_both_sides() {
        let [cap, above, below] = ["5", "7", "-9"].map(|text| Amount::from_text(text).unwrap());
        assert_eq!(above.clamped(Some(cap)).to_string(), "5");
        assert_eq!(below.clamped(Some(cap)).to_string(), "-5");
        assert_eq!(below.clamped(None), below);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(number in -1_000_000_000_000_000..=1_000_000_000_000_000_i64) {
            let amount = Amount::from_ten_thousandths(number).unwrap();
            let text = amount.to_string();
            prop_assert_eq!(Amount::from_text(&text), Ok(amount));
            let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            prop_assert_eq!(usize::from(amount.decimals()), decimals);
        }
    }
}

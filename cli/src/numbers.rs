//! Numbers on the command line, each with its range.

use std::ops::RangeInclusive;

use abtest_model::{Percentage, percentage::PercentageError};

/// The level of intervals and tests: between 0% and 100%.
pub(crate) fn level(text: &str) -> Result<Percentage, String> {
    within(text, f64::MIN_POSITIVE..=1.0 - f64::EPSILON, "between 0% and 100%, such as 95%")
}

/// A rate that a lift can start from: between 0% and 100%.
pub(crate) fn rate(text: &str) -> Result<Percentage, String> {
    within(text, f64::MIN_POSITIVE..=1.0 - f64::EPSILON, "between 0% and 100%, such as 5%")
}

/// The probability to find a lift: from 1% to 99.9999%.
pub(crate) fn power(text: &str) -> Result<Percentage, String> {
    within(text, 0.01..=0.999_999, "from 1% to 99.9999%, such as 80%")
}

/// The smallest lift that matters: above 0% and at most 10000%.
pub(crate) fn minimum_lift(text: &str) -> Result<Percentage, String> {
    within(text, f64::MIN_POSITIVE..=100.0, "above 0% and at most 10000%, such as 5%")
}

/// A lift: any change but 0%, down to -100%.
pub(crate) fn lift(text: &str) -> Result<Percentage, String> {
    let lift = within(text, -1.0..=f64::MAX, "-100% or more, such as 10%")?;
    if lift.get() == 0.0 { Err("must not be 0%, such as 10%".to_owned()) } else { Ok(lift) }
}

/// A number of participants or events: "1000", "1,000" or "1_000".
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let digits = text.trim().replace([',', '_'], "");
    digits
        .parse()
        .map_err(|_| format!("`{}` is not a whole number; write it as 1000", text.escape_debug()))
}

/// A mean: "2.31", "1,000" or "-5".
pub(crate) fn number(text: &str) -> Result<f64, String> {
    let digits = text.trim().replace([',', '_'], "");
    let number = digits.parse().ok().filter(|number: &f64| number.abs() <= 1e100);
    number.ok_or_else(|| format!("`{}` is not a number; write it as 2.31", text.escape_debug()))
}

/// A standard deviation: 0 or more.
pub(crate) fn at_least_zero(text: &str) -> Result<f64, String> {
    let number = number(text)?;
    if number >= 0.0 { Ok(number) } else { Err(format!("{number} must be 0 or more")) }
}

/// A mean or a standard deviation to plan with: above 0.
pub(crate) fn above_zero(text: &str) -> Result<f64, String> {
    let number = number(text)?;
    let fits = number >= 1e-100;
    if fits { Ok(number) } else { Err("must be above 0, such as 2.31".to_owned()) }
}

/// A variant's share of the participants: "50" or "50%".
pub(crate) fn weight(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let weight = number.parse().ok().filter(|weight: &f64| weight.is_finite() && *weight >= 0.0);
    weight.ok_or_else(|| {
        format!("`{}` is not a weight; a weight is 0 or more, such as 50", text.escape_debug())
    })
}

fn within(text: &str, range: RangeInclusive<f64>, rule: &str) -> Result<Percentage, String> {
    let percentage = text.parse::<Percentage>().map_err(|error| match error {
        // Of the two meanings only one is in the range.
        PercentageError::Ambiguous { number, share } if *range.end() <= 1.0 => {
            format!("`{number}` is not in percent; write {number}% or {share}")
        }
        error => error.to_string(),
    })?;
    if range.contains(&percentage.get()) { Ok(percentage) } else { Err(format!("must be {rule}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_has_two_spellings_and_a_range() {
        let share = |found: Result<Percentage, String>| found.map(Percentage::get);
        assert_eq!((share(level("95%")), share(level("0.95"))), (Ok(0.95), Ok(0.95)));
        assert_eq!((share(lift("-10%")), share(minimum_lift("150%"))), (Ok(-0.1), Ok(1.5)));
        assert!(level("100%").is_err() && level("0").is_err() && rate("0%").is_err());
        assert!(power("99.99999%").is_err() && power("0.5%").is_err());
        assert!(minimum_lift("-5%").is_err() && lift("0%").is_err() && lift("-101%").is_err());
        for parse in [level, rate, power] {
            let error = parse("10").unwrap_err();
            assert!(error.contains("not in percent; write 10% or 0.1"), "{error}");
        }
        for parse in [minimum_lift, lift] {
            let error = parse("1.5").unwrap_err();
            assert!(error.contains("write 1.5% or 150%"), "{error}");
        }
    }

    #[test]
    fn a_weight_is_a_number_or_a_percentage() {
        assert_eq!((weight("50%"), weight(" 2 "), weight("0.5")), (Ok(50.0), Ok(2.0), Ok(0.5)));
        assert!(weight("-1").is_err() && weight("a").is_err() && weight("inf").is_err());
    }

    #[test]
    fn a_mean_may_be_negative_and_a_deviation_may_not() {
        assert_eq!(
            (number("-2.5"), number("1,000"), at_least_zero("0")),
            (Ok(-2.5), Ok(1000.0), Ok(0.0))
        );
        assert!(number("NaN").is_err() && number("inf").is_err() && number("x").is_err());
        assert!(
            at_least_zero("-1").is_err() && above_zero("0").is_err() && above_zero("3").is_ok()
        );
    }

    #[test]
    fn a_count_may_have_separators() {
        assert_eq!((count("1,000"), count("1_000"), count("7")), (Ok(1000), Ok(1000), Ok(7)));
        assert!(count("-1").is_err() && count("1.5").is_err() && count("").is_err());
    }
}

//! Numbers as people write them on a command line.

/// A share: "5%" or "0.05".
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    let found = match text.trim().strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(text),
    };
    found.ok_or_else(|| "write a share as 5% or 0.05".to_owned())
}

/// A count: "1000", "1,000" or "1_000".
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let digits = text.trim().replace([',', '_'], "");
    digits.parse().map_err(|_| format!("`{}` is no count; write it as 1000", text.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_may_be_written_in_percent_and_a_count_with_separators() {
        assert_eq!((share("5%"), share("0.05"), share("-10 %")), (Ok(0.05), Ok(0.05), Ok(-0.1)));
        assert!(share("five").is_err() && share("inf").is_err() && share("%").is_err());
        assert_eq!((count("1,000"), count("1_000"), count("7")), (Ok(1000), Ok(1000), Ok(7)));
        assert!(count("-1").is_err() && count("1.5").is_err() && count("").is_err());
    }
}

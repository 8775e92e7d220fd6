//! Numbers as text for people.

/// A share in percent, to two digits: "12%", "3.5%", "5%", "0.057%".
#[must_use]
pub fn percent(share: f64) -> String {
    let value = 100.0 * share;
    let decimals = match value.abs() {
        x if x >= 10.0 || x == 0.0 => 0,
        x if x >= 1.0 => 1,
        x => (1.0 - x.log10().floor()).clamp(0.0, 12.0) as usize,
    };
    let digits = format!("{value:.decimals$}");
    let digits = digits.strip_suffix(".0").unwrap_or(&digits);
    format!("{digits}%")
}

/// An amount such as a mean, to four digits: "1,234", "12.34", "0.4", "0.00057".
#[must_use]
pub fn amount(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 || (size < 1e-6 && size > 0.0) {
        return format!("{value:.3e}");
    }
    let decimals = match size {
        x if x >= 1_000.0 || x == 0.0 => 0,
        x => (3.0 - x.log10().floor()).clamp(0.0, 9.0) as usize,
    };
    let digits = format!("{size:.decimals$}");
    let (whole, rest) = digits.split_once('.').unwrap_or((&digits, ""));
    let whole = thousands(whole.parse().unwrap_or(0));
    let rest = rest.trim_end_matches('0');
    let sign = if value < 0.0 { "-" } else { "" };
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

/// An amount with its unit, if it has one: "12.34 EUR".
#[must_use]
pub fn with_unit(value: f64, unit: Option<&str>) -> String {
    match unit {
        Some(unit) => format!("{} {unit}", amount(value)),
        None => amount(value),
    }
}

/// An estimated count, rounded to two digits.
#[must_use]
pub fn rounded(count: u64) -> String {
    let scale = 10f64.powi((count.max(1) as f64).log10().floor() as i32 - 1).max(1.0);
    thousands(((count as f64 / scale).round() * scale) as u64)
}

/// A count with separators: "1,234,567".
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count of things, the name in the singular: "1 participant", "1,234 participants".
#[must_use]
pub fn counted(count: u64, name: &str) -> String {
    let thousands = thousands(count);
    match (count, name) {
        (1, _) => format!("1 {name}"),
        (_, "success") => format!("{thousands} successes"),
        _ => format!("{thousands} {name}s"),
    }
}

/// Names for a sentence: "a", "a and b", "a, b and c".
#[must_use]
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_as_people_write_them() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed::<&str>(&[]), "");
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(percent(0.1234), "12%");
        assert_eq!(percent(0.0345), "3.5%");
        assert_eq!(percent(0.05), "5%");
        assert_eq!(percent(-0.02), "-2%");
        assert_eq!(percent(0.000_57), "0.057%");
        assert_eq!(amount(1_234.4), "1,234");
        assert_eq!(amount(999.96), "1,000");
        assert_eq!(amount(12.345), "12.35");
        assert_eq!(amount(-0.4), "-0.4");
        assert_eq!(amount(0.000_57), "0.00057");
        assert_eq!(
            (amount(0.0), amount(1e20), amount(3e-9)),
            ("0".into(), "1.000e20".into(), "3.000e-9".into())
        );
        assert_eq!(rounded(1_234_567), "1,200,000");
        assert_eq!(rounded(7), "7");
        assert_eq!(rounded(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(999), "999");
        assert_eq!(counted(1, "participant"), "1 participant");
        assert_eq!(counted(1_200, "success"), "1,200 successes");
        assert_eq!(counted(0, "look"), "0 looks");
    }
}

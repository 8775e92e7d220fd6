//! Numbers and bars for people.

use abtest_stats::analysis::GoalKind;
use abtest_stats::words;

/// Shown where there is no number.
pub(super) const NOTHING: &str = "–";

/// A rate: "10.00%", "1.52" for a goal that can be reached many times, "12.34" for a mean.
pub(super) fn rate(value: Option<f64>, kind: GoalKind) -> String {
    match (value, kind) {
        (None, _) => NOTHING.to_owned(),
        (Some(value), GoalKind::Mean) if value < 0.0 => format!("−{}", words::amount(-value)),
        (Some(value), GoalKind::Mean) => words::amount(value),
        (Some(value), GoalKind::Rate) => format!("{value:.2}"),
        (Some(value), GoalKind::Proportion) if value == 0.0 || value >= 0.01 => {
            format!("{:.2}%", 100.0 * value)
        }
        (Some(value), GoalKind::Proportion) => words::percent(value),
    }
}

/// A lift: "+12%", "−3.4%".
pub(super) fn lift(value: Option<f64>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some(0.0) => "0%".to_owned(),
        Some(value) if value < 0.0 => format!("−{}", percent(-value)),
        Some(value) => format!("+{}", percent(value)),
    }
}

/// A difference of means in the goal's unit: "+0.5 EUR", "−12 ms".
pub(super) fn difference(value: Option<f64>, unit: Option<&str>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some(0.0) => words::with_unit(0.0, unit),
        Some(value) if value < 0.0 => format!("−{}", words::with_unit(-value, unit)),
        Some(value) => format!("+{}", words::with_unit(value, unit)),
    }
}

/// A lift's interval: "−3.4% to +12%".
pub(super) fn between(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (None, _) | (_, None) => NOTHING.to_owned(),
        _ => format!("{} to {}", lift(low), lift(high)),
    }
}

/// A level: "95%", "97.5%", "98.33%".
pub(super) fn level(value: f64) -> String {
    let scale = if value > 0.9999 { 1e8 } else { 1e2 };
    format!("{}%", (100.0 * scale * value).round() / scale)
}

/// A probability: "97%". Close to certainty, ">99.9%" or "<0.1%".
pub(super) fn chance(value: Option<f64>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some(value) if value > 0.999 => ">99.9%".to_owned(),
        Some(value) if value < 0.001 => "<0.1%".to_owned(),
        Some(value) if value > 0.99 => format!("{:.1}%", 100.0 * value),
        Some(value) => percent(value),
    }
}

/// An amount of memory: "12 kB", "5.1 MB".
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// From a thousandfold on, only the magnitude.
fn percent(value: f64) -> String {
    if value >= 1_000.0 { format!("{value:.0e} times") } else { words::percent(value) }
}

/// The range of values that bars cover, the same for all bars of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Scale {
    /// The scale that covers all intervals.
    pub(super) fn around(intervals: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let wider = |scale: Option<Self>, (low, high): (f64, f64)| match scale {
            None => Some(Self { low, high }),
            Some(scale) => Some(Self { low: scale.low.min(low), high: scale.high.max(high) }),
        };
        intervals.fold(None, wider)
    }

    /// The column of a value.
    fn column(self, value: f64, width: usize) -> usize {
        let span = self.high - self.low;
        let share = if span > 0.0 { ((value - self.low) / span).clamp(0.0, 1.0) } else { 0.5 };
        (share * (width - 1) as f64).round() as usize
    }

    /// An interval with its estimate: "  ├──●───┤  ".
    pub(super) fn bar(self, low: f64, estimate: f64, high: f64, width: usize) -> String {
        let [from, at, to] = [low, estimate, high].map(|value| self.column(value, width));
        let glyph = |column: usize| match column {
            column if column == at => '●',
            column if column == from => '├',
            column if column == to => '┤',
            column if (from..to).contains(&column) => '─',
            _ => ' ',
        };
        (0..width).map(glyph).collect()
    }

    /// The ends in words, above the bars: "8.8%      17.7%".
    pub(super) fn ends(self, kind: GoalKind, width: usize) -> String {
        let (low, high) = (rate(Some(self.low), kind), rate(Some(self.high), kind));
        let length = low.chars().count() + high.chars().count();
        let gap = width.saturating_sub(length);
        if gap == 0 { " ".repeat(width) } else { format!("{low}{}{high}", " ".repeat(gap)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_share_a_scale_and_keep_within_it() {
        let scale = Scale::around([(0.1, 0.2), (0.15, 0.3)].into_iter()).unwrap();
        assert_eq!(scale.bar(0.1, 0.14, 0.2, 11), "├─●──┤     ");
        assert_eq!(scale.bar(0.16, 0.2, 0.3, 11), "   ├─●────┤");
        let point = Scale { low: 1.0, high: 1.0 };
        assert_eq!(point.bar(1.0, 1.0, 1.0, 5), "  ●  ");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(rate(Some(0.1), GoalKind::Proportion), "10.00%");
        assert_eq!(rate(Some(0.000_57), GoalKind::Proportion), "0.057%");
        assert_eq!(rate(Some(1.524), GoalKind::Rate), "1.52");
        assert_eq!(rate(Some(-0.05), GoalKind::Mean), "−0.05");
        assert_eq!(difference(Some(0.5), Some("EUR")), "+0.5 EUR");
        assert_eq!(between(Some(-0.034), Some(0.12)), "−3.4% to +12%");
        assert_eq!(between(None, Some(0.12)), "–");
        assert_eq!(
            [chance(Some(1.0)), chance(Some(0.0)), chance(Some(0.995))],
            [">99.9%", "<0.1%", "99.5%"]
        );
        assert_eq!(lift(Some(1e12)), "+1e12 times");
        assert_eq!(
            [level(0.95), level(0.975), level(1.0 - 0.05 / 3.0)],
            ["95%", "97.5%", "98.33%"]
        );
    }
}

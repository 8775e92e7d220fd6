//! The experiments of the demo.

/// An experiment of the demo with its true rates.
pub(super) struct Played {
    pub(super) experiment: &'static str,
    /// What the reader should see.
    pub(super) shows: &'static str,
    pub(super) variants: &'static [(&'static str, f64)],
    /// The goal with these rates. It is the first by name, so that the verdict is about it.
    pub(super) goal: &'static str,
    /// A second goal, which [`SECOND_RATE`] of the visitors of every variant reach.
    pub(super) second: Option<&'static str>,
    /// How many days it ran before today.
    pub(super) days: u32,
    pub(super) visitors_per_day: u32,
    /// A variant that loses some of its visitors, or empty.
    pub(super) broken: &'static str,
}

/// The share of visitors who reach the second goal.
pub(super) const SECOND_RATE: f64 = 0.3;

/// All experiments of the demo. The last one is live.
pub(super) const PLAYED: [Played; 4] = [
    Played {
        experiment: "button color",
        shows: "a clear winner",
        variants: &[("blue", 0.062), ("red", 0.088)],
        goal: "signup",
        second: Some("visit again"),
        days: 28,
        visitors_per_day: 500,
        broken: "",
    },
    Played {
        experiment: "checkout layout",
        shows: "a tie",
        variants: &[("one page", 0.615), ("three steps", 0.615)],
        goal: "order",
        second: None,
        days: 28,
        visitors_per_day: 1_000,
        broken: "",
    },
    Played {
        experiment: "search box",
        shows: "a sample ratio mismatch: an error on the page of `new` keeps 12% of its visitors \
                from being counted",
        variants: &[("new", 0.23), ("old", 0.21)],
        goal: "search",
        second: None,
        days: 20,
        visitors_per_day: 500,
        broken: "new",
    },
    Played {
        experiment: LIVE.0,
        shows: "still running: visitors keep coming",
        variants: LIVE.1,
        goal: LIVE.2,
        second: Some("visit again"),
        days: 10,
        visitors_per_day: 300,
        broken: "",
    },
];

/// The live experiment: its name, its variants with their rates, and its goal.
const LIVE: (&str, &[(&str, f64)], &str) =
    ("price: monthly or yearly first?", &[("monthly", 0.031), ("yearly", 0.036)], "purchase");

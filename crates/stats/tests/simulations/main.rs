//! Simulations: do alarms and verdicts keep their error rates when someone looks again and again?
//!
//! Seeds are fixed. Without a variable, a few runs are played, enough to notice when something breaks. The figures in
//! `docs/statistics.md` come from
//!
//! ```sh
//! ABTEST_SIMULATION_RUNS=1000 cargo test --release -p abtest-stats --test simulations -- --nocapture --test-threads 1
//! ```

#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod changing_weights;
mod hll;
mod split;
mod values;
mod verdicts;

/// How many runs to play: `ABTEST_SIMULATION_RUNS`, or `few`.
fn runs(few: u64) -> u64 {
    std::env::var("ABTEST_SIMULATION_RUNS").map_or(few, |runs| runs.parse().unwrap())
}

/// A share of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Share {
    hits: u64,
    of: u64,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.of += 1;
    }

    fn share(self) -> f64 {
        self.hits as f64 / self.of as f64
    }

    /// At most `limit`, plus two standard errors of the simulation (three with few runs, so that no run fails by chance).
    fn at_most(self, limit: f64) -> bool {
        let errors = if self.of >= 1_000 { 2.0 } else { 3.0 };
        self.share() <= limit + errors * (limit * (1.0 - limit) / self.of as f64).sqrt()
    }

    fn at_least(self, limit: f64) -> bool {
        Share { hits: self.of - self.hits, of: self.of }.at_most(1.0 - limit)
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}% of {}", 100.0 * self.share(), self.of)
    }
}

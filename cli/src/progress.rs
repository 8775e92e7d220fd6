//! Progress of long work, on a terminal.

use std::time::Duration;

use abtest_store::transfer::{Step, Unit};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use abtest_stats::words::thousands;

use crate::terminal::is_quiet;

/// Shows on standard error what is being done, and for how long. Shows nothing if standard error is
/// not a terminal, or with --quiet. It disappears when this is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn start(what: &str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        if is_quiet() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({prefix}{elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// Shows how much is done, of how much.
    pub(crate) fn step(&self, step: Step) {
        let unit = match step.unit {
            Unit::Counters => "counters",
            Unit::Events => "events",
        };
        let text = format!("{} of {} {unit}, ", thousands(step.done), thousands(step.total));
        self.0.set_prefix(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

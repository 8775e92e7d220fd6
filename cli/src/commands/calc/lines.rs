//! One question a line, as JSON; one answer a line.

use std::io::{BufRead, ErrorKind, Write};

use abtest_stats::calc::evaluate_line;
use anyhow::{Context, Result};

/// Answers what standard input asks, each line as soon as it is there.
pub(super) fn answer() -> Result<()> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.context("cannot read the questions")?;
        if line.trim().is_empty() {
            continue;
        }
        let written = writeln!(output, "{}", evaluate_line(&line)).and_then(|()| output.flush());
        match written {
            // Whoever reads has read enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written.context("cannot write the answers")?,
        }
    }
    Ok(())
}

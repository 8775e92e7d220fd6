//! One question per line as JSON, one answer per line.

use std::io::{BufRead, ErrorKind, Write};

use abtest_stats::calc::evaluate_line;
use anyhow::{Context, Result};

/// Answers each line of standard input as soon as it is read. Returns whether all had an answer.
pub(super) fn answer() -> Result<bool> {
    let mut output = std::io::stdout().lock();
    let mut all_answered = true;
    for line in std::io::stdin().lock().lines() {
        let line = line.context("cannot read the questions from standard input")?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = evaluate_line(&line);
        all_answered &= answer.get("error").is_none();
        match writeln!(output, "{answer}").and_then(|()| output.flush()) {
            // The reader closed the pipe (for example `head`).
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written.context("cannot write the answers to standard output")?,
        }
    }
    Ok(all_answered)
}

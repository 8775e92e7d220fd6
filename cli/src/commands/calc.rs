//! `abtest calc`: the statistics of counts that you bring.

use std::io::{BufRead, ErrorKind, Write};

use abtest_stats::calc::evaluate_line;
use anyhow::{Context, Result};

use crate::Ending;

/// Answer statistical questions about counts that you bring.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  echo '{\"kind\": \"proportion\", \"input\": {\"successes\": 50, \"trials\": 1000, \"level\": 0.95}}' |
    abtest calc --json

An answer is {\"kind\": …, \"result\": {…}}, or {\"kind\": …, \"error\": \"…\"}.")]
pub(crate) struct Arguments {
    /// Read a question a line, as JSON, and write an answer a line.
    #[arg(long, required = true)]
    json: bool,
}

pub(crate) fn run(_arguments: &Arguments) -> Result<Ending> {
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
    Ok(Ending::Done)
}

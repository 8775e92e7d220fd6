//! `abtest calc`: statistics for counts from anywhere.
//!
//! | module | answers |
//! |---|---|
//! | `counts` | which variant is better |
//! | `welch` | which of two variants has the higher mean |
//! | `power` | how many participants a test needs, and for how long |
//! | `srm` | whether the variants got the planned shares of the participants |
//! | `lines` | one question per line, as JSON |

mod counts;
mod lines;
mod power;
mod srm;
mod welch;

use std::io::{ErrorKind, Write};

use anyhow::Result;
use clap::Subcommand;

use crate::ExitStatus;

/// Calculate: which variant is better, how many participants you need, is the split right?
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  abtest calc 1000/50 1000/65                   participants/successes, control first
  abtest calc 1000/50 1000/65 --names old,new
  abtest calc welch 900/2.31/18 910/2.62/20     participants/mean/standard deviation, control first
  abtest calc power --baseline 5% --lift 10%    how many participants a test needs
  abtest calc power --mean 2.31 --sd 18 --lift 10%
  abtest calc srm 5000 5200 --weights 50,50     does the split match the plan?

With --json alone, it reads one question per line and writes one answer per line:
  echo '{\"kind\": \"proportion\", \"input\": {\"successes\": 50, \"trials\": 1000, \"level\": 0.95}}' |
    abtest calc --json
An answer is {\"kind\": …, \"result\": {…}} or {\"kind\": …, \"error\": \"…\"}. If there was any error, the exit
code is 1.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    question: Option<Question>,
    #[command(flatten)]
    counts: counts::Asked,
    /// Write the answer as JSON. Without counts, answer one question per line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Question {
    Power(power::Arguments),
    Srm(srm::Arguments),
    Welch(welch::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let text = match &arguments.question {
        Some(Question::Power(asked)) => power::answer(asked)?,
        Some(Question::Srm(asked)) => srm::answer(asked)?,
        Some(Question::Welch(asked)) => welch::answer(asked)?,
        None if arguments.counts.is_empty() => {
            let all_answered = lines::answer()?;
            return Ok(if all_answered { ExitStatus::Done } else { ExitStatus::ChecksFailed });
        }
        None => counts::answer(&arguments.counts, arguments.json)?,
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // The reader closed the pipe (for example `head`).
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitStatus::Done),
        written => Ok(written.map(|()| ExitStatus::Done)?),
    }
}

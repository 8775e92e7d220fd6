//! `abtest calc`: the statistics of counts that you bring.
//!
//! | module | answers |
//! |---|---|
//! | `counts` | which of some variants is better |
//! | `power` | how many participants it takes, and how long |
//! | `srm` | whether participants fall on the variants as they should |
//! | `lines` | one question a line, as JSON |

mod counts;
mod lines;
mod power;
mod srm;

use std::io::{ErrorKind, Write};

use anyhow::Result;
use clap::Subcommand;

use crate::Ending;

/// Answer statistical questions about counts that you bring.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  abtest calc 1000/50 1000/65                          participants/successes, control first
  abtest calc 1000/50 1000/65 --names old,new
  abtest calc power --baseline 5% --lift 10%           how many participants it takes
  abtest calc srm 5000 5200 --weights 50,50            is the split as it should be?

With --json alone it reads a question a line, and writes an answer a line:
  echo '{\"kind\": \"proportion\", \"input\": {\"successes\": 50, \"trials\": 1000, \"level\": 0.95}}' |
    abtest calc --json
An answer is {\"kind\": …, \"result\": {…}}, or {\"kind\": …, \"error\": \"…\"}.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    question: Option<Question>,
    #[command(flatten)]
    counts: counts::Asked,
    /// Write the answer as JSON; without counts, read a question a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Question {
    Power(power::Arguments),
    Srm(srm::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<Ending> {
    let text = match &arguments.question {
        Some(Question::Power(asked)) => power::answer(asked)?,
        Some(Question::Srm(asked)) => srm::answer(asked)?,
        None if arguments.counts.is_empty() => {
            lines::answer()?;
            return Ok(Ending::Done);
        }
        None => counts::answer(&arguments.counts, arguments.json)?,
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Ending::Done),
        written => Ok(written.map(|()| Ending::Done)?),
    }
}

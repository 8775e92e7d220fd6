//! `abtest`: an A/B-testing backend that you own. One file a command, in `commands`.

mod client;
mod commands;
mod config_file;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{calc, experiments, results, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An A/B-testing backend that you own.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Exit codes: 0 done; 1 failed; 2 wrong usage, or a confirmation is missing."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Results(results::Arguments),
    Experiments(experiments::Arguments),
    Calc(calc::Arguments),
}

/// How a command ended that did not fail.
pub(crate) enum Ending {
    Done,
    /// Something was shown that wants a confirmation first.
    Unconfirmed,
}

fn main() -> ExitCode {
    let ending = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Results(arguments) => results::run(&arguments),
        Command::Experiments(arguments) => experiments::run(arguments),
        Command::Calc(arguments) => calc::run(&arguments),
    };
    match ending {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Unconfirmed) => ExitCode::from(2),
        Err(error) => {
            eprintln!("{} {error:#}", terminal::red("error:"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        super::Arguments::command().debug_assert();
    }
}

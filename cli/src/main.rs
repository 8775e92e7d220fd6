//! `abtest`: an A/B-testing backend that you own. One file a command, in `commands`.

mod client;
mod commands;
mod config_file;
mod deployment;
mod numbers;
mod page;
mod plan_view;
mod private_file;
mod secrets;
mod snippet;
mod stores;
mod terminal;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{
    build, calc, configure, dashboard, deploy, destroy, experiments, export, import, key,
    preflight, results, rollback, serve, snippet as snippet_command, status,
};

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
    Dashboard(dashboard::Arguments),
    Results(results::Arguments),
    Experiments(experiments::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Calc(calc::Arguments),
    Configure(configure::Arguments),
    Preflight(preflight::Arguments),
    Deploy(deploy::Arguments),
    Status(status::Arguments),
    Rollback(rollback::Arguments),
    Key(key::Arguments),
    Snippet(snippet_command::Arguments),
    Destroy(destroy::Arguments),
    Build(build::Arguments),
}

/// How a command ended that did not fail.
pub(crate) enum ExitStatus {
    Done,
    /// Some checks failed, which were shown.
    ChecksFailed,
    /// Something was shown that wants a confirmation first.
    Unconfirmed,
}

fn main() -> ExitCode {
    let status = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Dashboard(arguments) => dashboard::run(&arguments),
        Command::Results(arguments) => results::run(&arguments),
        Command::Experiments(arguments) => experiments::run(arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Calc(arguments) => calc::run(&arguments),
        Command::Configure(arguments) => configure::run(&arguments),
        Command::Preflight(arguments) => preflight::run(&arguments),
        Command::Deploy(arguments) => deploy::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Rollback(arguments) => rollback::run(&arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Snippet(arguments) => snippet_command::run(&arguments),
        Command::Destroy(arguments) => destroy::run(&arguments),
        Command::Build(arguments) => build::run(&arguments),
    };
    match status {
        Ok(ExitStatus::Done) => ExitCode::SUCCESS,
        Ok(ExitStatus::ChecksFailed) => ExitCode::FAILURE,
        Ok(ExitStatus::Unconfirmed) => ExitCode::from(2),
        Err(error) => {
            eprintln!("{} {error:#}", terminal::red("error:"));
            if error.is::<usage::WrongUsage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
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

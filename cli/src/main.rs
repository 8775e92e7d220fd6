//! `abtest`: an A/B-testing backend that you own. One file per command, in `commands`.

#[macro_use]
mod output;

mod address;
mod client;
mod commands;
mod config_file;
#[cfg(feature = "deploy")]
mod deployment;
mod editor;
mod grid;
mod help;
mod numbers;
mod output_file;
mod page;
#[cfg(feature = "deploy")]
mod plan_view;
mod private_file;
mod progress;
mod secrets;
mod server;
mod servers;
mod shell;
mod snippet;
mod stores;
mod terminal;
mod usage;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

#[cfg(feature = "deploy")]
use commands::{build, deploy, destroy, key, logs, preflight, rollback, status};
use commands::{
    calc, completions, configure, dashboard, data, experiments, export, import, layers, login,
    namespaces, results, serve, settings, snippet as snippet_command,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An A/B-testing backend that you own.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    terminal: terminal::Settings,
}

#[cfg(feature = "deploy")]
const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong usage, or a confirmation is missing.";

#[cfg(not(feature = "deploy"))]
const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong usage, or a confirmation is missing.

This abtest was built without the commands that talk to AWS (deploy, status, rollback, key, logs,
preflight, destroy, build). `cargo install --path cli` builds all of them.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Dashboard(dashboard::Arguments),
    Results(results::Arguments),
    Experiments(experiments::Arguments),
    Layers(layers::Arguments),
    Settings(settings::Arguments),
    Namespaces(namespaces::Arguments),
    Login(login::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Data(data::Arguments),
    Calc(calc::Arguments),
    Configure(configure::Arguments),
    #[cfg(feature = "deploy")]
    Preflight(preflight::Arguments),
    #[cfg(feature = "deploy")]
    Deploy(deploy::Arguments),
    #[cfg(feature = "deploy")]
    Status(status::Arguments),
    #[cfg(feature = "deploy")]
    Logs(logs::Arguments),
    #[cfg(feature = "deploy")]
    Rollback(rollback::Arguments),
    #[cfg(feature = "deploy")]
    Key(key::Arguments),
    Snippet(snippet_command::Arguments),
    #[cfg(feature = "deploy")]
    Destroy(destroy::Arguments),
    #[cfg(feature = "deploy")]
    Build(build::Arguments),
    Completions(completions::Arguments),
}

/// How a command ended, if it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// It did what was asked.
    Done,
    /// It showed checks, and some of them failed.
    ChecksFailed,
    /// It showed what it would do, and needs a confirmation to do it.
    Unconfirmed,
}

fn main() -> ExitCode {
    // Help and errors of clap are printed while it parses, so it needs the colours before that.
    let color = terminal::color_of(std::env::args_os().skip(1));
    let command = help::fitted(Arguments::command().color(color), terminal::size().0);
    let matches = command.get_matches();
    let Arguments { command, terminal } =
        Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    terminal.apply();
    if !matches!(command, Command::Serve(_)) {
        terminal::start_logs();
    }
    let ended = run(command).and_then(|status| match output::failure() {
        None => Ok(status),
        Some(error) => Err(anyhow::anyhow!("cannot write to standard output: {error}")),
    });
    match ended {
        Ok(ExitStatus::Done) => ExitCode::SUCCESS,
        Ok(ExitStatus::ChecksFailed) => ExitCode::FAILURE,
        Ok(ExitStatus::Unconfirmed) => ExitCode::from(2),
        Err(error) => {
            eprintln!("{} {error:#}", terminal::red("error:"));
            if error.is::<usage::WrongUsage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Dashboard(arguments) => dashboard::run(&arguments),
        Command::Results(arguments) => results::run(&arguments),
        Command::Experiments(arguments) => experiments::run(arguments),
        Command::Layers(arguments) => layers::run(&arguments),
        Command::Settings(arguments) => settings::run(&arguments),
        Command::Namespaces(arguments) => namespaces::run(&arguments),
        Command::Login(arguments) => login::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Calc(arguments) => calc::run(&arguments),
        Command::Configure(arguments) => configure::run(&arguments),
        #[cfg(feature = "deploy")]
        Command::Preflight(arguments) => preflight::run(&arguments),
        #[cfg(feature = "deploy")]
        Command::Deploy(arguments) => deploy::run(&arguments),
        #[cfg(feature = "deploy")]
        Command::Status(arguments) => status::run(&arguments),
        #[cfg(feature = "deploy")]
        Command::Logs(arguments) => logs::run(&arguments),
        #[cfg(feature = "deploy")]
        Command::Rollback(arguments) => rollback::run(&arguments),
        #[cfg(feature = "deploy")]
        Command::Key(arguments) => key::run(&arguments),
        Command::Snippet(arguments) => snippet_command::run(&arguments),
        #[cfg(feature = "deploy")]
        Command::Destroy(arguments) => destroy::run(&arguments),
        #[cfg(feature = "deploy")]
        Command::Build(arguments) => build::run(&arguments),
        Command::Completions(arguments) => {
            completions::run(&arguments, &mut Arguments::command());
            Ok(ExitStatus::Done)
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

//! `abtest experiments`: the experiments of a running abtest, and their definitions.

mod apply;
mod change;
mod copy;
mod counted;
mod create;
mod declared;
mod delete;
mod edit;
mod explain;
mod history;
mod lifecycle;
mod list;
mod prune;
mod show;
mod tick;
mod values;

use anyhow::Result;
use clap::Subcommand;

use crate::ExitStatus;

/// List, define, change and delete the experiments of a running abtest.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::ListArguments),
    Show(show::ShowArguments),
    History(history::HistoryArguments),
    Explain(explain::ExplainArguments),
    Create(create::CreateArguments),
    Edit(edit::EditArguments),
    Copy(copy::CopyArguments),
    /// Start an experiment: visitors get variants.
    Start(lifecycle::StepArguments),
    /// Pause an experiment: visitors get the fallback until it resumes.
    Pause(lifecycle::StepArguments),
    /// Resume a paused experiment.
    Resume(lifecycle::StepArguments),
    Ramp(lifecycle::RampArguments),
    Weights(lifecycle::WeightsArguments),
    Stop(lifecycle::StopArguments),
    /// Archive an experiment: it is no longer published, and lists hide it.
    Archive(lifecycle::StepArguments),
    /// Take an experiment out of the archive: it gets the status that it had before.
    Restore(lifecycle::StepArguments),
    Apply(apply::ApplyArguments),
    Tick(tick::TickArguments),
    Prune(prune::PruneArguments),
    Delete(delete::DeleteArguments),
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitStatus> {
    match arguments.action {
        Action::List(arguments) => list::run(&arguments),
        Action::Show(arguments) => show::run(&arguments),
        Action::History(arguments) => history::run(&arguments),
        Action::Explain(arguments) => explain::run(&arguments),
        Action::Create(arguments) => create::run(&arguments),
        Action::Edit(arguments) => edit::run(&arguments),
        Action::Copy(arguments) => copy::run(&arguments),
        Action::Start(arguments) => lifecycle::start(&arguments),
        Action::Pause(arguments) => lifecycle::pause(&arguments),
        Action::Resume(arguments) => lifecycle::resume(&arguments),
        Action::Ramp(arguments) => lifecycle::ramp(&arguments),
        Action::Weights(arguments) => lifecycle::weights(&arguments),
        Action::Stop(arguments) => lifecycle::stop(&arguments),
        Action::Archive(arguments) => lifecycle::archive(&arguments),
        Action::Restore(arguments) => lifecycle::restore(&arguments),
        Action::Apply(arguments) => apply::run(&arguments),
        Action::Tick(arguments) => tick::run(&arguments),
        Action::Prune(arguments) => prune::run(&arguments),
        Action::Delete(arguments) => delete::run(&arguments),
    }
}

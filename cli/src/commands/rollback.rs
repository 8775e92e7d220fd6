//! `abtest rollback`: back to an earlier deploy.

use abtest_wiring::operate::rollback;
use anyhow::Result;

use crate::ExitStatus;
use crate::deployment::{Deployment, DeploymentArguments, block_on};
use crate::terminal::{confirm, green};

/// Make an earlier deploy live again: its code and its settings, at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Endpoints and keys stay as they are. `abtest status` shows the deploys that are kept;
`abtest deploy` goes forward again.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// The deploy to go back to; else the one before the live one.
    #[arg(long, value_name = "VERSION")]
    to: Option<u32>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    block_on(go_back(arguments))
}

async fn go_back(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let deployment = Deployment::read(&config).await?;
    let moves = deployment.found.moves(arguments.to)?;
    if moves.is_empty() {
        println!("that is what is live; nothing was changed");
        return Ok(ExitStatus::Done);
    }
    for step in &moves {
        println!("{}: version {} → {}", step.function, step.from, step.to);
    }
    if !arguments.yes && !confirm("Make these live?", "nothing was changed; add --yes to do it")? {
        return Ok(ExitStatus::Unconfirmed);
    }
    rollback(&deployment.account, &moves).await?;
    println!("{} done; `abtest deploy` goes forward again", green("✓"));
    Ok(ExitStatus::Done)
}

//! `abtest rollback`: makes an earlier deploy live.

use abtest_wiring::operate::{Move, rollback};
use anyhow::Result;

use crate::ExitStatus;
use crate::deployment::{Deployment, DeploymentArguments, block_on};
use crate::terminal::{confirm, green, is_quiet};

/// Make an earlier deploy live again, with its code and its settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It takes effect at once. Endpoints and keys do not change. `abtest status` lists the deploys that
are kept. `abtest deploy` makes the newest one live again.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// The number of the deploy to make live (default: the one before the live one).
    #[arg(long, value_name = "DEPLOY")]
    to: Option<u32>,
    /// Make it live without asking.
    #[arg(long)]
    yes: bool,
    /// Print the functions and their versions as JSON.
    #[arg(long, requires = "yes")]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    block_on(go_back(arguments))
}

async fn go_back(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let deployment = Deployment::read(&config).await?;
    let moves = deployment.found.moves(arguments.to)?;
    if arguments.json {
        rollback(&deployment.account, &moves).await?;
        let json = |step: &Move| serde_json::json!({"function": step.function, "from": step.from, "to": step.to});
        let moved: Vec<_> = moves.iter().map(json).collect();
        println!("{}", serde_json::json!({"changed": moved}));
        return Ok(ExitStatus::Done);
    }
    if moves.is_empty() {
        println!("that deploy is live already; nothing was changed");
        return Ok(ExitStatus::Done);
    }
    for step in &moves {
        println!("{}: version {} → {}", step.function, step.from, step.to);
    }
    if !arguments.yes && !confirm("Make these live?", "nothing was changed; add --yes to do it")? {
        return Ok(ExitStatus::Unconfirmed);
    }
    rollback(&deployment.account, &moves).await?;
    println!("{} done", green("✓"));
    if !is_quiet() {
        println!("`abtest deploy` returns to the newest deploy");
    }
    Ok(ExitStatus::Done)
}

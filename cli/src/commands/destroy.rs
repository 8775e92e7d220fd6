//! `abtest destroy`: removes what deploy created.

use abtest_wiring::plan::destroy;
use anyhow::Result;

use super::deploy::carry_out;
use crate::ExitStatus;
use crate::deployment::{Deployment, DeploymentArguments, block_on};
use crate::plan_view;
use crate::terminal::{confirm_name, green, is_interactive};

/// Remove everything that deploy created in AWS. Redis and its counts stay.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// Remove it without asking for the deployment's name.
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    block_on(remove(arguments))
}

async fn remove(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let deployment = Deployment::read(&config).await?;
    let plan = destroy(&deployment.blueprint, &deployment.found);
    let (name, region) = (&deployment.blueprint.name, &deployment.account.place.region);
    if plan.is_empty() {
        println!("nothing in {region} belongs to the deployment `{name}`");
        return Ok(ExitStatus::Done);
    }
    plan_view::show(&plan);
    if !arguments.yes {
        if !is_interactive() {
            println!("nothing was removed; add --yes to remove it");
            return Ok(ExitStatus::Unconfirmed);
        }
        println!("The API's address will be lost, and pages that use it will stop counting.");
        let question = format!("Type the deployment's name ({name}) to remove all this: ");
        if !confirm_name(&question, name.as_str(), "nothing was removed")? {
            return Ok(ExitStatus::Unconfirmed);
        }
    }
    carry_out(&deployment, &plan).await?;
    println!("{} removed; the counts are still in Redis", green("✓"));
    Ok(ExitStatus::Done)
}

//! `abtest snippet`: what a page needs to track.

use abtest_model::Namespace;
use anyhow::Result;

use crate::ExitStatus;
use crate::deployment::{Deployment, DeploymentArguments, block_on};
use crate::snippet::snippet;

/// Print the snippet for your page, with the address of the deployed API.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// Namespace of the page's experiments.
    #[arg(long, default_value = Namespace::DEFAULT)]
    namespace: String,
    /// Path to track at: an extra one that ad-blockers do not know.
    #[arg(long, default_value = "track")]
    path: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let namespace = Namespace::new(arguments.namespace.as_str())?;
    let config = arguments.deployment.config()?;
    let address = block_on(async { Deployment::read(&config).await?.address() })?;
    print!("{}", snippet(&format!("{address}/{}", arguments.path.trim_matches('/')), &namespace));
    Ok(ExitStatus::Done)
}

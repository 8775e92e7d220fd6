//! `abtest snippet`: what a page needs to track.

use abtest_model::Namespace;
use anyhow::Result;

use crate::ExitStatus;
use crate::address::Address;
use crate::client::namespace;
use crate::snippet::snippet;

/// Print the snippet for your page, with the address of your API.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest snippet                                 for the deployed API of the config
  abtest snippet --url https://example.org/prod  for any address, without asking AWS")]
pub(crate) struct Arguments {
    /// Address of the API [default: the deployed API of the config].
    #[arg(long, value_name = "URL")]
    url: Option<Address>,
    #[cfg(feature = "deploy")]
    #[command(flatten)]
    deployment: crate::deployment::DeploymentArguments,
    /// Namespace of the page's experiments.
    #[arg(long, default_value = Namespace::DEFAULT, value_parser = namespace)]
    namespace: String,
    /// Path to track at. An extra one of your own is not on the lists of ad-blockers.
    #[arg(long, default_value = "track")]
    path: String,
    /// Print the snippet and its address as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let namespace = Namespace::new(arguments.namespace.as_str())?;
    let address = match &arguments.url {
        Some(url) => url.to_string(),
        None => default_address(arguments)?,
    };
    let track = format!("{address}/{}", arguments.path.trim_matches('/'));
    let snippet = snippet(&track, &namespace);
    if arguments.json {
        let json = serde_json::json!({
            "track": track, "namespace": namespace.as_str(), "snippet": snippet,
        });
        println!("{json}");
    } else {
        print!("{snippet}");
    }
    Ok(ExitStatus::Done)
}

#[cfg(feature = "deploy")]
fn default_address(arguments: &Arguments) -> Result<String> {
    use crate::deployment::{Deployment, block_on};
    let config = arguments.deployment.config()?;
    block_on(async { Deployment::read(&config).await?.address() })
}

#[cfg(not(feature = "deploy"))]
fn default_address(_: &Arguments) -> Result<String> {
    Ok(crate::client::usual()?.address.to_string())
}

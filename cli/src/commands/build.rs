//! `abtest build`: builds and packs the functions.

use abtest_wiring::artifacts::{Artifacts, Source};
use anyhow::Result;

use crate::ExitStatus;
use crate::deployment::DeploymentArguments;
use crate::terminal::is_quiet;

/// Build the functions and pack them into target/artifacts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The config's aws.architecture selects the processor: x86_64 (the default) or arm64. If cargo-lambda
is on the PATH, it builds for either one. Otherwise plain cargo builds for this machine's processor.
Both outcomes are checked against the C library of Lambda's runtime.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// Print the files as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let mut source = Source::from_environment();
    source.verbose = !is_quiet();
    let artifacts = Artifacts::build(&source, config.aws.architecture)?;
    if arguments.json {
        let files = artifacts.all().map(|(program, artifact)| {
            serde_json::json!({
                "function": program.name(),
                "file": format!("{}/{}.zip", artifacts.origin, program.name()),
                "bytes": artifact.zip.len(),
                "sha256": artifact.digest.to_string(),
            })
        });
        println!("{}", serde_json::Value::from_iter(files));
        return Ok(ExitStatus::Done);
    }
    for (program, artifact) in artifacts.all() {
        println!(
            "{}/{}.zip  {} bytes  sha256 {}",
            artifacts.origin,
            program.name(),
            artifact.zip.len(),
            artifact.digest
        );
    }
    Ok(ExitStatus::Done)
}

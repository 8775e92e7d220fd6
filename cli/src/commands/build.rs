//! `abtest build`: builds and packs the functions.

use abtest_wiring::artifacts::{Artifacts, Source};
use anyhow::Result;

use crate::ExitStatus;
use crate::deployment::DeploymentArguments;

/// Build the functions and pack them into target/artifacts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The config's aws.architecture selects the processor: x86_64 (the default) or arm64. If cargo-lambda
is on the PATH, it builds for either one. Otherwise plain cargo builds for this machine's processor.
Both outcomes are checked against the C library of Lambda's runtime.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let mut source = Source::from_environment();
    source.verbose = true;
    let artifacts = Artifacts::build(&source, config.aws.architecture)?;
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

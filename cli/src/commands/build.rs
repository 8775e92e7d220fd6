//! `abtest build`: packs the functions' artefacts.

use abtest_model::Program;
use abtest_wiring::artifacts::{Artifacts, Source};
use anyhow::Result;

use crate::ExitStatus;
use crate::deployment::DeploymentArguments;

/// Build the functions and pack them into target/artifacts: same source, same bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The architecture is that of the config (aws.architecture, arm64 unless it says otherwise). It is
built with cargo-lambda where that is on the PATH, else with plain cargo for this machine's own
processor; either way the programs are checked for the C library that Lambda has.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let mut source = Source::from_environment();
    source.verbose = true;
    let artifacts = Artifacts::build(&source, config.aws.architecture)?;
    for program in Program::ALL {
        let artifact = artifacts.of(program);
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

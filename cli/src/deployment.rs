//! The deployment that a command works on: its config, its account, the blueprint, and what exists.

use std::path::PathBuf;

use abtest_config::{Config, Endpoints};
use abtest_wiring::account::{Account, Settings};
use abtest_wiring::artifacts::{Artifacts, Source};
use abtest_wiring::blueprint::Blueprint;
use abtest_wiring::found::Found;
use anyhow::{Context, Result, bail};

use crate::config_file;
use crate::terminal::is_quiet;

/// Selects the deployment.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DeploymentArguments {
    /// The config file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Selects the functions' code.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ArtifactArguments {
    /// Folder with track.zip, assign.zip and experiments.zip. By default they are taken from the folder of the
    /// executable, or built from the checkout (the current folder, or ABTEST_SOURCE).
    #[arg(long, value_name = "FOLDER")]
    artifacts: Option<PathBuf>,
}

impl DeploymentArguments {
    /// Reads the config.
    pub(crate) fn config(&self) -> Result<Config> {
        config_file::read(self.config.as_deref())
    }

    /// A command of abtest for the same deployment, quoted for a shell.
    pub(crate) fn command(&self, name: &str) -> String {
        match &self.config {
            Some(path) => {
                let quoted = path.display().to_string().replace('\'', r"'\''");
                format!("abtest {name} --config '{quoted}'")
            }
            None => format!("abtest {name}"),
        }
    }

    /// The file that the config is read from.
    pub(crate) fn config_path(&self) -> Option<PathBuf> {
        config_file::find(self.config.as_deref())
    }
}

impl ArtifactArguments {
    /// Finds the artifacts, or builds them.
    pub(crate) fn find(&self, config: &Config) -> Result<Artifacts> {
        let mut source = Source::from_environment();
        source.verbose = std::io::IsTerminal::is_terminal(&std::io::stderr()) && !is_quiet();
        Ok(Artifacts::find(self.artifacts.as_deref(), &source, config.aws.architecture)?)
    }
}

/// Connects to the account. Reports a mistake in the wiring before it calls AWS.
pub(crate) async fn connect(config: &Config) -> Result<Account> {
    Endpoints::new(&config.name, &config.extra_wiring)?;
    let settings = Settings::read(config.aws.region.as_deref()).await?;
    Ok(Account::connect(&settings).await?)
}

/// A deployment: what exists, and what must exist.
pub(crate) struct Deployment {
    pub(crate) account: Account,
    pub(crate) blueprint: Blueprint,
    pub(crate) found: Found,
}

impl Deployment {
    /// Reads everything but the functions' code.
    pub(crate) async fn read(config: &Config) -> Result<Self> {
        Self::compare(connect(config).await?, config, None).await
    }

    /// Reads everything, and works out what the config and the artifacts require.
    pub(crate) async fn compare(
        account: Account,
        config: &Config,
        artifacts: Option<&Artifacts>,
    ) -> Result<Self> {
        let blueprint = Blueprint::new(config, &account.place, artifacts)?;
        let found =
            Found::read(&account, &blueprint).await.context("cannot read what is deployed")?;
        Ok(Self { account, blueprint, found })
    }

    /// The base URL of the endpoints.
    pub(crate) fn address(&self) -> Result<String> {
        match &self.found.api {
            Some(api) if api.stage.is_some() => Ok(self.blueprint.address(&api.id)),
            _ => bail!(
                "`{}` is not deployed in {}; run `abtest deploy`",
                self.blueprint.name,
                self.account.place.region
            ),
        }
    }
}

/// Runs a command that talks to AWS.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(command);
    // A lookup of a name may still wait for an answer. Do not wait for it.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_command_to_paste_reaches_the_config_whatever_its_path_holds() {
        let config = "/tmp/it's $HOME/a \"config\".json";
        let arguments = DeploymentArguments { config: Some(config.into()) };
        let pasted =
            format!("abtest() {{ printf '%s\\n' \"$@\"; }}; {}", arguments.command("status"));
        let output = Command::new("sh").args(["-c", &pasted]).output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("status\n--config\n{config}\n")
        );
        let usual = DeploymentArguments { config: None };
        assert_eq!(usual.command("dashboard"), "abtest dashboard");
    }
}

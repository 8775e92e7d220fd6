//! `abtest preflight`: checks everything that a deploy needs.
//!
//! | module | checks |
//! |---|---|
//! | `local` | the config and the artifacts |
//! | `redis` | the server that stores the counters |
//! | `aws` | region, credentials, permissions |

mod aws;
mod local;
mod redis;

pub(crate) use local::artifacts;

use abtest_wiring::account::Settings;
use anyhow::Result;
use serde::Serialize;

use crate::ExitStatus;
use crate::deployment::{ArtifactArguments, DeploymentArguments, block_on};
use crate::terminal::{dim, green, red_out, yellow};

/// Check everything that a deploy needs: config, Redis, AWS, artifacts.
#[derive(Debug, clap::Args)]
#[command(after_help = "All checks run, even if one fails. The exit code is 1 if a check failed.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    #[command(flatten)]
    artifacts: ArtifactArguments,
    /// Print the checks as JSON.
    #[arg(long)]
    json: bool,
}

/// One check and its outcome.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    name: &'static str,
    outcome: Outcome,
    /// What was found.
    found: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Passed,
    /// It works, but the user should know something.
    Warned,
    Failed,
}

impl Check {
    fn passed(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Passed, found: found.into(), next: None }
    }

    fn warned(name: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Warned, found: found.into(), next: Some(next.into()) }
    }

    fn failed_with(name: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Failed, found: found.into(), next: Some(next.into()) }
    }

    /// A check that failed with an error. The error's message contains the next step.
    fn error(name: &'static str, error: &dyn std::error::Error) -> Self {
        Self { name, outcome: Outcome::Failed, found: error.to_string(), next: None }
    }

    /// Whether it failed.
    pub(crate) fn failed(&self) -> bool {
        self.outcome == Outcome::Failed
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let mut checks = block_on(async { Ok(checks(&arguments.deployment).await) })?;
    // The config sets the processor. If the config is wrong, its own check has failed already.
    if let Ok(config) = arguments.deployment.config() {
        checks.push(match arguments.artifacts.find(&config) {
            Ok(found) => artifacts(&config, &found),
            Err(error) => Check::error(local::ARTIFACTS, &*error),
        });
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&checks)?);
    } else {
        show(&checks);
    }
    let failed = checks.iter().any(Check::failed);
    Ok(if failed { ExitStatus::ChecksFailed } else { ExitStatus::Done })
}

/// Runs all checks except that of the artifacts, which may have to be built first.
pub(crate) async fn checks(deployment: &DeploymentArguments) -> Vec<Check> {
    let (config, check) = local::config(deployment);
    let mut checks = vec![check];
    checks.extend(local::mode(deployment));
    let region = config.as_ref().and_then(|config| config.aws.region.clone());
    let settings = Settings::read(region.as_deref()).await;
    let mocked = settings.as_ref().is_ok_and(|settings| settings.endpoint().is_some());
    if let Some(config) = &config {
        checks.extend(local::wiring(config));
        // A server that is still called "ENTER YOUR REDIS HOST" does not need to be asked.
        if !checks[0].failed() {
            checks.extend(redis::checks(config, mocked).await);
        }
    }
    // AWS can be checked without a config.
    checks.extend(aws::checks(&config.unwrap_or_default(), settings.as_ref()).await);
    checks
}

/// Prints the checks, one per line.
pub(crate) fn show(checks: &[Check]) {
    for check in checks {
        let mark = match check.outcome {
            Outcome::Passed => green("✓"),
            Outcome::Warned => yellow("!"),
            Outcome::Failed => red_out("✗"),
        };
        println!("{mark} {:13} {}", check.name, check.found);
        if let Some(next) = &check.next {
            println!("  {:13} {}", "", dim(&format!("→ {next}")));
        }
    }
}

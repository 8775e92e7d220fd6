//! `abtest preflight`: everything that a deploy needs, checked before it.
//!
//! | module | checks |
//! |---|---|
//! | `local` | the config and the artefacts |
//! | `redis` | the server that will hold the counters |
//! | `aws` | region, credentials, permissions |

mod aws;
mod local;
mod redis;

pub(crate) use local::artifacts;

use abtest_model::Config;
use anyhow::Result;
use serde::Serialize;

use crate::ExitStatus;
use crate::deployment::{ArtifactArguments, DeploymentArguments, block_on};
use crate::terminal::{dim, green, red_out, yellow};

/// Check everything that a deploy needs: config, Redis, AWS, artefacts.
#[derive(Debug, clap::Args)]
#[command(after_help = "All checks run, also when one fails. The exit code is 1 if any failed.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    #[command(flatten)]
    artifacts: ArtifactArguments,
    /// Print the checks as JSON.
    #[arg(long)]
    json: bool,
}

/// One check and how it went.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    name: &'static str,
    outcome: Outcome,
    /// What was found.
    found: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Passed,
    /// It works, and something should be known.
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

    /// A check that fails with an error, which says itself what to do.
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
    // Without a config, which is among the checks, nobody knows for which processor.
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

/// Runs all checks but the artefacts', which may have to be built first.
pub(crate) async fn checks(deployment: &DeploymentArguments) -> Vec<Check> {
    let (config, check) = local::config(deployment);
    let mut checks = vec![check];
    checks.extend(local::mode(deployment));
    let config = config.unwrap_or_else(|| {
        // What can be checked without a config still is.
        Config::default()
    });
    let readable = !checks[0].failed();
    if readable {
        checks.push(local::wiring(&config));
        checks.extend(redis::checks(&config).await);
    }
    checks.extend(aws::checks(&config).await);
    checks
}

/// Prints the checks, a line each.
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

//! `abtest deploy`: creates and changes everything in AWS.

use std::io::{IsTerminal, Write};

use abtest_model::Namespace;
use abtest_wiring::apply::apply;
use abtest_wiring::plan::{Action, Change, Plan, Step};
use anyhow::{Context, Result, bail};

use super::preflight;
use crate::ExitStatus;
use crate::deployment::{ArtifactArguments, Deployment, DeploymentArguments, block_on, connect};
use crate::plan_view;
use crate::snippet::snippet;
use crate::terminal::{bold, confirm, dim, green, is_quiet};

/// Deploy to AWS: check, show what will change, ask, and change it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest deploy            check, show the plan, ask, and apply it
  abtest deploy --plan     only show the plan
  abtest deploy --yes      do not ask (for scripts)

If a deploy stops half-way, run it again: it continues where it stopped. Without a change in the
config or the code it changes nothing. `abtest rollback` returns to the previous deploy.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    #[command(flatten)]
    artifacts: ArtifactArguments,
    /// Show what would change, and change nothing.
    #[arg(long)]
    plan: bool,
    /// With --plan: print it as JSON.
    #[arg(long, requires = "plan")]
    json: bool,
    /// Apply the plan without asking.
    #[arg(long)]
    yes: bool,
    /// Skip the checks.
    #[arg(long)]
    no_preflight: bool,
    /// Namespace in the snippet.
    #[arg(long, default_value = Namespace::DEFAULT)]
    namespace: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    block_on(deploy(arguments))
}

async fn deploy(arguments: &Arguments) -> Result<ExitStatus> {
    let namespace = Namespace::new(arguments.namespace.as_str())?;
    let config = arguments.deployment.config()?;
    let preflight = !arguments.no_preflight && !arguments.plan;
    if preflight {
        let checks = preflight::checks(&arguments.deployment).await;
        preflight::show(&checks);
        if checks.iter().any(preflight::Check::failed) {
            bail!("a check failed, so nothing was changed; --no-preflight skips the checks");
        }
    }
    // Report what is wrong before building the functions, which takes minutes.
    let account = connect(&config).await?;
    let artifacts = arguments.artifacts.find(&config)?;
    if preflight {
        preflight::show(&[preflight::artifacts(&config, &artifacts)]);
        println!();
    }
    let deployment = Deployment::compare(account, &config, Some(&artifacts)).await?;
    let plan = Plan::new(&deployment.blueprint, &deployment.found)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
        return Ok(ExitStatus::Done);
    }
    plan_view::show(&plan);
    if arguments.plan {
        return Ok(ExitStatus::Done);
    }
    if plan.is_empty() {
        println!("already up to date; nothing was changed");
    } else {
        let place = &deployment.account.place;
        let question = format!(
            "Apply this to account {} in {} as {}?",
            place.account, place.region, deployment.account.caller
        );
        if !arguments.yes && !confirm(&question, "nothing was changed; add --yes to apply it")? {
            return Ok(ExitStatus::Unconfirmed);
        }
        carry_out(&deployment, &plan).await?;
    }
    let deployment = Deployment::compare(deployment.account, &config, Some(&artifacts)).await?;
    print_outcome(&deployment, &namespace, &arguments.deployment)?;
    Ok(ExitStatus::Done)
}

/// Applies a plan and shows its progress. Ctrl-C stops it.
pub(crate) async fn carry_out(deployment: &Deployment, plan: &Plan) -> Result<()> {
    let Deployment { account, blueprint, found } = deployment;
    let mut progress = Progress::new(plan.steps());
    let applied =
        apply(account, blueprint, found, plan, |change, step| progress.step(change, step));
    let outcome = tokio::select! {
        outcome = applied => outcome.context("stopped half-way; run this again to continue"),
        _ = tokio::signal::ctrl_c() => {
            Err(anyhow::anyhow!("stopped half-way by Ctrl-C; run this again to continue"))
        }
    };
    progress.end(outcome.is_ok());
    outcome
}

/// Prints one line per resource, and on a terminal also the current step.
struct Progress {
    steps: usize,
    taken: usize,
    current: Option<String>,
    terminal: bool,
}

impl Progress {
    fn new(steps: usize) -> Self {
        let terminal = std::io::stdout().is_terminal() && !is_quiet();
        Self { steps, taken: 0, current: None, terminal }
    }

    fn step(&mut self, change: &Change, step: &Step) {
        let line = format!("{:7} {}", done(change.action), change.resource);
        if self.current.as_ref() != Some(&line) {
            self.finish();
            self.current = Some(line);
        }
        self.taken += 1;
        if self.terminal {
            print!("\r\x1b[K{}", dim(&format!("{}/{} {step}", self.taken, self.steps)));
            let _ = std::io::stdout().flush();
        }
    }

    fn end(&mut self, complete: bool) {
        if complete {
            self.finish();
        } else if self.terminal {
            println!();
        }
    }

    fn finish(&mut self) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        if let Some(line) = self.current.take() {
            println!("{clear}{} {line}", green("✓"));
        }
    }
}

fn done(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Adopt => "adopted",
        Action::Update => "updated",
        Action::Keep => "kept",
        Action::Remove => "removed",
    }
}

fn print_outcome(
    deployment: &Deployment,
    namespace: &Namespace,
    arguments: &DeploymentArguments,
) -> Result<()> {
    let address = deployment.address()?;
    println!();
    for path in deployment.blueprint.api.endpoints.tracking() {
        println!("{} {address}{}", bold("track  "), path.as_str());
    }
    let key = format!("(`{}` prints the key)", arguments.command("key"));
    println!("{} {address}/experiments  {}", bold("results"), dim(&key));
    println!();
    println!("{}", dim("# see the results"));
    println!("{}", arguments.command("dashboard"));
    println!();
    println!("{}", dim("# for your page"));
    print!("{}", snippet(&format!("{address}/track"), namespace));
    Ok(())
}

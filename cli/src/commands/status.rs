//! `abtest status`: what is deployed.

use std::collections::BTreeMap;

use abtest_model::Method;
use abtest_wiring::found::FoundFunction;
use abtest_wiring::plan::Plan;
use anyhow::Result;
use serde::Serialize;

use crate::ExitStatus;
use crate::deployment::{Deployment, DeploymentArguments, block_on};
use crate::terminal::{bold, dim, green, yellow};

/// Show what is deployed, and how it differs from the config.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let deployment = block_on(Deployment::read(&config))?;
    let status = Status::of(&deployment)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        status.print();
    }
    Ok(ExitStatus::Done)
}

/// A summary of a deployment.
#[derive(Debug, Serialize)]
struct Status {
    name: String,
    account: String,
    region: String,
    url: String,
    live_deploy: Option<u32>,
    /// When the live deploy was published, as AWS formats it.
    published: Option<String>,
    deploys: Vec<u32>,
    functions: BTreeMap<String, FunctionStatus>,
    endpoints: Vec<EndpointStatus>,
    throttle: ThrottleStatus,
    /// What `abtest deploy` would change, apart from code.
    drift: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FunctionStatus {
    live: Option<u64>,
    previous: Vec<u64>,
    memory: i32,
    timeout: i32,
    architecture: String,
    reserved_concurrency: Option<i32>,
}

#[derive(Debug, Serialize)]
struct EndpointStatus {
    method: String,
    path: String,
    function: String,
    key_required: bool,
}

#[derive(Debug, Serialize)]
struct ThrottleStatus {
    rate: u32,
    burst: u32,
}

impl Status {
    fn of(deployment: &Deployment) -> Result<Self> {
        let Deployment { account, blueprint, found } = deployment;
        let live = |function: &FoundFunction| function.versions.get(&function.live?).cloned();
        let published = found.functions.values().filter_map(live).map(|version| version.published);
        let endpoints = blueprint.api.endpoints.endpoints.iter();
        let throttle = blueprint.api.throttle;
        Ok(Self {
            name: blueprint.name.to_string(),
            account: account.place.account.clone(),
            region: account.place.region.clone(),
            url: deployment.address()?,
            live_deploy: found.live_deploy(),
            published: published.max(),
            deploys: found.deploys(),
            functions: found.functions.iter().map(|(name, f)| (name.clone(), f.into())).collect(),
            // HEAD works wherever GET works, so the list leaves it out.
            endpoints: endpoints
                .filter(|((_, method), _)| *method != Method::Head)
                .map(|((path, method), endpoint)| EndpointStatus {
                    method: method.to_string(),
                    path: path.as_str().to_owned(),
                    function: endpoint.function.clone(),
                    key_required: endpoint.key_required,
                })
                .collect(),
            throttle: ThrottleStatus { rate: throttle.rate, burst: throttle.burst },
            drift: drift(deployment),
        })
    }

    fn print(&self) {
        println!(
            "{} {}",
            bold(&self.name),
            dim(&format!("account {}, {}", self.account, self.region))
        );
        println!("url      {}", self.url);
        let deploy = |number: &u32| match Some(*number) == self.live_deploy {
            true => format!("{number} (live)"),
            false => number.to_string(),
        };
        let deploys: Vec<String> = self.deploys.iter().map(deploy).collect();
        let published = self.published.as_deref().unwrap_or("at an unknown time");
        println!("deploys  {}  {}", deploys.join(", "), dim(&format!("live since {published}")));
        println!(
            "limit    {} requests per second, {} in one burst, for each public endpoint",
            self.throttle.rate, self.throttle.burst
        );
        println!();
        for (name, function) in &self.functions {
            let live = function.live.map_or("none".to_owned(), |version| version.to_string());
            let copies =
                function.reserved_concurrency.map(|copies| format!(", at most {copies} copies"));
            println!(
                "{}  version {live}, {} MB, {} s, {}{}",
                bold(name),
                function.memory,
                function.timeout,
                function.architecture,
                copies.unwrap_or_default()
            );
            for endpoint in self.endpoints.iter().filter(|endpoint| endpoint.function == *name) {
                let key = if endpoint.key_required { "  key" } else { "" };
                println!("  {:6} {}{}", endpoint.method, endpoint.path, dim(key));
            }
        }
        println!();
        if self.drift.is_empty() {
            println!("{} matches the config", green("✓"));
        } else {
            println!("{}", yellow("differs from the config; `abtest deploy` would:"));
            for line in &self.drift {
                println!("  {line}");
            }
        }
    }
}

impl From<&FoundFunction> for FunctionStatus {
    fn from(function: &FoundFunction) -> Self {
        let state = function.live.and_then(|live| function.versions.get(&live));
        let state = state.map_or(&function.latest, |version| &version.state);
        let versions = function.versions.keys().rev().copied();
        Self {
            live: function.live,
            previous: versions
                .filter(|number| function.live.is_some_and(|live| *number < live))
                .collect(),
            memory: state.memory,
            timeout: state.timeout,
            architecture: state.architecture.clone(),
            reserved_concurrency: function.reserved_concurrency,
        }
    }
}

fn drift(deployment: &Deployment) -> Vec<String> {
    match Plan::new(&deployment.blueprint, &deployment.found) {
        Ok(plan) => plan
            .changing()
            .map(|change| {
                let verb = change.action;
                let details = change.details.join("; ");
                let line = format!("{verb} {}: {details}", change.resource);
                line.trim_end_matches([':', ' ']).to_owned()
            })
            .collect(),
        Err(error) => vec![error.to_string()],
    }
}

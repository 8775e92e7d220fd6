//! The functions with their logs, versions and the alias `live`.

use abtest_model::Secret;

use super::{Change, PlanError, Step, check_owner};
use crate::blueprint::{Blueprint, FunctionBlueprint, FunctionState, Trigger, VERSIONS_KEPT};
use crate::found::{Found, FoundFunction, Owner};

pub(super) fn plan_logs(
    blueprint: &Blueprint,
    found: &Found,
    function: &str,
) -> Result<Change, PlanError> {
    let resource = format!("logs of {function}");
    let days = blueprint.log_retention_days;
    let function = function.to_owned();
    let retain = Step::SetLogRetention { function: function.clone() };
    let Some(group) = found.log_groups.get(&function) else {
        let steps = vec![Step::CreateLogGroup { function }, retain];
        return Ok(Change::create(resource, vec![format!("kept for {days} days")], steps));
    };
    check_owner(&resource, &group.owner)?;
    let (mut details, mut steps) = (Vec::new(), Vec::new());
    if group.owner == Owner::Untagged {
        steps.push(Step::TagLogGroup { function });
    }
    if group.retention_days != Some(days) {
        let was = group.retention_days.map_or("forever".to_owned(), |days| format!("{days} days"));
        details.push(format!("kept: {was} → {days} days"));
        steps.push(retain);
    }
    Ok(Change::existing(resource, &group.owner, details, steps))
}

/// The number of the deploy that this plan makes. A deploy that was stopped half-way keeps its
/// number.
pub(super) fn next_deploy(blueprint: &Blueprint, found: &Found) -> u32 {
    let functions = || found.functions.values();
    let last = functions().flat_map(|function| function.versions.values());
    let last = last.filter_map(|version| version.deploy).max().unwrap_or(0);
    let live = functions().filter_map(FoundFunction::live_deploy).max().unwrap_or(0);
    let unfinished = last > live
        && blueprint.functions.iter().any(|(name, wanted)| {
            let versions = found.functions.get(name).map(|function| &function.versions);
            versions
                .into_iter()
                .flat_map(|versions| versions.values())
                .any(|version| version.deploy == Some(last) && version.state.same(&wanted.state))
        });
    if unfinished { last } else { last + 1 }
}

pub(super) fn plan(
    blueprint: &Blueprint,
    found: &Found,
    name: &str,
    wanted: &FunctionBlueprint,
    deploy: u32,
) -> Result<Change, PlanError> {
    let resource = format!("function {name}");
    let function = || name.to_owned();
    let allow = |replaces| Step::AllowInvoke { function: function(), replaces };
    let Some(existing) = found.functions.get(name) else {
        if wanted.artifact.is_none() {
            return Err(PlanError::NoCode(function()));
        }
        let mut steps = vec![Step::CreateFunction { function: function() }];
        if wanted.reserved_concurrency.is_some() {
            steps.push(Step::SetConcurrency { function: function() });
        }
        steps.push(Step::Publish { function: function(), deploy });
        steps.push(Step::PointAlias { function: function(), version: None, exists: false });
        steps.extend(wanted.trigger.service().map(|_| allow(false)));
        return Ok(Change::create(resource, describe(&wanted.state), steps));
    };
    check_owner(&resource, &existing.owner)?;
    let (mut details, mut steps) = (Vec::new(), Vec::new());
    if existing.owner == Owner::Untagged {
        steps.push(Step::TagFunction { function: function() });
    }
    let (state, target) = (&wanted.state, live_version(existing, &wanted.state));
    if !state.same_configuration(&existing.latest) {
        details.extend(differences(&existing.latest, state));
        steps.push(Step::UpdateConfiguration { function: function() });
    }
    if !state.same_code(&existing.latest) {
        details.push("new code".into());
        steps.push(Step::UpdateCode { function: function() });
    }
    if existing.reserved_concurrency != wanted.reserved_concurrency {
        let copies = |number: Option<i32>| number.map_or("any".to_owned(), |n| n.to_string());
        let (was, is) =
            (copies(existing.reserved_concurrency), copies(wanted.reserved_concurrency));
        details.push(format!("copies at once: {was} → {is}"));
        steps.push(Step::SetConcurrency { function: function() });
    }
    if target.is_none() {
        details.push(format!("publish as deploy {deploy}"));
        steps.push(Step::Publish { function: function(), deploy });
    }
    if target.is_none() || existing.live != target {
        if let Some(version) = target {
            details.push(format!("make version {version} live"));
        }
        let exists = existing.live.is_some();
        steps.push(Step::PointAlias { function: function(), version: target, exists });
    }
    let api = found.api.as_ref().map(|api| api.id.as_str());
    let invoker = blueprint.invoker(name, &wanted.trigger, api);
    let invoked = wanted.trigger.service().is_some();
    if invoked && (existing.invoker.is_none() || existing.invoker != invoker) {
        details.push(match wanted.trigger {
            Trigger::Http => "allow calls from the API".into(),
            _ => "allow calls from its schedule".into(),
        });
        steps.push(allow(existing.invoker.is_some()));
    }
    steps.extend(outdated(name, existing, target));
    Ok(Change::existing(resource, &existing.owner, details, steps))
}

/// The live version if it matches, otherwise the newest match.
fn live_version(existing: &FoundFunction, wanted: &FunctionState) -> Option<u64> {
    let same =
        |number: &u64| existing.versions.get(number).is_some_and(|found| wanted.same(&found.state));
    existing
        .live
        .filter(|live| same(live))
        .or_else(|| existing.versions.keys().rev().copied().find(|number| same(number)))
}

/// The steps that delete the oldest versions, so that [`VERSIONS_KEPT`] are left. A version that
/// the plan publishes counts.
fn outdated<'a>(
    name: &'a str,
    existing: &'a FoundFunction,
    target: Option<u64>,
) -> impl Iterator<Item = Step> + 'a {
    let kept = if target.is_none() { VERSIONS_KEPT - 1 } else { VERSIONS_KEPT };
    let many = existing.versions.len().saturating_sub(kept);
    let versions = existing.versions.keys().copied();
    // The live version stays, so that a rollback can return to it.
    let old =
        versions.filter(move |version| Some(*version) != target && Some(*version) != existing.live);
    old.take(many).map(|version| Step::DeleteVersion { function: name.to_owned(), version })
}

fn describe(state: &FunctionState) -> Vec<String> {
    let FunctionState { runtime, architecture, handler, memory, timeout, environment, .. } = state;
    let mut lines = vec![format!("{handler}, {runtime}, {architecture}, {memory} MB, {timeout} s")];
    if !environment.is_empty() {
        let names: Vec<&str> = environment.keys().map(String::as_str).collect();
        lines.push(format!("environment: {}", names.join(", ")));
    }
    lines
}

/// The last part of a role's ARN.
fn role_name(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or_default().to_owned()
}

fn differences(was: &FunctionState, is: &FunctionState) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, was: String, is: String| {
        if was != is {
            lines.push(format!("{what} {was} → {is}"));
        }
    };
    line("runtime", was.runtime.clone(), is.runtime.clone());
    line("handler", was.handler.clone(), is.handler.clone());
    line("memory", format!("{} MB", was.memory), format!("{} MB", is.memory));
    line("time limit", format!("{} s", was.timeout), format!("{} s", is.timeout));
    line("role", role_name(&was.role), role_name(&is.role));
    lines.extend(environment(was, is));
    lines
}

/// What changes in the environment. Only names: values may be secrets.
fn environment(was: &FunctionState, is: &FunctionState) -> impl Iterator<Item = String> {
    let (was, is) = (&was.environment, &is.environment);
    let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let change = |name: &String| -> Option<String> {
        let values: (Option<&Secret>, Option<&Secret>) = (was.get(name), is.get(name));
        match values {
            (None, Some(_)) => Some(format!("environment: {name} added")),
            (Some(_), None) => Some(format!("environment: {name} removed")),
            (was, is) if was != is => Some(format!("environment: {name} changed")),
            _ => None,
        }
    };
    names.into_iter().filter_map(change).collect::<Vec<_>>().into_iter()
}

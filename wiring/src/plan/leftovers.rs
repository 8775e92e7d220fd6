//! What is not needed any more: endpoints and functions that left the config, old deployments of
//! the API, and what a take-over of Gimel leaves without a use. Paths go before the stage serves
//! the endpoints anew, or it would go on serving them; all else goes when nothing leads to it.

use super::endpoints::surplus;
use super::{Change, Step};
use crate::blueprint::{Blueprint, GIMEL};
use crate::found::{Found, FoundResource, FoundRole, Owner};

/// What nothing leads to any more; `replaced` where the stage gets a new deployment.
pub(super) fn plan<'a>(
    blueprint: &'a Blueprint,
    found: &'a Found,
    replaced: bool,
) -> impl Iterator<Item = Change> + 'a {
    let unused = found.api.iter().flat_map(|api| &api.unused_deployments);
    let stage = found.api.as_ref().and_then(|api| api.stage.as_ref());
    let served = stage.filter(|_| replaced).map(|stage| &stage.deployment);
    let deployments = unused.chain(served).map(|deployment| {
        let step = Step::DeleteDeployment { deployment: deployment.clone() };
        Change::remove(format!("deployment {deployment}"), "no stage serves it", vec![step])
    });
    deployments.chain(functions(blueprint, found)).chain(gimel_role(found))
}

/// The paths that only led to functions of this deployment, and those that lead nowhere, as the
/// parents of such a path do once it is gone.
pub(super) fn paths(blueprint: &Blueprint, found: &Found) -> Vec<Change> {
    let Some(api) = &found.api else { return Vec::new() };
    let wanted = blueprint.api.endpoints.paths();
    let goes = |path: &str, resource: &FoundResource| {
        let methods = resource.methods.keys().filter(|name| *name != "OPTIONS").count();
        path != "/"
            && !wanted.iter().any(|wanted| wanted.as_str() == path)
            && methods == surplus(blueprint, Some(api), path).len()
            && (!resource.methods.is_empty() || api.owner == Owner::Ours)
    };
    let gone: Vec<&String> = api
        .resources
        .iter()
        .filter(|(path, resource)| goes(path, resource))
        .map(|(path, _)| path)
        .collect();
    // The longest first: a path goes with everything below it.
    let gone = gone.into_iter().rev().filter(|path| {
        let below = format!("{path}/");
        let others = api.resources.iter().filter(|(other, _)| other.starts_with(&below));
        others.into_iter().all(|(other, resource)| goes(other, resource))
    });
    let change = |path: &String| {
        let step = Step::DeleteResource { path: path.clone() };
        Change::remove(format!("path {path}"), "not in the wiring any more", vec![step])
    };
    gone.map(change).collect()
}

/// The functions that nothing leads to any more, with their logs. The logs go first: without a
/// function nobody would know that they are ours.
fn functions<'a>(blueprint: &'a Blueprint, found: &'a Found) -> impl Iterator<Item = Change> + 'a {
    let surplus =
        found.functions.iter().filter(|(name, _)| !blueprint.functions.contains_key(*name));
    surplus.map(|(name, function)| {
        let mut steps = Vec::new();
        if found.log_groups.contains_key(name) {
            steps.push(Step::DeleteLogGroup { function: name.clone() });
        }
        steps.push(Step::DeleteFunction { function: name.clone() });
        let why = match function.owner {
            Owner::Ours => "not in the wiring any more",
            _ => "Gimel's; nothing leads to it any more",
        };
        Change::remove(format!("function {name}"), why, steps)
    })
}

/// Gimel's role, which may do too much, once no function has it.
fn gimel_role(found: &Found) -> Option<Change> {
    let role = found.gimel_role.as_ref()?;
    let steps = delete_role(role);
    Some(Change::remove(format!("role {GIMEL}"), "Gimel's; no function has it any more", steps))
}

/// The steps to delete a role: its policies first.
pub(super) fn delete_role(role: &FoundRole) -> Vec<Step> {
    let policies = role
        .policies
        .keys()
        .map(|policy| Step::RemoveRolePolicy { role: role.name.clone(), policy: policy.clone() });
    let attached = role
        .attached
        .iter()
        .map(|arn| Step::DetachRolePolicy { role: role.name.clone(), arn: arn.clone() });
    policies.chain(attached).chain([Step::DeleteRole { role: role.name.clone() }]).collect()
}

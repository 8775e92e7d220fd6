//! Orphans: resources that are no longer needed. These are endpoints and functions that left the
//! config, old deployments of the API, the role that all functions once shared, and what Gimel
//! leaves behind after a take-over.
//!
//! Paths are deleted before the stage serves the endpoints again, so that it stops serving them.
//! Everything else is deleted last, when nothing uses it.

use super::endpoints::surplus;
use super::{Change, Step, roles};
use crate::blueprint::{Blueprint, GIMEL};
use crate::found::{Found, FoundResource, Owner};

/// Everything but paths. `replaced` says that the stage gets a new deployment.
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
    deployments.chain(functions(blueprint, found)).chain(unused_roles(found))
}

/// The paths that led only to functions of this deployment, and the parents that are left without
/// a method.
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
    // The longest first: deleting a path also deletes everything below it.
    let gone = gone.into_iter().rev().filter(|path| {
        let below = format!("{path}/");
        let others = api.resources.iter().filter(|(other, _)| other.starts_with(&below));
        others.into_iter().all(|(other, resource)| goes(other, resource))
    });
    let change = |path: &String| {
        let step = Step::DeleteResource { path: path.clone() };
        Change::remove(format!("path {path}"), "no longer in the config", vec![step])
    };
    gone.map(change).collect()
}

/// The functions that no endpoint uses, with their logs and roles. A function is deleted last,
/// because its logs and its role are found by its name.
fn functions<'a>(blueprint: &'a Blueprint, found: &'a Found) -> impl Iterator<Item = Change> + 'a {
    let surplus =
        found.functions.iter().filter(|(name, _)| !blueprint.functions.contains_key(*name));
    surplus.map(|(name, function)| {
        let mut steps = Vec::new();
        if found.log_groups.contains_key(name) {
            steps.push(Step::DeleteLogGroup { function: name.clone() });
        }
        let role = found.roles.get(name).filter(|role| role.owner == Owner::Ours);
        steps.extend(role.into_iter().flat_map(roles::delete));
        steps.push(Step::DeleteFunction { function: name.clone() });
        let why = match function.owner {
            Owner::Ours => "no longer in the config",
            _ => "created by Gimel; no endpoint uses it",
        };
        Change::remove(format!("function {name}"), why, steps)
    })
}

/// The role that all functions once shared, and Gimel's role. Both allow more than a function
/// needs.
fn unused_roles(found: &Found) -> impl Iterator<Item = Change> + '_ {
    let shared = found.shared_role.as_ref().filter(|role| role.owner == Owner::Ours);
    let shared = shared.map(|role| {
        let why = "each function has its own role now";
        Change::remove(format!("role {}", role.name), why, roles::delete(role))
    });
    let gimels = found.gimel_role.as_ref().map(|role| {
        let why = "created by Gimel; no function uses it";
        Change::remove(format!("role {GIMEL}"), why, roles::delete(role))
    });
    shared.into_iter().chain(gimels)
}

//! The steps that remove a deployment: everything that is tagged as its own. Redis is not touched.

use super::{Change, Plan, Step, roles};
use crate::blueprint::Blueprint;
use crate::found::{Found, Owner};

const WHY: &str = "tagged as this deployment's";

/// Plans to remove everything that this deployment created or took over.
pub fn destroy(blueprint: &Blueprint, found: &Found) -> Plan {
    let mut changes = keys(blueprint, found);
    if let Some(api) = found.api.as_ref().filter(|api| api.owner == Owner::Ours) {
        let steps = vec![Step::DeleteApi { api: api.id.clone() }];
        let resource = format!("API {} ({})", blueprint.api.name, api.id);
        changes.push(Change::remove(resource, WHY, steps));
    }
    // Functions go last: the logs and roles of a function are found by its name.
    for (function, group) in &found.log_groups {
        if group.owner == Owner::Ours {
            let steps = vec![Step::DeleteLogGroup { function: function.clone() }];
            changes.push(Change::remove(format!("logs of {function}"), WHY, steps));
        }
    }
    for role in found.roles.values().chain(&found.shared_role) {
        if role.owner == Owner::Ours {
            changes.push(Change::remove(format!("role {}", role.name), WHY, roles::delete(role)));
        }
    }
    for (name, function) in &found.functions {
        if function.owner == Owner::Ours {
            let steps = vec![Step::DeleteFunction { function: name.clone() }];
            changes.push(Change::remove(format!("function {name}"), WHY, steps));
        }
    }
    Plan { changes }
}

/// The usage plan with its keys, and keys that are tagged and in no plan.
fn keys(blueprint: &Blueprint, found: &Found) -> Vec<Change> {
    let mut changes = Vec::new();
    let usage_plan = found.keys.usage_plan.as_ref();
    if let Some(plan) = usage_plan {
        let stages =
            plan.apis.iter().map(|api| Step::RemoveStageFromUsagePlan { api: api.clone() });
        // A key that was taken over from Gimel has no tag. It is found by being in the plan.
        let keys = plan.keys.iter().map(|key| Step::DeleteKey { key: key.clone() });
        let steps = stages.chain(keys).chain([Step::DeleteUsagePlan]).collect();
        changes.push(Change::remove(format!("API key {}", blueprint.api.name), WHY, steps));
    }
    let in_plan = |id: &String| usage_plan.is_some_and(|plan| plan.keys.contains(id));
    let all = found.keys.keys.iter().chain(&found.keys.read_keys);
    for key in all.filter(|key| key.owner == Owner::Ours && !in_plan(&key.id)) {
        let steps = vec![Step::DeleteKey { key: key.id.clone() }];
        changes.push(Change::remove(format!("API key {}", key.id), WHY, steps));
    }
    changes
}

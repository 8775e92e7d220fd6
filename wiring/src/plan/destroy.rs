//! The steps to nothing: everything that is tagged as this deployment's goes. Redis is not
//! touched.

use super::leftovers::delete_role;
use super::{Change, Plan, Step};
use crate::blueprint::Blueprint;
use crate::found::{Found, Owner};

/// Plans to remove everything that this deployment made or took over.
pub fn destroy(blueprint: &Blueprint, found: &Found) -> Plan {
    const WHY: &str = "tagged as this deployment's";
    let mut changes = Vec::new();
    if let Some(plan) = &found.keys.usage_plan {
        let stages =
            plan.apis.iter().map(|api| Step::RemoveStageFromUsagePlan { api: api.clone() });
        // A key of Gimel's that was taken over is found by being in the plan.
        let keys = plan.keys.iter().map(|key| Step::DeleteKey { key: key.clone() });
        let steps = stages.chain(keys).chain([Step::DeleteUsagePlan]).collect();
        changes.push(Change::remove(format!("API key {}", blueprint.api.name), WHY, steps));
    }
    let in_plan =
        |id: &String| found.keys.usage_plan.as_ref().is_some_and(|plan| plan.keys.contains(id));
    for key in found.keys.keys.iter().filter(|key| key.owner == Owner::Ours && !in_plan(&key.id)) {
        let steps = vec![Step::DeleteKey { key: key.id.clone() }];
        changes.push(Change::remove(format!("API key {}", key.id), WHY, steps));
    }
    if let Some(api) = found.api.as_ref().filter(|api| api.owner == Owner::Ours) {
        let steps = vec![Step::DeleteApi { api: api.id.clone() }];
        changes.push(Change::remove(
            format!("API {} ({})", blueprint.api.name, api.id),
            WHY,
            steps,
        ));
    }
    // The logs before the functions, and both before the role, by which functions are found.
    for (function, group) in &found.log_groups {
        if group.owner == Owner::Ours {
            let steps = vec![Step::DeleteLogGroup { function: function.clone() }];
            changes.push(Change::remove(format!("logs of {function}"), WHY, steps));
        }
    }
    for (name, function) in &found.functions {
        if function.owner == Owner::Ours {
            let steps = vec![Step::DeleteFunction { function: name.clone() }];
            changes.push(Change::remove(format!("function {name}"), WHY, steps));
        }
    }
    if let Some(role) = found.role.as_ref().filter(|role| role.owner == Owner::Ours) {
        changes.push(Change::remove(format!("role {}", role.name), WHY, delete_role(role)));
    }
    Plan { changes }
}

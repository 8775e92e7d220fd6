//! The role: one, which allows what the functions do and nothing else.

use super::{Change, PlanError, Step, check_owner};
use crate::blueprint::Blueprint;
use crate::found::{Found, Owner};

pub(super) fn plan(blueprint: &Blueprint, found: &Found) -> Result<Change, PlanError> {
    let wanted = &blueprint.role;
    let resource = format!("role {}", wanted.name);
    let Some(role) = &found.role else {
        let allows = "allows its own log groups and secrets".to_owned();
        let steps = vec![Step::CreateRole, Step::PutRolePolicy];
        return Ok(Change::create(resource, vec![allows], steps));
    };
    check_owner(&resource, &role.owner)?;
    let (mut details, mut steps) = (Vec::new(), Vec::new());
    if role.owner == Owner::Nobody {
        steps.push(Step::TagRole);
    }
    if role.trust != wanted.trust {
        details.push("who may take it".into());
        steps.push(Step::TrustRole);
    }
    let policy = policy_name(blueprint);
    if role.policies.get(&policy) != Some(&wanted.policy) {
        details.push("what it allows".into());
        steps.push(Step::PutRolePolicy);
    }
    for other in role.policies.keys().filter(|other| **other != policy) {
        details.push(format!("without the policy {other}"));
        steps.push(Step::RemoveRolePolicy { role: wanted.name.clone(), policy: other.clone() });
    }
    for arn in &role.attached {
        details.push(format!("without {arn}"));
        steps.push(Step::DetachRolePolicy { role: wanted.name.clone(), arn: arn.clone() });
    }
    Ok(Change::existing(resource, &role.owner, details, steps))
}

/// The name of the role's one policy.
pub(crate) fn policy_name(blueprint: &Blueprint) -> String {
    blueprint.name.to_string()
}

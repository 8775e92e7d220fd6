//! The roles: one per function, which allows what that function does and nothing else.

use super::{Change, PlanError, Step, check_owner};
use crate::blueprint::{Blueprint, FunctionBlueprint};
use crate::found::{Found, FoundRole, Owner};

/// Plans the role of a function.
pub(super) fn plan(
    blueprint: &Blueprint,
    found: &Found,
    function: &str,
    wanted: &FunctionBlueprint,
) -> Result<Change, PlanError> {
    let wanted = &wanted.role;
    let resource = format!("role {}", wanted.name);
    let function_name = || function.to_owned();
    let put_policy = Step::PutRolePolicy { function: function_name() };
    let Some(role) = found.roles.get(function) else {
        let steps = vec![Step::CreateRole { function: function_name() }, put_policy];
        return Ok(Change::create(resource, vec![allowed(&wanted.policy)], steps));
    };
    check_owner(&resource, &role.owner)?;
    let (mut details, mut steps) = (Vec::new(), Vec::new());
    if role.owner == Owner::Untagged {
        steps.push(Step::TagRole { function: function_name() });
    }
    if role.trust != wanted.trust {
        details.push("only Lambda may assume it".into());
        steps.push(Step::TrustRole { function: function_name() });
    }
    let policy = policy_name(blueprint);
    if role.policies.get(&policy) != Some(&wanted.policy) {
        details.push(allowed(&wanted.policy));
        steps.push(put_policy);
    }
    for other in role.policies.keys().filter(|other| **other != policy) {
        details.push(format!("remove the policy {other}"));
        steps.push(Step::RemoveRolePolicy { role: wanted.name.clone(), policy: other.clone() });
    }
    for arn in &role.attached {
        details.push(format!("detach {arn}"));
        steps.push(Step::DetachRolePolicy { role: wanted.name.clone(), arn: arn.clone() });
    }
    Ok(Change::existing(resource, &role.owner, details, steps))
}

/// The steps to delete a role. IAM requires that its policies are removed first.
pub(super) fn delete(role: &FoundRole) -> Vec<Step> {
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

/// The name of the role's inline policy.
pub(crate) fn policy_name(blueprint: &Blueprint) -> String {
    blueprint.name.to_string()
}

/// The actions of a policy, for people.
fn allowed(policy: &serde_json::Value) -> String {
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        serde_json::Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    let actions: Vec<String> =
        actions.filter_map(|action| action.as_str().map(str::to_owned)).collect();
    format!("allows {}", actions.join(", "))
}

//! The permissions that deploying needs, and whether the caller has them.

use aws_sdk_iam::config::Config;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::types::PolicyEvaluationDecisionType;

use crate::account::{Account, Call, CallError};

/// Every action that deploying, rolling back and destroying use.
pub const ACTIONS: [&str; 41] = [
    "apigateway:DELETE",
    "apigateway:GET",
    "apigateway:PATCH",
    "apigateway:POST",
    "apigateway:PUT",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UpdateAssumeRolePolicy",
    "lambda:AddPermission",
    "lambda:CreateAlias",
    "lambda:CreateFunction",
    "lambda:DeleteFunction",
    "lambda:DeleteFunctionConcurrency",
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:GetFunctionConfiguration",
    "lambda:GetPolicy",
    "lambda:ListFunctions",
    "lambda:ListVersionsByFunction",
    "lambda:PublishVersion",
    "lambda:PutFunctionConcurrency",
    "lambda:RemovePermission",
    "lambda:TagResource",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "logs:CreateLogGroup",
    "logs:DeleteLogGroup",
    "logs:DescribeLogGroups",
    "logs:ListTagsForResource",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
];

/// The actions that the caller's policies do not allow, by IAM's own simulation. The simulation
/// ignores conditions on single resources.
///
/// # Errors
/// When the caller may not use the simulation.
pub async fn denied(account: &Account) -> Result<Vec<String>, CallError> {
    // Do not wait for retries: the caller of this function has another way to check.
    let without_retries = Config::builder().retry_config(RetryConfig::disabled());
    let results = account
        .roles
        .simulate_principal_policy()
        .policy_source_arn(principal(&account.caller))
        .set_action_names(Some(ACTIONS.map(str::to_owned).to_vec()))
        .max_items(1_000)
        .customize()
        .config_override(without_retries)
        .send()
        .await
        .call("iam:SimulatePrincipalPolicy", "")?;
    let refused = results
        .evaluation_results()
        .iter()
        .filter(|result| *result.eval_decision() != PolicyEvaluationDecisionType::Allowed);
    Ok(refused.map(|result| result.eval_action_name().to_owned()).collect())
}

/// The role of a session. IAM simulates policies of roles, not of sessions.
fn principal(caller: &str) -> String {
    let parts: Vec<&str> = caller.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "sts", "", account, session] if session.starts_with("assumed-role/") => {
            let role = session.split('/').nth(1).unwrap_or_default();
            format!("arn:{partition}:iam::{account}:role/{role}")
        }
        _ => caller.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_session_is_simulated_as_its_role() {
        assert_eq!(
            principal("arn:aws:sts::123456789012:assumed-role/deployer/me"),
            "arn:aws:iam::123456789012:role/deployer"
        );
        let user = "arn:aws:iam::123456789012:user/me";
        assert_eq!(principal(user), user);
    }

    #[test]
    fn the_docs_list_the_same_actions() {
        let docs = include_str!("../../docs/deploy.md");
        let services: BTreeSet<&str> =
            ACTIONS.iter().filter_map(|action| Some(action.split_once(':')?.0)).collect();
        for service in services {
            let of_service = |action: &&str| action.split_once(':').unwrap().0 == service;
            let names = ACTIONS.iter().copied().filter(of_service);
            let names: Vec<String> =
                names.map(|action| format!("`{}`", &action[service.len() + 1..])).collect();
            let cell = format!("| {} |", names.join(", "));
            assert!(docs.contains(&cell), "docs/deploy.md lacks the cell {cell}");
        }
    }
}

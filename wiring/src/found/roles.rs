//! The functions' roles with everything that they allow.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Owner;
use crate::account::{Account, Call, CallError, Kind};
use crate::blueprint::{Blueprint, TAG, role_name};

/// A role.
#[derive(Debug, Clone)]
pub struct FoundRole {
    /// Its name.
    pub name: String,
    /// The trust policy: who may assume the role.
    pub trust: Value,
    /// Its inline policies, by name.
    pub policies: BTreeMap<String, Value>,
    /// The ARNs of the managed policies that are attached to it.
    pub attached: Vec<String>,
    /// Whose it is.
    pub owner: Owner,
}

/// Reads the role of each function, if it exists.
pub(super) async fn read_all<'a>(
    account: &Account,
    blueprint: &Blueprint,
    functions: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<String, FoundRole>, CallError> {
    let mut roles = BTreeMap::new();
    for function in functions {
        if roles.contains_key(function) {
            continue;
        }
        let name = role_name(function, &blueprint.place.region);
        if let Some(role) = read(account, blueprint, &name).await? {
            roles.insert(function.clone(), role);
        }
    }
    Ok(roles)
}

/// Reads a role, if it exists.
pub(super) async fn read(
    account: &Account,
    blueprint: &Blueprint,
    name: &str,
) -> Result<Option<FoundRole>, CallError> {
    let answer = account.roles.get_role().role_name(name).send().await.call("iam:GetRole", name);
    let role = match answer {
        Err(error) if error.kind == Kind::NotFound => return Ok(None),
        answer => answer?.role,
    };
    let Some(role) = role else { return Ok(None) };
    let tag = role.tags().iter().find(|tag| tag.key() == TAG).map(|tag| tag.value().to_owned());
    let listed = account
        .roles
        .list_role_policies()
        .role_name(name)
        .send()
        .await
        .call("iam:ListRolePolicies", name)?;
    let mut policies = BTreeMap::new();
    for policy in listed.policy_names {
        let document = account
            .roles
            .get_role_policy()
            .role_name(name)
            .policy_name(&policy)
            .send()
            .await
            .call("iam:GetRolePolicy", name)?
            .policy_document;
        policies.insert(policy, document_of(Some(&document)));
    }
    let attached = account
        .roles
        .list_attached_role_policies()
        .role_name(name)
        .send()
        .await
        .call("iam:ListAttachedRolePolicies", name)?;
    let attached = attached.attached_policies().iter().filter_map(|one| one.policy_arn.clone());
    Ok(Some(FoundRole {
        name: name.to_owned(),
        trust: document_of(role.assume_role_policy_document()),
        policies,
        attached: attached.collect(),
        owner: Owner::of(tag.as_ref(), blueprint),
    }))
}

/// IAM returns documents percent-encoded.
fn document_of(text: Option<&str>) -> Value {
    let text = percent_encoding::percent_decode_str(text.unwrap_or_default()).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_default()
}

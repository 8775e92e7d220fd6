//! The API keys, and the usage plan that connects them to the stage.

use abtest_model::Role;
use aws_sdk_apigateway::types::{ApiKey, UsagePlan};

use super::Owner;
use crate::account::{Account, Call, CallError};
use crate::blueprint::{Blueprint, STAGE};

/// What gives access to the private endpoints.
#[derive(Debug, Clone, Default)]
pub struct FoundKeys {
    /// The usage plan.
    pub usage_plan: Option<FoundUsagePlan>,
    /// The keys that have the API's name, the newest first. They may edit.
    pub keys: Vec<FoundKey>,
    /// The keys that may only read, the newest first.
    pub read_keys: Vec<FoundKey>,
}

/// A usage plan.
#[derive(Debug, Clone)]
pub struct FoundUsagePlan {
    /// Its id.
    pub id: String,
    /// The ids of the APIs to whose stage `prod` it gives access.
    pub apis: Vec<String>,
    /// The ids of its keys.
    pub keys: Vec<String>,
}

/// A key, without its value.
#[derive(Debug, Clone)]
pub struct FoundKey {
    /// Its id.
    pub id: String,
    /// When it was created, in seconds since 1970.
    pub created: i64,
    /// Whose it is.
    pub owner: Owner,
}

pub(super) async fn read(account: &Account, blueprint: &Blueprint) -> Result<FoundKeys, CallError> {
    let usage_plan = match find_usage_plan(account, blueprint).await? {
        Some(plan) => Some(describe(account, &plan).await?),
        None => None,
    };
    let found = |key: &ApiKey| {
        Some(FoundKey {
            id: key.id()?.to_owned(),
            created: key.created_date().map_or(0, |date| date.secs()),
            owner: Owner::of_tags(key.tags(), blueprint),
        })
    };
    let keys = find_keys(account, blueprint, Role::Edit).await?.iter().filter_map(found).collect();
    let read_keys = find_keys(account, blueprint, Role::Read).await?;
    let read_keys = read_keys.iter().filter_map(found).collect();
    Ok(FoundKeys { usage_plan, keys, read_keys })
}

/// The name of the keys of a role.
pub(crate) fn key_name(blueprint: &Blueprint, role: Role) -> String {
    match role {
        Role::Edit => blueprint.api.name.clone(),
        Role::Read => format!("{}-read", blueprint.api.name),
    }
}

/// The usage plan of this deployment.
pub(crate) async fn find_usage_plan(
    account: &Account,
    blueprint: &Blueprint,
) -> Result<Option<UsagePlan>, CallError> {
    let mut pages = account.gateway.get_usage_plans().into_paginator().items().send();
    while let Some(plan) = pages.next().await {
        let plan = plan.call("apigateway:GET /usageplans", "")?;
        let named = plan.name() == Some(&blueprint.api.name);
        if named && Owner::of_tags(plan.tags(), blueprint) == Owner::Ours {
            return Ok(Some(plan));
        }
    }
    Ok(None)
}

/// The keys of a role, without their values, the newest first.
pub(crate) async fn find_keys(
    account: &Account,
    blueprint: &Blueprint,
    role: Role,
) -> Result<Vec<ApiKey>, CallError> {
    let name = &key_name(blueprint, role);
    let mut keys = Vec::new();
    let mut pages = account.gateway.get_api_keys().name_query(name).into_paginator().items().send();
    while let Some(key) = pages.next().await {
        let key = key.call("apigateway:GET /apikeys", "")?;
        // The query also returns longer names that begin with it.
        if key.name() == Some(name) {
            keys.push(key);
        }
    }
    // AWS gives the time in seconds. Of two keys of the same second, the later one in the list is
    // the newer.
    keys.reverse();
    keys.sort_by_key(|key| std::cmp::Reverse(key.created_date().map_or(0, |date| date.secs())));
    Ok(keys)
}

async fn describe(account: &Account, plan: &UsagePlan) -> Result<FoundUsagePlan, CallError> {
    let without_id =
        || CallError::without_id("apigateway:GET /usageplans", plan.name().unwrap_or_default());
    let id = plan.id().ok_or_else(without_id)?.to_owned();
    let mut keys = Vec::new();
    let mut pages =
        account.gateway.get_usage_plan_keys().usage_plan_id(&id).into_paginator().items().send();
    while let Some(key) = pages.next().await {
        let key = key.call("apigateway:GET /usageplans/*/keys", &id)?;
        keys.extend(key.id);
    }
    let stages = plan.api_stages().iter().filter(|stage| stage.stage() == Some(STAGE));
    let apis = stages.filter_map(|stage| stage.api_id.clone()).collect();
    Ok(FoundUsagePlan { id, apis, keys })
}

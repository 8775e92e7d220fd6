//! The API key, and the usage plan that ties it to the stage.

use aws_sdk_apigateway::types::{ApiKey, UsagePlan};

use super::Owner;
use crate::account::{Account, Call, CallError};
use crate::blueprint::{Blueprint, STAGE};

/// What opens the private endpoints.
#[derive(Debug, Clone, Default)]
pub struct FoundKeys {
    /// The usage plan.
    pub usage_plan: Option<FoundUsagePlan>,
    /// The keys of the API's name, the newest first.
    pub keys: Vec<FoundKey>,
}

/// A usage plan.
#[derive(Debug, Clone)]
pub struct FoundUsagePlan {
    /// Its id.
    pub id: String,
    /// The APIs whose stage `prod` it opens.
    pub apis: Vec<String>,
    /// The ids of its keys.
    pub keys: Vec<String>,
}

/// A key, without its value.
#[derive(Debug, Clone)]
pub struct FoundKey {
    /// Its id.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Whose it is.
    pub owner: Owner,
}

pub(super) async fn read(account: &Account, blueprint: &Blueprint) -> Result<FoundKeys, CallError> {
    let usage_plan = match find_usage_plan(account, blueprint).await? {
        Some(plan) => Some(describe(account, &plan).await?),
        None => None,
    };
    let keys = find_keys(account, blueprint).await?;
    let keys = keys.iter().map(|key| FoundKey {
        id: key.id().unwrap_or_default().to_owned(),
        created: key.created_date().map_or(0, |date| date.secs()),
        owner: Owner::of_tags(key.tags(), blueprint),
    });
    Ok(FoundKeys { usage_plan, keys: keys.collect() })
}

/// Our usage plan.
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

/// The keys of the API's name, without their values, the newest first.
pub(crate) async fn find_keys(
    account: &Account,
    blueprint: &Blueprint,
) -> Result<Vec<ApiKey>, CallError> {
    let name = &blueprint.api.name;
    let mut keys = Vec::new();
    let mut pages = account.gateway.get_api_keys().name_query(name).into_paginator().items().send();
    while let Some(key) = pages.next().await {
        let key = key.call("apigateway:GET /apikeys", "")?;
        // The query finds all names that begin with it.
        if key.name() == Some(name) {
            keys.push(key);
        }
    }
    // A clock of seconds cannot tell two keys of one second apart: the later listed is newer.
    keys.reverse();
    keys.sort_by_key(|key| std::cmp::Reverse(key.created_date().map_or(0, |date| date.secs())));
    Ok(keys)
}

async fn describe(account: &Account, plan: &UsagePlan) -> Result<FoundUsagePlan, CallError> {
    let id = plan.id().unwrap_or_default().to_owned();
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

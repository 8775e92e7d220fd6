//! The API key and its rotation: the old key works until it is retired.

use abtest_model::{ApiKey, Role, Secret};

use crate::account::{Account, Call, CallError, Kind};
use crate::apply::{add_key, create_key};
use crate::blueprint::Blueprint;
use crate::found::{Found, FoundUsagePlan};

/// A key that gives access to the private endpoints.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// What it may do.
    pub role: Role,
    /// The value that is sent as `x-api-key`.
    pub value: Secret,
    /// When it was created, in seconds since 1970.
    pub created: i64,
}

/// Why the keys cannot be read or rotated.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no usage plan yet.
    #[error("nothing is deployed; run `abtest deploy`")]
    NotDeployed,
    /// An earlier rotation is not finished.
    #[error(
        "there are two {} keys already; run `abtest key --role {} --retire` once no one uses the \
         older one, then rotate again", .0.as_str(), .0.as_str()
    )]
    UnderWay(Role),
    /// There is only one key.
    #[error(
        "there are no two {} keys; run `abtest key --role {} --rotate` to create another one first",
        .0.as_str(), .0.as_str()
    )]
    NothingToRetire(Role),
}

/// The keys of a role in the usage plan, the newest first.
///
/// # Errors
/// When they cannot be read.
pub async fn keys(account: &Account, found: &Found, role: Role) -> Result<Vec<Key>, KeyError> {
    let mut keys = Vec::new();
    for id in &plan(found)?.keys {
        let call = account.gateway.get_api_key().api_key(id).include_value(true).send().await;
        match call.call("apigateway:GET /apikeys/*", id) {
            Err(error) if error.kind == Kind::NotFound => {}
            key => {
                let key = key?;
                let value = key.value().unwrap_or_default();
                keys.push(Key {
                    id: id.clone(),
                    role: ApiKey::role_behind_gateway(value),
                    value: Secret::new(value),
                    created: key.created_date().map_or(0, |date| date.secs()),
                });
            }
        }
    }
    keys.retain(|key| key.role == role);
    // The newest first also if two keys were created in the same second.
    keys.reverse();
    keys.sort_by_key(|key| std::cmp::Reverse(key.created));
    Ok(keys)
}

/// Creates a new key of a role. The old one keeps working.
///
/// # Errors
/// When there are two keys already, or a call fails.
pub async fn rotate(
    account: &Account,
    blueprint: &Blueprint,
    found: &Found,
    role: Role,
) -> Result<(), KeyError> {
    let plan = plan(found)?;
    if keys(account, found, role).await?.len() > 1 {
        return Err(KeyError::UnderWay(role));
    }
    // An interrupted attempt may have created a key without adding it to the plan. Use that one.
    let named = match role {
        Role::Edit => &found.keys.keys,
        Role::Read => &found.keys.read_keys,
    };
    let spare = named.iter().find(|key| !plan.keys.contains(&key.id));
    let key = match spare {
        Some(spare) => spare.id.clone(),
        None => create_key(account, blueprint, role, &plan.keys).await?,
    };
    Ok(add_key(account, &plan.id, &key).await?)
}

/// Deletes all keys of a role but the newest, and returns how many.
///
/// # Errors
/// When there is only one, or a call fails.
pub async fn retire(account: &Account, found: &Found, role: Role) -> Result<usize, KeyError> {
    let keys = keys(account, found, role).await?;
    let old = keys.get(1..).unwrap_or_default();
    if old.is_empty() {
        return Err(KeyError::NothingToRetire(role));
    }
    for key in old {
        let call = account.gateway.delete_api_key().api_key(&key.id).send().await;
        match call.call("apigateway:DELETE /apikeys/*", &key.id) {
            Err(error) if error.kind != Kind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(old.len())
}

fn plan(found: &Found) -> Result<&FoundUsagePlan, KeyError> {
    found.keys.usage_plan.as_ref().ok_or(KeyError::NotDeployed)
}

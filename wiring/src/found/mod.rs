//! Everything of a deployment that exists. Reading it changes nothing.
//!
//! A resource is part of the deployment if it has the name that the [`Blueprint`] gives it. Its
//! tag ([`Owner`]) says whether this deployment may delete it.

mod functions;
mod gateway;
mod keys;
mod logs;
mod roles;

pub use functions::{FoundFunction, FoundVersion};
pub use gateway::{FoundApi, FoundMethod, FoundResource, FoundStage};
pub use keys::{FoundKey, FoundKeys, FoundUsagePlan};
pub use logs::FoundLogGroup;
pub use roles::FoundRole;

pub(crate) use functions::STATEMENT;
pub(crate) use gateway::find_api;
pub(crate) use keys::{find_keys, find_usage_plan, key_name};
pub(crate) use logs::log_group_name;

use std::collections::{BTreeMap, HashMap};

use crate::account::{Account, CallError};
use crate::blueprint::{Blueprint, GIMEL, TAG};

/// What exists.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The roles of the functions, by function.
    pub roles: BTreeMap<String, FoundRole>,
    /// The role that earlier versions of abtest gave to all functions.
    pub shared_role: Option<FoundRole>,
    /// The role that Gimel created, if its API is taken over.
    pub gimel_role: Option<FoundRole>,
    /// The functions of the blueprint, and those that are no longer needed.
    pub functions: BTreeMap<String, FoundFunction>,
    /// The log groups of all these functions, by function.
    pub log_groups: BTreeMap<String, FoundLogGroup>,
    /// The API.
    pub api: Option<FoundApi>,
    /// The usage plan and the API keys.
    pub keys: FoundKeys,
}

/// Whose a resource is, by its tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Owner {
    /// This deployment's.
    Ours,
    /// Not tagged: created by hand or by Gimel.
    #[default]
    Untagged,
    /// Another deployment's.
    Another(String),
}

impl Owner {
    fn of(tag: Option<&String>, blueprint: &Blueprint) -> Self {
        match tag {
            Some(name) if name == blueprint.name.as_str() => Self::Ours,
            Some(name) => Self::Another(name.clone()),
            None => Self::Untagged,
        }
    }

    fn of_tags(tags: Option<&HashMap<String, String>>, blueprint: &Blueprint) -> Self {
        Self::of(tags.and_then(|tags| tags.get(TAG)), blueprint)
    }
}

/// Why the existing resources could not be read, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Several APIs have the name, and none is tagged as this deployment's.
    #[error(
        "there are {count} REST APIs named {name}; set aws.api_name to another name, or delete all \
         but one"
    )]
    Ambiguous {
        /// The name.
        name: String,
        /// How many have it.
        count: usize,
    },
}

impl Found {
    /// Reads everything.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn read(account: &Account, blueprint: &Blueprint) -> Result<Self, FoundError> {
        let functions = functions::read(account, blueprint).await?;
        let names = || functions.keys().chain(blueprint.functions.keys());
        let roles = roles::read_all(account, blueprint, names()).await?;
        let shared = blueprint.shared_role();
        let is_needed = blueprint.functions.values().any(|function| function.role.name == shared);
        let shared_role = match is_needed {
            true => None,
            false => roles::read(account, blueprint, &shared).await?,
        };
        let gimel_role = match blueprint.takes_over_gimel() {
            true => roles::read(account, blueprint, GIMEL).await?,
            false => None,
        };
        let log_groups = logs::read(account, blueprint, names()).await?;
        let api = gateway::read(account, blueprint).await?;
        let keys = keys::read(account, blueprint).await?;
        Ok(Self { roles, shared_role, gimel_role, functions, log_groups, api, keys })
    }
}

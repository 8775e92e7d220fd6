//! Everything of a deployment that exists, read without changing anything.
//!
//! A thing is of the deployment if it has the name that the [`Blueprint`] gives it. Whether it is
//! also ours to delete says its tag ([`Owner`]).

mod functions;
mod gateway;
mod keys;
mod logs;
mod role;

pub use functions::{FoundFunction, FoundVersion};
pub use gateway::{FoundApi, FoundMethod, FoundResource, FoundStage};
pub use keys::{FoundKey, FoundKeys, FoundUsagePlan};
pub use logs::FoundLogGroup;
pub use role::FoundRole;

pub(crate) use functions::STATEMENT;
pub(crate) use gateway::find_api;
pub(crate) use keys::{find_keys, find_usage_plan};
pub(crate) use logs::log_group_name;

use std::collections::{BTreeMap, HashMap};

use crate::account::{Account, CallError};
use crate::blueprint::{Blueprint, GIMEL, TAG};

/// What exists.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The role of the functions.
    pub role: Option<FoundRole>,
    /// The role that Gimel made, where its API is taken over.
    pub gimel_role: Option<FoundRole>,
    /// The functions that must exist and do, and those that need not exist any more.
    pub functions: BTreeMap<String, FoundFunction>,
    /// The log groups of all these functions, by function.
    pub log_groups: BTreeMap<String, FoundLogGroup>,
    /// The API.
    pub api: Option<FoundApi>,
    /// What holds the key.
    pub keys: FoundKeys,
}

/// Whose a thing is, by its tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Owner {
    /// This deployment's.
    Ours,
    /// Nobody's that we know of: made by hand, or by Gimel.
    #[default]
    Nobody,
    /// Another deployment's.
    Another(String),
}

impl Owner {
    fn of(tag: Option<&String>, blueprint: &Blueprint) -> Self {
        match tag {
            Some(name) if name == blueprint.name.as_str() => Self::Ours,
            Some(name) => Self::Another(name.clone()),
            None => Self::Nobody,
        }
    }

    fn of_tags(tags: Option<&HashMap<String, String>>, blueprint: &Blueprint) -> Self {
        Self::of(tags.and_then(|tags| tags.get(TAG)), blueprint)
    }
}

/// Why what exists could not be read, or cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is more than one API of the name, and none is tagged as ours.
    #[error(
        "there are {count} REST APIs named {name}; name another one in aws.api_name, or rename or \
         delete all but one"
    )]
    Ambiguous {
        /// The name.
        name: String,
        /// How many.
        count: usize,
    },
}

impl Found {
    /// Reads everything.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn read(account: &Account, blueprint: &Blueprint) -> Result<Self, FoundError> {
        let role = role::read(account, blueprint, &blueprint.role.name).await?;
        let gimel_role = match blueprint.gimel_role_arn() {
            Some(_) => role::read(account, blueprint, GIMEL).await?,
            None => None,
        };
        let functions = functions::read(account, blueprint).await?;
        let names = functions.keys().chain(blueprint.functions.keys());
        let log_groups = logs::read(account, blueprint, names).await?;
        let api = gateway::read(account, blueprint).await?;
        let keys = keys::read(account, blueprint).await?;
        Ok(Self { role, gimel_role, functions, log_groups, api, keys })
    }
}

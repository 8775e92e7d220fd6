//! The functions, their versions, and who may call them.

use std::collections::BTreeMap;

use abtest_model::Secret;
use aws_sdk_lambda::types::FunctionConfiguration;
use serde_json::Value;

use super::Owner;
use crate::account::{Account, Call, CallError, Kind};
use crate::blueprint::{ALIAS, Blueprint, FunctionState};

/// The id of the policy statement that allows calls of a function.
pub(crate) const STATEMENT: &str = "abtest-api";

/// A function.
#[derive(Debug, Clone)]
pub struct FoundFunction {
    /// The unpublished state, from which the next version is made.
    pub latest: FunctionState,
    /// Its versions, by number.
    pub versions: BTreeMap<u64, FoundVersion>,
    /// The version that the API calls.
    pub live: Option<u64>,
    /// The ARN of what may call it, from our policy statement.
    pub invoker: Option<String>,
    /// How many copies may run at once, if it is limited.
    pub reserved_concurrency: Option<i32>,
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub owner: Owner,
}

/// A published version of a function.
#[derive(Debug, Clone)]
pub struct FoundVersion {
    /// Its settings and the digest of its code.
    pub state: FunctionState,
    /// The number of the deploy that published it, if it was published by `deploy`.
    pub deploy: Option<u32>,
    /// When it was published, as AWS formats it.
    pub published: String,
}

impl FoundFunction {
    /// The number of the live deploy.
    pub fn live_deploy(&self) -> Option<u32> {
        self.versions.get(&self.live?)?.deploy
    }
}

/// Reads the functions of the blueprint, and other functions that have our role or Gimel's.
pub(super) async fn read(
    account: &Account,
    blueprint: &Blueprint,
) -> Result<BTreeMap<String, FoundFunction>, CallError> {
    let mut functions = BTreeMap::new();
    let mut pages = account.functions.list_functions().into_paginator().items().send();
    while let Some(listed) = pages.next().await {
        let listed = listed.call("lambda:ListFunctions", "")?;
        let Some(name) = listed.function_name() else { continue };
        if !concerns(&listed, name, blueprint) {
            continue;
        }
        // It may have been deleted since it was listed.
        let Some(function) = read_one(account, blueprint, name).await? else { continue };
        let required = blueprint.functions.contains_key(name);
        let gimels = function.latest.handler.starts_with("gimel.");
        if required || function.owner == Owner::Ours || gimels {
            functions.insert(name.to_owned(), function);
        }
    }
    Ok(functions)
}

fn concerns(listed: &FunctionConfiguration, name: &str, blueprint: &Blueprint) -> bool {
    let role = listed.role().unwrap_or_default();
    blueprint.functions.contains_key(name) || blueprint.knows_role(name, role)
}

async fn read_one(
    account: &Account,
    blueprint: &Blueprint,
    name: &str,
) -> Result<Option<FoundFunction>, CallError> {
    let client = &account.functions;
    let answer =
        client.get_function().function_name(name).send().await.call("lambda:GetFunction", name);
    let function = match answer {
        Err(error) if error.kind == Kind::NotFound => return Ok(None),
        answer => answer?,
    };
    let Some(configuration) = function.configuration() else { return Ok(None) };
    let mut versions = BTreeMap::new();
    let mut pages =
        client.list_versions_by_function().function_name(name).into_paginator().items().send();
    while let Some(version) = pages.next().await {
        let version = version.call("lambda:ListVersionsByFunction", name)?;
        // The other entry is $LATEST.
        if let Some(number) = version.version().and_then(|version| version.parse().ok()) {
            versions.insert(number, FoundVersion::from(&version));
        }
    }
    Ok(Some(FoundFunction {
        latest: state(configuration),
        versions,
        live: live(account, name).await?,
        invoker: invoker(account, name).await?,
        reserved_concurrency: function
            .concurrency()
            .and_then(|concurrency| concurrency.reserved_concurrent_executions()),
        arn: configuration.function_arn().unwrap_or_default().to_owned(),
        owner: Owner::of_tags(function.tags(), blueprint),
    }))
}

async fn live(account: &Account, name: &str) -> Result<Option<u64>, CallError> {
    let answer = account
        .functions
        .get_alias()
        .function_name(name)
        .name(ALIAS)
        .send()
        .await
        .call("lambda:GetAlias", name);
    match answer {
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        answer => Ok(answer?.function_version().and_then(|version| version.parse().ok())),
    }
}

/// The source ARN of our statement in the policy of the alias.
async fn invoker(account: &Account, name: &str) -> Result<Option<String>, CallError> {
    let answer = account
        .functions
        .get_policy()
        .function_name(name)
        .qualifier(ALIAS)
        .send()
        .await
        .call("lambda:GetPolicy", name);
    let policy = match answer {
        Err(error) if error.kind == Kind::NotFound => return Ok(None),
        answer => answer?.policy,
    };
    let policy: Value = serde_json::from_str(&policy.unwrap_or_default()).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let ours = statements.into_iter().find(|statement| statement["Sid"] == STATEMENT);
    Ok(ours.map(|ours| {
        let source = &ours["Condition"]["ArnLike"]["AWS:SourceArn"];
        source.as_str().unwrap_or_default().to_owned()
    }))
}

impl From<&FunctionConfiguration> for FoundVersion {
    fn from(version: &FunctionConfiguration) -> Self {
        let deploy = version.description().and_then(|text| text.strip_prefix("deploy "));
        Self {
            state: state(version),
            deploy: deploy.and_then(|number| number.parse().ok()),
            published: version.last_modified().unwrap_or_default().to_owned(),
        }
    }
}

fn state(configuration: &FunctionConfiguration) -> FunctionState {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let variables = configuration.environment().and_then(|environment| environment.variables());
    FunctionState {
        runtime: text(configuration.runtime().map(|runtime| runtime.as_str())),
        architecture: text(configuration.architectures().first().map(|one| one.as_str())),
        handler: text(configuration.handler()),
        memory: configuration.memory_size().unwrap_or_default(),
        timeout: configuration.timeout().unwrap_or_default(),
        role: text(configuration.role()),
        environment: variables
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), Secret::new(value.as_str())))
            .collect(),
        code: configuration.code_sha256().map(str::to_owned),
    }
}

//! The REST API: its paths and methods, and its stage.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigateway::types::{Method, Resource, RestApi};

use super::{FoundError, Owner};
use crate::account::{Account, Call, CallError};
use crate::blueprint::{Blueprint, STAGE};

/// The API.
#[derive(Debug, Clone)]
pub struct FoundApi {
    /// Its id, which is part of its address.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
    /// Its paths.
    pub resources: BTreeMap<String, FoundResource>,
    /// The gateway's own answers that were changed, with the headers that they got.
    pub responses: BTreeMap<String, BTreeMap<String, String>>,
    /// The stage, if it exists.
    pub stage: Option<FoundStage>,
    /// The ids of deployments that no stage serves.
    pub unused_deployments: Vec<String>,
}

/// A path.
#[derive(Debug, Clone)]
pub struct FoundResource {
    /// Its id.
    pub id: String,
    /// Its methods, by name.
    pub methods: BTreeMap<String, FoundMethod>,
}

/// A method of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundMethod {
    /// Whether the gateway requires the API key.
    pub key_required: bool,
    /// The declared parameters, and whether each is required.
    pub parameters: BTreeMap<String, bool>,
    /// The integration's type and URI (`AWS_PROXY` and a function's URI), if there is one.
    pub integration: Option<(String, String)>,
}

/// The stage.
#[derive(Debug, Clone)]
pub struct FoundStage {
    /// The id of the deployment that it serves.
    pub deployment: String,
    /// The description of the deployment that it serves.
    pub fingerprint: String,
    /// The limits in requests per second and in one burst, by path and method.
    pub throttles: BTreeMap<(String, String), (u32, u32)>,
    /// Whose it is.
    pub owner: Owner,
}

pub(super) async fn read(
    account: &Account,
    blueprint: &Blueprint,
) -> Result<Option<FoundApi>, FoundError> {
    let Some(api) = find_api(account, blueprint).await? else { return Ok(None) };
    let without_id = || CallError::without_id("apigateway:GET /restapis", &blueprint.api.name);
    let id = api.id().ok_or_else(without_id)?.to_owned();
    let (stage, unused_deployments) = stages(account, blueprint, &id).await?;
    let by_tag = Owner::of_tags(api.tags(), blueprint);
    // An API that was taken over keeps its own tags. Only its stage has ours.
    let owner = match (&by_tag, &stage) {
        (Owner::Untagged, Some(stage)) => stage.owner.clone(),
        _ => by_tag,
    };
    Ok(Some(FoundApi {
        owner,
        resources: resources(account, &id).await?,
        responses: responses(account, &id).await?,
        stage,
        unused_deployments,
        id,
    }))
}

/// The API with the blueprint's name. If several have it, the one that is tagged as ours.
pub(crate) async fn find_api(
    account: &Account,
    blueprint: &Blueprint,
) -> Result<Option<RestApi>, FoundError> {
    let name = &blueprint.api.name;
    let mut named = Vec::new();
    let mut pages = account.gateway.get_rest_apis().into_paginator().items().send();
    while let Some(api) = pages.next().await {
        let api = api.call("apigateway:GET /restapis", "")?;
        if api.name() == Some(name) {
            named.push(api);
        }
    }
    let ours = |api: &RestApi| Owner::of_tags(api.tags(), blueprint) == Owner::Ours;
    if let Some(position) = named.iter().position(ours) {
        return Ok(Some(named.swap_remove(position)));
    }
    match named.len() {
        0 | 1 => Ok(named.pop()),
        count => Err(FoundError::Ambiguous { name: name.clone(), count }),
    }
}

async fn resources(
    account: &Account,
    api: &str,
) -> Result<BTreeMap<String, FoundResource>, CallError> {
    let mut resources = BTreeMap::new();
    let mut pages = account
        .gateway
        .get_resources()
        .rest_api_id(api)
        .embed("methods")
        .into_paginator()
        .items()
        .send();
    while let Some(resource) = pages.next().await {
        let resource = resource.call("apigateway:GET /restapis/*/resources", api)?;
        let path = resource.path().unwrap_or_default().to_owned();
        resources.insert(path, FoundResource::from(&resource));
    }
    Ok(resources)
}

impl From<&Resource> for FoundResource {
    fn from(resource: &Resource) -> Self {
        let methods = resource.resource_methods().into_iter().flatten();
        Self {
            id: resource.id().unwrap_or_default().to_owned(),
            methods: methods.map(|(name, method)| (name.clone(), method.into())).collect(),
        }
    }
}

impl From<&Method> for FoundMethod {
    fn from(method: &Method) -> Self {
        let parameters = method.request_parameters().into_iter().flatten();
        let integration = method.method_integration().map(|integration| {
            let kind = integration.r#type().map_or("", |kind| kind.as_str());
            (kind.to_owned(), integration.uri().unwrap_or_default().to_owned())
        });
        Self {
            key_required: method.api_key_required().unwrap_or_default(),
            parameters: parameters.map(|(name, required)| (name.clone(), *required)).collect(),
            integration,
        }
    }
}

async fn responses(
    account: &Account,
    api: &str,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, CallError> {
    let listed = account
        .gateway
        .get_gateway_responses()
        .rest_api_id(api)
        .send()
        .await
        .call("apigateway:GET /restapis/*/gatewayresponses", api)?;
    let changed = listed.items().iter().filter(|response| !response.default_response());
    let described = changed.map(|response| {
        let kind = response.response_type().map_or("", |kind| kind.as_str()).to_owned();
        let headers = response.response_parameters().into_iter().flatten();
        (kind, headers.map(|(name, value)| (name.clone(), value.clone())).collect())
    });
    Ok(described.collect())
}

/// Our stage, and the deployments that neither it nor another stage serves.
async fn stages(
    account: &Account,
    blueprint: &Blueprint,
    api: &str,
) -> Result<(Option<FoundStage>, Vec<String>), CallError> {
    let listed = account
        .gateway
        .get_stages()
        .rest_api_id(api)
        .send()
        .await
        .call("apigateway:GET /restapis/*/stages", api)?;
    let served: BTreeSet<&str> =
        listed.item().iter().filter_map(|stage| stage.deployment_id()).collect();
    let ours = listed.item().iter().find(|stage| stage.stage_name() == Some(STAGE));
    let mut unused = Vec::new();
    let mut fingerprint = String::new();
    let mut pages =
        account.gateway.get_deployments().rest_api_id(api).into_paginator().items().send();
    while let Some(deployment) = pages.next().await {
        let deployment = deployment.call("apigateway:GET /restapis/*/deployments", api)?;
        let id = deployment.id().unwrap_or_default();
        if !served.contains(id) {
            unused.push(id.to_owned());
        } else if ours.is_some_and(|stage| stage.deployment_id() == Some(id)) {
            fingerprint = deployment.description().unwrap_or_default().to_owned();
        }
    }
    let stage = ours.map(|stage| {
        let settings = stage.method_settings().into_iter().flatten();
        let throttles = settings.filter_map(|(at, setting)| {
            // Limits for all methods (`*/*`) were set by the account's owner.
            let (path, method) = at.rsplit_once('/').filter(|(path, _)| *path != "*")?;
            // AWS writes a slash in a path as ~1, and sometimes omits the first one.
            let path = format!("/{}", path.replace("~1", "/").trim_start_matches('/'));
            let limits = (limit(setting.throttling_rate_limit()), setting.throttling_burst_limit());
            Some(((path, method.to_owned()), (limits.0, limits.1.try_into().unwrap_or(0))))
        });
        FoundStage {
            deployment: stage.deployment_id().unwrap_or_default().to_owned(),
            fingerprint,
            throttles: throttles.collect(),
            owner: Owner::of_tags(stage.tags(), blueprint),
        }
    });
    Ok((stage, unused))
}

/// A rate as a whole number, which is what `deploy` sets.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn limit(rate: f64) -> u32 {
    rate.clamp(0.0, f64::from(u32::MAX)) as u32
}

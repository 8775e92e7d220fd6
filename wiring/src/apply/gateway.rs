//! Steps of the API.

use abtest_config::endpoints::{Endpoint, ResourcePath};
use abtest_model::Method;
use aws_sdk_apigateway::config::Config;
use aws_sdk_apigateway::config::retry::RetryConfig;
use aws_sdk_apigateway::types::{
    EndpointConfiguration, EndpointType, GatewayResponseType, IntegrationType, Op, PatchOperation,
};

use super::{Applier, ApplyError, Done};
use crate::account::{Call, CallError, Kind, create_once};
use crate::blueprint::STAGE;
use crate::found::find_api;
use crate::plan::{gateway_headers, throttles};

impl Applier<'_> {
    pub(super) async fn create_api(&mut self) -> Result<(), ApplyError> {
        let name = &self.blueprint.api.name;
        let create = async || {
            let regional = EndpointConfiguration::builder().types(EndpointType::Regional).build();
            let created = self
                .account
                .gateway
                .create_rest_api()
                .name(name)
                .description(format!("abtest ({})", self.blueprint.name))
                .endpoint_configuration(regional)
                .set_tags(Some(self.blueprint.tags().into()))
                .customize()
                .config_override(without_retries())
                .send()
                .await
                .call("apigateway:POST /restapis", name)?;
            created.id.ok_or_else(|| CallError::without_id("apigateway:POST /restapis", name))
        };
        let find = async || match find_api(self.account, self.blueprint).await {
            Ok(api) => Ok(api.and_then(|api| api.id)),
            Err(crate::found::FoundError::Call(error)) => Err(error),
            // The API did not exist when the plan was made.
            Err(crate::found::FoundError::Ambiguous { .. }) => Ok(None),
        };
        let id = create_once(create, find).await?;
        self.find_resources(&id).await?;
        self.api = Some(id);
        Ok(())
    }

    /// Reads the paths of a new API: its root.
    async fn find_resources(&mut self, api: &str) -> Result<(), ApplyError> {
        let call = self.account.gateway.get_resources().rest_api_id(api).limit(500);
        let listed = call.send().await.call("apigateway:GET /restapis/*/resources", api)?;
        for resource in listed.items.unwrap_or_default() {
            let (Some(path), Some(id)) = (resource.path, resource.id) else { continue };
            self.resources.insert(path, id);
        }
        Ok(())
    }

    pub(super) async fn create_resource(&mut self, path: &ResourcePath) -> Result<(), ApplyError> {
        let (parent, part) = path.split();
        let parent = self.resource(parent)?.to_owned();
        let (api, account) = (self.api()?.to_owned(), self.account);
        let create = async || {
            let created = account
                .gateway
                .create_resource()
                .rest_api_id(&api)
                .parent_id(&parent)
                .path_part(part)
                .customize()
                .config_override(without_retries())
                .send()
                .await
                .call("apigateway:POST /restapis/*/resources", path.as_str())?;
            created.id.ok_or_else(|| {
                CallError::without_id("apigateway:POST /restapis/*/resources", path.as_str())
            })
        };
        let find = async || {
            let call = account.gateway.get_resources().rest_api_id(&api).limit(500);
            let listed = call.send().await.call("apigateway:GET /restapis/*/resources", &api)?;
            let found =
                listed.items.into_iter().flatten().find(|one| one.path() == Some(path.as_str()));
            Ok(found.and_then(|found| found.id))
        };
        let id = create_once(create, find).await?;
        self.resources.insert(path.as_str().to_owned(), id);
        Ok(())
    }

    pub(super) async fn delete_resource(&self, path: &str) -> Result<(), ApplyError> {
        let call = self.account.gateway.delete_resource().rest_api_id(self.api()?);
        let call = call.resource_id(self.resource(path)?).send().await;
        call.call("apigateway:DELETE /restapis/*/resources/*", path).done_if(Kind::NotFound)
    }

    pub(super) async fn put_method(
        &self,
        path: &ResourcePath,
        method: Method,
        replaces: bool,
    ) -> Result<(), ApplyError> {
        let endpoint = self.endpoint(path, method)?;
        let method = method.to_string();
        if replaces {
            self.delete_method(path.as_str(), &method).await?;
        }
        let parameters = endpoint.parameters.iter();
        let parameters = parameters.map(|(name, required)| (name.clone(), *required)).collect();
        self.account
            .gateway
            .put_method()
            .rest_api_id(self.api()?)
            .resource_id(self.resource(path.as_str())?)
            .http_method(&method)
            .authorization_type("NONE")
            .api_key_required(endpoint.key_required)
            .set_request_parameters(Some(parameters))
            .send()
            .await
            .call("apigateway:PUT /restapis/*/resources/*/methods/*", path.as_str())
            .done_if(Kind::Conflict)
    }

    pub(super) async fn put_integration(
        &self,
        path: &ResourcePath,
        method: Method,
    ) -> Result<(), ApplyError> {
        let endpoint = self.endpoint(path, method)?;
        self.integrate(path, &method.to_string(), endpoint).await
    }

    pub(super) async fn put_options(
        &self,
        path: &ResourcePath,
        replaces: bool,
    ) -> Result<(), ApplyError> {
        let endpoints = self.blueprint.api.endpoints.endpoints.iter();
        let mut endpoints = endpoints.filter(|((at, _), _)| at == path);
        let missing = || ApplyError::Missing(path.as_str().to_owned());
        let (_, endpoint) = endpoints.next().ok_or_else(missing)?;
        if replaces {
            self.delete_method(path.as_str(), "OPTIONS").await?;
        }
        self.account
            .gateway
            .put_method()
            .rest_api_id(self.api()?)
            .resource_id(self.resource(path.as_str())?)
            .http_method("OPTIONS")
            .authorization_type("NONE")
            .api_key_required(false)
            .send()
            .await
            .call("apigateway:PUT /restapis/*/resources/*/methods/*", path.as_str())
            .done_if(Kind::Conflict)?;
        self.integrate(path, "OPTIONS", endpoint).await
    }

    async fn integrate(
        &self,
        path: &ResourcePath,
        method: &str,
        endpoint: &Endpoint,
    ) -> Result<(), ApplyError> {
        self.account
            .gateway
            .put_integration()
            .rest_api_id(self.api()?)
            .resource_id(self.resource(path.as_str())?)
            .http_method(method)
            .r#type(IntegrationType::AwsProxy)
            .integration_http_method("POST")
            .uri(self.blueprint.integration_uri(&endpoint.function))
            .send()
            .await
            .call("apigateway:PUT /restapis/*/resources/*/methods/*/integration", path.as_str())?;
        Ok(())
    }

    pub(super) async fn delete_method(&self, path: &str, method: &str) -> Result<(), ApplyError> {
        let call = self.account.gateway.delete_method().rest_api_id(self.api()?);
        let call = call.resource_id(self.resource(path)?).http_method(method).send().await;
        call.call("apigateway:DELETE /restapis/*/resources/*/methods/*", path)
            .done_if(Kind::NotFound)
    }

    pub(super) async fn put_gateway_response(&self, kind: &str) -> Result<(), ApplyError> {
        let call = self.account.gateway.put_gateway_response().rest_api_id(self.api()?);
        call.response_type(GatewayResponseType::from(kind))
            .set_response_parameters(Some(gateway_headers().into_iter().collect()))
            .send()
            .await
            .call("apigateway:PUT /restapis/*/gatewayresponses/*", kind)?;
        Ok(())
    }

    /// Makes a snapshot of the endpoints, which a stage can serve. Returns its id.
    async fn deploy(&self) -> Result<String, ApplyError> {
        let call = self.account.gateway.create_deployment().rest_api_id(self.api()?);
        let deployment = call
            .description(self.blueprint.api_fingerprint())
            .send()
            .await
            .call("apigateway:POST /restapis/*/deployments", STAGE)?;
        let without_id = || CallError::without_id("apigateway:POST /restapis/*/deployments", STAGE);
        Ok(deployment.id.ok_or_else(without_id)?)
    }

    pub(super) async fn create_stage(&self) -> Result<(), ApplyError> {
        let deployment = self.deploy().await?;
        let call = self.account.gateway.create_stage().rest_api_id(self.api()?);
        call.stage_name(STAGE)
            .deployment_id(deployment)
            .set_tags(Some(self.blueprint.tags().into()))
            .send()
            .await
            .call("apigateway:POST /restapis/*/stages", STAGE)
            .done_if(Kind::Conflict)
    }

    pub(super) async fn serve_new_deployment(&self) -> Result<(), ApplyError> {
        let deployment = self.deploy().await?;
        self.patch_stage(vec![replace("/deploymentId".into(), deployment)]).await
    }

    pub(super) async fn tag_stage(&self) -> Result<(), ApplyError> {
        let arn = self.blueprint.stage_arn(self.api()?);
        let tags = self.blueprint.tags().into();
        let call = self.account.gateway.tag_resource().resource_arn(arn).set_tags(Some(tags));
        call.send().await.call("apigateway:PUT /tags/*", STAGE)?;
        Ok(())
    }

    /// Limits the public endpoints, and removes the limits of the endpoints in `remove`.
    pub(super) async fn set_throttle(&self, remove: &[(String, String)]) -> Result<(), ApplyError> {
        let at = |path: &str, method: &str| format!("/{}/{method}", path.replace('/', "~1"));
        let mut patches: Vec<PatchOperation> = Vec::new();
        for ((path, method), (rate, burst)) in throttles(self.blueprint) {
            let at = at(&path, &method);
            patches.push(replace(format!("{at}/throttling/rateLimit"), rate.to_string()));
            patches.push(replace(format!("{at}/throttling/burstLimit"), burst.to_string()));
        }
        for (path, method) in remove {
            let remove = PatchOperation::builder().op(Op::Remove).path(at(path, method));
            patches.push(remove.build());
        }
        self.patch_stage(patches).await
    }

    async fn patch_stage(&self, patches: Vec<PatchOperation>) -> Result<(), ApplyError> {
        let call = self.account.gateway.update_stage().rest_api_id(self.api()?).stage_name(STAGE);
        call.set_patch_operations(Some(patches))
            .send()
            .await
            .call("apigateway:PATCH /restapis/*/stages/*", STAGE)?;
        Ok(())
    }

    pub(super) async fn delete_deployment(&self, deployment: &str) -> Result<(), ApplyError> {
        let call = self.account.gateway.delete_deployment().rest_api_id(self.api()?);
        let call = call.deployment_id(deployment).send().await;
        call.call("apigateway:DELETE /restapis/*/deployments/*", deployment).done_if(Kind::NotFound)
    }

    pub(super) async fn delete_api(&self, api: &str) -> Result<(), ApplyError> {
        let call = self.account.gateway.delete_rest_api().rest_api_id(api).send().await;
        call.call("apigateway:DELETE /restapis/*", api).done_if(Kind::NotFound)
    }

    fn resource(&self, path: &str) -> Result<&str, ApplyError> {
        let missing = || ApplyError::Missing(format!("the path {path}"));
        self.resources.get(path).map(String::as_str).ok_or_else(missing)
    }

    fn endpoint(&self, path: &ResourcePath, method: Method) -> Result<&Endpoint, ApplyError> {
        let missing = || ApplyError::Missing(format!("{method} {}", path.as_str()));
        let endpoints = &self.blueprint.api.endpoints.endpoints;
        endpoints.get(&(path.clone(), method)).ok_or_else(missing)
    }
}

fn replace(path: String, value: String) -> PatchOperation {
    PatchOperation::builder().op(Op::Replace).path(path).value(value).build()
}

/// For resources that must not be created twice: [`create_once`] repeats the call itself.
pub(super) fn without_retries() -> aws_sdk_apigateway::config::Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

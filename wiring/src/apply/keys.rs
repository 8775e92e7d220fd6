//! Steps of the API key and its usage plan.

use abtest_model::{ApiKey, Role};
use aws_sdk_apigateway::types::{ApiStage, Op, PatchOperation};

use super::gateway::without_retries;
use super::{Applier, ApplyError, Done};
use crate::account::{Account, Call, CallError, Kind, create_once};
use crate::blueprint::{Blueprint, STAGE};
use crate::found::{find_keys, find_usage_plan, key_name};

impl Applier<'_> {
    pub(super) async fn create_usage_plan(&mut self) -> Result<(), ApplyError> {
        let name = &self.blueprint.api.name;
        let stage = ApiStage::builder().api_id(self.api()?).stage(STAGE).build();
        let create = async || {
            let created = self
                .account
                .gateway
                .create_usage_plan()
                .name(name)
                .description(format!("abtest ({})", self.blueprint.name))
                .api_stages(stage.clone())
                .set_tags(Some(self.blueprint.tags().into()))
                .customize()
                .config_override(without_retries())
                .send()
                .await
                .call("apigateway:POST /usageplans", name)?;
            created.id.ok_or_else(|| CallError::without_id("apigateway:POST /usageplans", name))
        };
        let find = async || {
            let found = find_usage_plan(self.account, self.blueprint).await?;
            Ok(found.and_then(|plan| plan.id))
        };
        self.usage_plan = Some(create_once(create, find).await?);
        Ok(())
    }

    pub(super) async fn add_stage_to_usage_plan(&self) -> Result<(), ApplyError> {
        let (plan, api) = (self.usage_plan()?, self.api()?);
        self.patch_usage_plan(plan, Op::Add, api).await.done_if(Kind::Conflict)
    }

    pub(super) async fn remove_stage_from_usage_plan(&self, api: &str) -> Result<(), ApplyError> {
        // When repeated, AWS refuses it because the stage is no longer in the plan.
        match self.patch_usage_plan(self.usage_plan()?, Op::Remove, api).await {
            Err(error) if !matches!(error.kind, Kind::NotFound | Kind::Refused) => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    async fn patch_usage_plan(&self, plan: &str, op: Op, api: &str) -> Result<(), CallError> {
        let patch = PatchOperation::builder().op(op).path("/apiStages");
        let call = self.account.gateway.update_usage_plan().usage_plan_id(plan);
        call.patch_operations(patch.value(format!("{api}:{STAGE}")).build())
            .send()
            .await
            .call("apigateway:PATCH /usageplans/*", plan)?;
        Ok(())
    }

    pub(super) async fn create_key(&self) -> Result<(), ApplyError> {
        let key = create_key(self.account, self.blueprint, Role::Edit, &[]).await?;
        self.add_key_to_usage_plan(&key).await
    }

    pub(super) async fn add_key_to_usage_plan(&self, key: &str) -> Result<(), ApplyError> {
        Ok(add_key(self.account, self.usage_plan()?, key).await?)
    }

    pub(super) async fn delete_key(&self, key: &str) -> Result<(), ApplyError> {
        let call = self.account.gateway.delete_api_key().api_key(key).send().await;
        call.call("apigateway:DELETE /apikeys/*", key).done_if(Kind::NotFound)
    }

    pub(super) async fn delete_usage_plan(&self) -> Result<(), ApplyError> {
        let plan = self.usage_plan()?;
        let call = self.account.gateway.delete_usage_plan().usage_plan_id(plan).send().await;
        call.call("apigateway:DELETE /usageplans/*", plan).done_if(Kind::NotFound)
    }
}

/// Creates a key in addition to the `known` ones, and returns its id. AWS chooses the value of a key
/// that may edit. The value of a read key begins with its role, which the functions rely on.
pub(crate) async fn create_key(
    account: &Account,
    blueprint: &Blueprint,
    role: Role,
    known: &[String],
) -> Result<String, CallError> {
    let name = &key_name(blueprint, role);
    let random = || format!("{}{}", ApiKey::READ_PREFIX, uuid::Uuid::new_v4().simple());
    let value = (role == Role::Read).then(random);
    let create = async || {
        let created = account
            .gateway
            .create_api_key()
            .name(name)
            .description(format!("abtest ({})", blueprint.name))
            .enabled(true)
            .set_value(value.clone())
            .set_tags(Some(blueprint.tags().into()))
            .customize()
            .config_override(without_retries())
            .send()
            .await
            .call("apigateway:POST /apikeys", name)?;
        created.id.ok_or_else(|| CallError::without_id("apigateway:POST /apikeys", name))
    };
    let find = async || {
        let keys = find_keys(account, blueprint, role).await?;
        let ids = keys.into_iter().filter_map(|key| key.id);
        Ok(ids.into_iter().find(|id| !known.contains(id)))
    };
    create_once(create, find).await
}

/// Adds a key to a usage plan, unless it is in it already.
pub(crate) async fn add_key(account: &Account, plan: &str, key: &str) -> Result<(), CallError> {
    let call = account.gateway.create_usage_plan_key().usage_plan_id(plan).key_id(key);
    match call.key_type("API_KEY").send().await.call("apigateway:POST /usageplans/*/keys", plan) {
        Err(error) if error.kind != Kind::Conflict => Err(error),
        _ => Ok(()),
    }
}

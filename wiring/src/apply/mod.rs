//! Taking the steps of a plan, one after the other.
//!
//! A step may be taken twice: where a call says that what is to be made is there already, or what
//! is to go is gone, an attempt of which no answer came back had worked. What would exist twice
//! if it were made twice is looked for before it is made again.

mod functions;
mod gateway;
mod keys;
mod logs;
mod role;

pub(crate) use keys::{add_key, create_key};

use std::collections::BTreeMap;

use crate::account::{Account, CallError, Kind};
use crate::blueprint::Blueprint;
use crate::found::{Found, FoundError};
use crate::plan::{Change, Plan, Step};

/// Why applying a plan stopped. What was done stays; the next plan goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What exists changed in between.
    #[error(transparent)]
    Found(#[from] FoundError),
    /// AWS did not finish in time.
    #[error("{0}; run this again in a minute")]
    TooSlow(String),
    /// A step needs what another should have made.
    #[error("{0} is missing, though it was there a moment ago; run this again")]
    Missing(String),
}

/// What AWS calls the things that were found and made.
struct Made<'a> {
    account: &'a Account,
    blueprint: &'a Blueprint,
    api: Option<String>,
    resources: BTreeMap<String, String>,
    published: BTreeMap<String, u64>,
    usage_plan: Option<String>,
}

/// Applies a plan; `progress` hears of each step before it is taken.
///
/// # Errors
/// At the first step that fails.
pub async fn apply(
    account: &Account,
    blueprint: &Blueprint,
    found: &Found,
    plan: &Plan,
    mut progress: impl FnMut(&Change, &Step),
) -> Result<(), ApplyError> {
    let resources = found.api.iter().flat_map(|api| &api.resources);
    let mut made = Made {
        account,
        blueprint,
        api: found.api.as_ref().map(|api| api.id.clone()),
        resources: resources.map(|(path, found)| (path.clone(), found.id.clone())).collect(),
        published: BTreeMap::new(),
        usage_plan: found.keys.usage_plan.as_ref().map(|plan| plan.id.clone()),
    };
    for change in &plan.changes {
        for step in &change.steps {
            progress(change, step);
            made.take(step).await?;
        }
    }
    Ok(())
}

impl Made<'_> {
    async fn take(&mut self, step: &Step) -> Result<(), ApplyError> {
        match step {
            Step::CreateRole => self.create_role().await,
            Step::TagRole => self.tag_role().await,
            Step::TrustRole => self.trust_role().await,
            Step::PutRolePolicy => self.put_role_policy().await,
            Step::RemoveRolePolicy { role, policy } => self.remove_role_policy(role, policy).await,
            Step::DetachRolePolicy { role, arn } => self.detach_role_policy(role, arn).await,
            Step::DeleteRole { role } => self.delete_role(role).await,

            Step::CreateLogGroup { function } => self.create_log_group(function).await,
            Step::TagLogGroup { function } => self.tag_log_group(function).await,
            Step::SetLogRetention { function } => self.set_log_retention(function).await,
            Step::DeleteLogGroup { function } => self.delete_log_group(function).await,

            Step::CreateFunction { function } => self.create_function(function).await,
            Step::UpdateConfiguration { function } => self.update_configuration(function).await,
            Step::UpdateCode { function } => self.update_code(function).await,
            Step::TagFunction { function } => self.tag_function(function).await,
            Step::SetConcurrency { function } => self.set_concurrency(function).await,
            Step::Publish { function, deploy } => self.publish(function, *deploy).await,
            Step::PointAlias { function, version, exists } => {
                self.point_alias(function, *version, *exists).await
            }
            Step::AllowInvoke { function, replaces } => {
                self.allow_invoke(function, *replaces).await
            }
            Step::DeleteVersion { function, version } => {
                self.delete_function(function, Some(*version)).await
            }
            Step::DeleteFunction { function } => self.delete_function(function, None).await,

            Step::CreateApi => self.create_api().await,
            Step::CreateResource { path } => self.create_resource(path).await,
            Step::DeleteResource { path } => self.delete_resource(path).await,
            Step::PutMethod { path, method, replaces } => {
                self.put_method(path, *method, *replaces).await
            }
            Step::PutIntegration { path, method } => self.put_integration(path, *method).await,
            Step::PutOptions { path, replaces } => self.put_options(path, *replaces).await,
            Step::DeleteMethod { path, method } => self.delete_method(path, method).await,
            Step::PutGatewayResponse { kind } => self.put_gateway_response(kind).await,
            Step::CreateStage => self.create_stage().await,
            Step::ServeNewDeployment => self.serve_new_deployment().await,
            Step::TagStage => self.tag_stage().await,
            Step::SetThrottle { remove } => self.set_throttle(remove).await,
            Step::DeleteDeployment { deployment } => self.delete_deployment(deployment).await,
            Step::DeleteApi { api } => self.delete_api(api).await,

            Step::CreateUsagePlan => self.create_usage_plan().await,
            Step::AddStageToUsagePlan => self.add_stage_to_usage_plan().await,
            Step::RemoveStageFromUsagePlan { api } => self.remove_stage_from_usage_plan(api).await,
            Step::CreateKey => self.create_key().await,
            Step::AddKeyToUsagePlan { key } => self.add_key_to_usage_plan(key).await,
            Step::DeleteKey { key } => self.delete_key(key).await,
            Step::DeleteUsagePlan => self.delete_usage_plan().await,
        }
    }

    fn api(&self) -> Result<&str, ApplyError> {
        self.api.as_deref().ok_or_else(|| ApplyError::Missing("the API".into()))
    }

    fn usage_plan(&self) -> Result<&str, ApplyError> {
        self.usage_plan.as_deref().ok_or_else(|| ApplyError::Missing("the usage plan".into()))
    }
}

/// Counts failures as success that say it is done already.
trait Done {
    /// Nothing to report where the failure is of this kind.
    fn done_if(self, kind: Kind) -> Result<(), ApplyError>;
}

impl<T> Done for Result<T, CallError> {
    fn done_if(self, kind: Kind) -> Result<(), ApplyError> {
        match self {
            Err(error) if error.kind != kind => Err(error.into()),
            _ => Ok(()),
        }
    }
}

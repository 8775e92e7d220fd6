//! Takes the steps of a plan, one after the other.
//!
//! Every step can be taken twice. If AWS answers that a resource exists already, or is gone
//! already, an earlier attempt worked and only its answer was lost. Some creations would make a
//! second resource when repeated: for these, the first one is searched for before another attempt.

mod functions;
mod gateway;
mod keys;
mod logs;
mod roles;

pub(crate) use keys::{add_key, create_key};

use std::collections::BTreeMap;

use crate::account::{Account, CallError, Kind};
use crate::blueprint::Blueprint;
use crate::found::{Found, FoundError};
use crate::plan::{Change, Plan, Step};

/// Why applying a plan stopped. Steps that were taken stay; the next plan continues from there.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The existing resources could not be read again.
    #[error(transparent)]
    Found(#[from] FoundError),
    /// AWS did not finish a change in time.
    #[error("{0}; run this again in a minute")]
    TooSlow(String),
    /// A resource disappeared while the plan was applied.
    #[error("{0} disappeared while the plan was applied; run this again")]
    Missing(String),
}

/// Applies steps. It keeps the ids that AWS gave to the resources that exist or were created.
struct Applier<'a> {
    account: &'a Account,
    blueprint: &'a Blueprint,
    api: Option<String>,
    resources: BTreeMap<String, String>,
    published: BTreeMap<String, u64>,
    usage_plan: Option<String>,
}

/// Applies a plan. Calls `progress` before each step.
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
    let mut applier = Applier {
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
            applier.take(step).await?;
        }
    }
    Ok(())
}

impl Applier<'_> {
    async fn take(&mut self, step: &Step) -> Result<(), ApplyError> {
        match step {
            Step::CreateRole { function } => self.create_role(function).await,
            Step::TagRole { function } => self.tag_role(function).await,
            Step::TrustRole { function } => self.trust_role(function).await,
            Step::PutRolePolicy { function } => self.put_role_policy(function).await,
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

/// Treats a failure that means "already done" as success.
trait Done {
    /// Ignores a failure of this kind.
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

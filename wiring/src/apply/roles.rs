//! Steps of the roles.

use aws_sdk_iam::types::Tag;

use super::{Applier, ApplyError, Done};
use crate::account::{Call, CallError, Kind};
use crate::blueprint::RoleBlueprint;
use crate::plan::policy_name;

impl Applier<'_> {
    pub(super) async fn create_role(&self, function: &str) -> Result<(), ApplyError> {
        let role = self.role(function)?;
        self.account
            .roles
            .create_role()
            .role_name(&role.name)
            .assume_role_policy_document(role.trust.to_string())
            .description(format!("abtest ({}): the function {function}", self.blueprint.name))
            .set_tags(Some(self.role_tags(role)?))
            .send()
            .await
            .call("iam:CreateRole", &role.name)
            .done_if(Kind::Conflict)
    }

    pub(super) async fn tag_role(&self, function: &str) -> Result<(), ApplyError> {
        let role = self.role(function)?;
        let call = self.account.roles.tag_role().role_name(&role.name);
        let call = call.set_tags(Some(self.role_tags(role)?)).send().await;
        call.call("iam:TagRole", &role.name)?;
        Ok(())
    }

    pub(super) async fn trust_role(&self, function: &str) -> Result<(), ApplyError> {
        let role = self.role(function)?;
        self.account
            .roles
            .update_assume_role_policy()
            .role_name(&role.name)
            .policy_document(role.trust.to_string())
            .send()
            .await
            .call("iam:UpdateAssumeRolePolicy", &role.name)?;
        Ok(())
    }

    pub(super) async fn put_role_policy(&self, function: &str) -> Result<(), ApplyError> {
        let role = self.role(function)?;
        self.account
            .roles
            .put_role_policy()
            .role_name(&role.name)
            .policy_name(policy_name(self.blueprint))
            .policy_document(role.policy.to_string())
            .send()
            .await
            .call("iam:PutRolePolicy", &role.name)?;
        Ok(())
    }

    pub(super) async fn remove_role_policy(
        &self,
        role: &str,
        policy: &str,
    ) -> Result<(), ApplyError> {
        let call = self.account.roles.delete_role_policy().role_name(role).policy_name(policy);
        call.send().await.call("iam:DeleteRolePolicy", role).done_if(Kind::NotFound)
    }

    pub(super) async fn detach_role_policy(&self, role: &str, arn: &str) -> Result<(), ApplyError> {
        let call = self.account.roles.detach_role_policy().role_name(role).policy_arn(arn);
        call.send().await.call("iam:DetachRolePolicy", role).done_if(Kind::NotFound)
    }

    pub(super) async fn delete_role(&self, role: &str) -> Result<(), ApplyError> {
        let call = self.account.roles.delete_role().role_name(role);
        call.send().await.call("iam:DeleteRole", role).done_if(Kind::NotFound)
    }

    fn role(&self, function: &str) -> Result<&RoleBlueprint, ApplyError> {
        Ok(&self.function(function)?.role)
    }

    fn role_tags(&self, role: &RoleBlueprint) -> Result<Vec<Tag>, ApplyError> {
        let tags = self.blueprint.tags().into_iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        tags.collect::<Result<_, _>>().map_err(|error| {
            ApplyError::Call(CallError {
                operation: "iam:TagRole",
                about: role.name.clone(),
                kind: Kind::Refused,
                message: error.to_string(),
            })
        })
    }
}

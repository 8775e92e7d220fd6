//! Steps of the role.

use aws_sdk_iam::types::Tag;

use super::{ApplyError, Done, Made};
use crate::account::{Call, CallError, Kind};
use crate::plan::policy_name;

impl Made<'_> {
    pub(super) async fn create_role(&self) -> Result<(), ApplyError> {
        let role = &self.blueprint.role;
        self.account
            .roles
            .create_role()
            .role_name(&role.name)
            .assume_role_policy_document(role.trust.to_string())
            .description(format!("The functions of abtest ({})", self.blueprint.name))
            .set_tags(Some(self.role_tags()?))
            .send()
            .await
            .call("iam:CreateRole", &role.name)
            .done_if(Kind::Conflict)
    }

    pub(super) async fn tag_role(&self) -> Result<(), ApplyError> {
        let name = &self.blueprint.role.name;
        let call = self.account.roles.tag_role().role_name(name).set_tags(Some(self.role_tags()?));
        call.send().await.call("iam:TagRole", name)?;
        Ok(())
    }

    pub(super) async fn trust_role(&self) -> Result<(), ApplyError> {
        let role = &self.blueprint.role;
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

    pub(super) async fn put_role_policy(&self) -> Result<(), ApplyError> {
        let role = &self.blueprint.role;
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

    fn role_tags(&self) -> Result<Vec<Tag>, ApplyError> {
        let tags = self.blueprint.tags().into_iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        tags.collect::<Result<_, _>>().map_err(|error| {
            ApplyError::Call(CallError {
                operation: "iam:TagRole",
                about: self.blueprint.role.name.clone(),
                kind: Kind::Refused,
                message: error.to_string(),
            })
        })
    }
}

//! Steps of the log groups.

use super::{Applier, ApplyError, Done};
use crate::account::{Call, Kind};
use crate::found::log_group_name;

impl Applier<'_> {
    pub(super) async fn create_log_group(&self, function: &str) -> Result<(), ApplyError> {
        let name = log_group_name(function);
        let tags = self.blueprint.tags().into();
        let call = self.account.logs.create_log_group().log_group_name(&name).set_tags(Some(tags));
        call.send().await.call("logs:CreateLogGroup", &name).done_if(Kind::Conflict)
    }

    pub(super) async fn tag_log_group(&self, function: &str) -> Result<(), ApplyError> {
        let place = &self.blueprint.place;
        let name = log_group_name(function);
        let arn = format!(
            "arn:{}:logs:{}:{}:log-group:{name}",
            place.partition, place.region, place.account
        );
        let tags = self.blueprint.tags().into();
        let call = self.account.logs.tag_resource().resource_arn(arn).set_tags(Some(tags));
        call.send().await.call("logs:TagResource", &name)?;
        Ok(())
    }

    pub(super) async fn set_log_retention(&self, function: &str) -> Result<(), ApplyError> {
        let name = log_group_name(function);
        let days = self.blueprint.log_retention_days;
        let call = self.account.logs.put_retention_policy().log_group_name(&name);
        call.retention_in_days(days).send().await.call("logs:PutRetentionPolicy", &name)?;
        Ok(())
    }

    pub(super) async fn delete_log_group(&self, function: &str) -> Result<(), ApplyError> {
        let name = log_group_name(function);
        let call = self.account.logs.delete_log_group().log_group_name(&name);
        call.send().await.call("logs:DeleteLogGroup", &name).done_if(Kind::NotFound)
    }
}

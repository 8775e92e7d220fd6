//! The functions' log groups.

use std::collections::BTreeMap;

use super::Owner;
use crate::account::{Account, Call, CallError};
use crate::blueprint::Blueprint;

/// A log group.
#[derive(Debug, Clone)]
pub struct FoundLogGroup {
    /// How long logs are kept, in days. Without a number they are never deleted.
    pub retention_days: Option<i32>,
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub owner: Owner,
}

pub(super) async fn read(
    account: &Account,
    blueprint: &Blueprint,
    functions: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, FoundLogGroup>, CallError> {
    let mut groups = BTreeMap::new();
    for function in functions {
        if groups.contains_key(function) {
            continue;
        }
        let name = log_group_name(function);
        let listed = account
            .logs
            .describe_log_groups()
            .log_group_name_prefix(&name)
            .send()
            .await
            .call("logs:DescribeLogGroups", &name)?;
        let group = listed.log_groups().iter().find(|group| group.log_group_name() == Some(&name));
        let Some(group) = group else { continue };
        let arn = group.arn().unwrap_or_default().trim_end_matches(":*").to_owned();
        let tags = account
            .logs
            .list_tags_for_resource()
            .resource_arn(&arn)
            .send()
            .await
            .call("logs:ListTagsForResource", &name)?;
        let found = FoundLogGroup {
            retention_days: group.retention_in_days(),
            arn,
            owner: Owner::of_tags(tags.tags(), blueprint),
        };
        groups.insert(function.clone(), found);
    }
    Ok(groups)
}

/// The log group that Lambda writes a function's logs to.
pub(crate) fn log_group_name(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

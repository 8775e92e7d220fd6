//! One call, or a few that belong together.

use std::fmt;

use abtest_model::Method;

use crate::endpoints::ResourcePath;

/// A step of a plan. It names things as the blueprint does; what AWS calls them is found out when
/// it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it does")]
pub enum Step {
    CreateRole,
    TagRole,
    TrustRole,
    PutRolePolicy,
    RemoveRolePolicy {
        role: String,
        policy: String,
    },
    DetachRolePolicy {
        role: String,
        arn: String,
    },
    DeleteRole {
        role: String,
    },

    CreateLogGroup {
        function: String,
    },
    TagLogGroup {
        function: String,
    },
    SetLogRetention {
        function: String,
    },
    DeleteLogGroup {
        function: String,
    },

    CreateFunction {
        function: String,
    },
    UpdateConfiguration {
        function: String,
    },
    UpdateCode {
        function: String,
    },
    TagFunction {
        function: String,
    },
    SetConcurrency {
        function: String,
    },
    Publish {
        function: String,
        deploy: u32,
    },
    /// Lets the API call a version; the one just published where none is named.
    PointAlias {
        function: String,
        version: Option<u64>,
        exists: bool,
    },
    AllowInvoke {
        function: String,
        replaces: bool,
    },
    DeleteVersion {
        function: String,
        version: u64,
    },
    DeleteFunction {
        function: String,
    },

    CreateApi,
    CreateResource {
        path: ResourcePath,
    },
    DeleteResource {
        path: String,
    },
    PutMethod {
        path: ResourcePath,
        method: Method,
        replaces: bool,
    },
    PutIntegration {
        path: ResourcePath,
        method: Method,
    },
    /// OPTIONS, which the functions answer, too.
    PutOptions {
        path: ResourcePath,
        replaces: bool,
    },
    DeleteMethod {
        path: String,
        method: String,
    },
    PutGatewayResponse {
        kind: String,
    },
    CreateStage,
    ServeNewDeployment,
    TagStage,
    SetThrottle {
        remove: Vec<(String, String)>,
    },
    DeleteDeployment {
        deployment: String,
    },
    DeleteApi {
        api: String,
    },

    CreateUsagePlan,
    AddStageToUsagePlan,
    RemoveStageFromUsagePlan {
        api: String,
    },
    CreateKey,
    AddKeyToUsagePlan {
        key: String,
    },
    DeleteKey {
        key: String,
    },
    DeleteUsagePlan,
}

impl Step {
    /// Whether the stage must be deployed again for it to show.
    pub(super) fn changes_endpoints(&self) -> bool {
        matches!(
            self,
            Self::PutMethod { .. }
                | Self::PutIntegration { .. }
                | Self::PutOptions { .. }
                | Self::DeleteMethod { .. }
                | Self::DeleteResource { .. }
                | Self::PutGatewayResponse { .. }
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateRole => write!(formatter, "creating the role"),
            Self::TagRole => write!(formatter, "tagging the role"),
            Self::TrustRole => write!(formatter, "setting who may take the role"),
            Self::PutRolePolicy => write!(formatter, "setting what the role allows"),
            Self::RemoveRolePolicy { policy, .. } => {
                write!(formatter, "removing the policy {policy}")
            }
            Self::DetachRolePolicy { arn, .. } => write!(formatter, "detaching {arn}"),
            Self::DeleteRole { role } => write!(formatter, "deleting the role {role}"),
            Self::CreateLogGroup { function } => {
                write!(formatter, "creating the logs of {function}")
            }
            Self::TagLogGroup { function } => write!(formatter, "tagging the logs of {function}"),
            Self::SetLogRetention { function } => {
                write!(formatter, "setting how long the logs of {function} are kept")
            }
            Self::DeleteLogGroup { function } => {
                write!(formatter, "deleting the logs of {function}")
            }
            Self::CreateFunction { function } => write!(formatter, "creating {function}"),
            Self::UpdateConfiguration { function } => {
                write!(formatter, "changing the settings of {function}")
            }
            Self::UpdateCode { function } => write!(formatter, "uploading the code of {function}"),
            Self::TagFunction { function } => write!(formatter, "tagging {function}"),
            Self::SetConcurrency { function } => {
                write!(formatter, "setting how many copies of {function} may run")
            }
            Self::Publish { function, .. } => write!(formatter, "publishing {function}"),
            Self::PointAlias { function, .. } => write!(formatter, "moving {function} live"),
            Self::AllowInvoke { function, .. } => {
                write!(formatter, "letting the API call {function}")
            }
            Self::DeleteVersion { function, version } => {
                write!(formatter, "deleting version {version} of {function}")
            }
            Self::DeleteFunction { function } => write!(formatter, "deleting {function}"),
            Self::CreateApi => write!(formatter, "creating the API"),
            Self::CreateResource { path } => write!(formatter, "creating {}", path.as_str()),
            Self::DeleteResource { path } => write!(formatter, "deleting {path}"),
            Self::PutMethod { path, method, .. } => {
                write!(formatter, "setting {method} {}", path.as_str())
            }
            Self::PutIntegration { path, method } => {
                write!(formatter, "leading {method} {} to its function", path.as_str())
            }
            Self::PutOptions { path, .. } => write!(formatter, "setting OPTIONS {}", path.as_str()),
            Self::DeleteMethod { path, method } => write!(formatter, "deleting {method} {path}"),
            Self::PutGatewayResponse { kind } => write!(formatter, "letting pages read {kind}"),
            Self::CreateStage => write!(formatter, "creating the stage"),
            Self::ServeNewDeployment => write!(formatter, "serving the new endpoints"),
            Self::TagStage => write!(formatter, "tagging the stage"),
            Self::SetThrottle { .. } => write!(formatter, "setting the throttle"),
            Self::DeleteDeployment { deployment } => {
                write!(formatter, "deleting the old deployment {deployment}")
            }
            Self::DeleteApi { api } => write!(formatter, "deleting the API {api}"),
            Self::CreateUsagePlan => write!(formatter, "creating the usage plan"),
            Self::AddStageToUsagePlan => write!(formatter, "tying the usage plan to the stage"),
            Self::RemoveStageFromUsagePlan { .. } => {
                write!(formatter, "untying the usage plan from the stage")
            }
            Self::CreateKey => write!(formatter, "creating the key"),
            Self::AddKeyToUsagePlan { .. } => write!(formatter, "adding the key to the usage plan"),
            Self::DeleteKey { .. } => write!(formatter, "deleting the key"),
            Self::DeleteUsagePlan => write!(formatter, "deleting the usage plan"),
        }
    }
}

//! One call, or a few that belong together.

use std::fmt;

use abtest_config::endpoints::ResourcePath;
use abtest_model::Method;

/// A step of a plan. It names resources as the blueprint does. The ids that AWS gives them are
/// looked up when the step is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it does")]
pub enum Step {
    CreateRole {
        function: String,
    },
    TagRole {
        function: String,
    },
    TrustRole {
        function: String,
    },
    PutRolePolicy {
        function: String,
    },
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
    /// Makes a version live. Without a number, the version that was just published.
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
    /// OPTIONS, which the functions also answer.
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
    /// Whether the step has no effect until the stage is deployed again.
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
            Self::CreateRole { function } => write!(formatter, "creating the role of {function}"),
            Self::TagRole { function } => write!(formatter, "tagging the role of {function}"),
            Self::TrustRole { function } => {
                write!(formatter, "letting only Lambda assume the role of {function}")
            }
            Self::PutRolePolicy { function } => {
                write!(formatter, "setting what the role of {function} allows")
            }
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
                write!(formatter, "limiting how many copies of {function} run at once")
            }
            Self::Publish { function, .. } => write!(formatter, "publishing {function}"),
            Self::PointAlias { function, .. } => write!(formatter, "making {function} live"),
            Self::AllowInvoke { function, .. } => {
                write!(formatter, "allowing calls of {function}")
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
                write!(formatter, "connecting {method} {} to its function", path.as_str())
            }
            Self::PutOptions { path, .. } => write!(formatter, "setting OPTIONS {}", path.as_str()),
            Self::DeleteMethod { path, method } => write!(formatter, "deleting {method} {path}"),
            Self::PutGatewayResponse { kind } => write!(formatter, "adding CORS headers to {kind}"),
            Self::CreateStage => write!(formatter, "creating the stage"),
            Self::ServeNewDeployment => write!(formatter, "serving the new endpoints"),
            Self::TagStage => write!(formatter, "tagging the stage"),
            Self::SetThrottle { .. } => write!(formatter, "setting the throttle"),
            Self::DeleteDeployment { deployment } => {
                write!(formatter, "deleting the old deployment {deployment}")
            }
            Self::DeleteApi { api } => write!(formatter, "deleting the API {api}"),
            Self::CreateUsagePlan => write!(formatter, "creating the usage plan"),
            Self::AddStageToUsagePlan => write!(formatter, "adding the stage to the usage plan"),
            Self::RemoveStageFromUsagePlan { .. } => {
                write!(formatter, "removing the stage from the usage plan")
            }
            Self::CreateKey => write!(formatter, "creating the key"),
            Self::AddKeyToUsagePlan { .. } => write!(formatter, "adding the key to the usage plan"),
            Self::DeleteKey { .. } => write!(formatter, "deleting the key"),
            Self::DeleteUsagePlan => write!(formatter, "deleting the usage plan"),
        }
    }
}

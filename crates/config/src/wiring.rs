//! The entries of `extra_wiring`: endpoints in addition to the built-in ones.

use std::collections::BTreeMap;

use abtest_model::{Handler, Method};
use serde::Deserialize;

/// An endpoint: a function, and its path and method. The members have the names that Gimel and AWS
/// use.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wiring {
    /// The function.
    pub lambda: WiredFunction,
    /// Its path and method.
    pub api_gateway: WiredEndpoint,
}

/// A Lambda function of an endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WiredFunction {
    /// The function's name.
    #[serde(rename = "FunctionName")]
    pub function_name: String,
    /// What the function does: `track`, `experiments`, or one of Gimel's handler names.
    #[serde(rename = "Handler")]
    pub handler: Handler,
    /// Memory in MiB.
    #[serde(rename = "MemorySize")]
    pub memory_size: u32,
    /// Time limit in seconds.
    #[serde(rename = "Timeout")]
    pub timeout: u32,
}

/// A path and method of the REST API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WiredEndpoint {
    /// The path below the stage, without slashes around it.
    #[serde(rename = "pathPart")]
    pub path_part: String,
    /// The method.
    pub method: WiredMethod,
}

/// A method of an endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WiredMethod {
    /// The method. The handler must answer it.
    #[serde(rename = "httpMethod")]
    pub http_method: Method,
    /// Whether the gateway requires the API key.
    #[serde(rename = "apiKeyRequired", default)]
    pub api_key_required: bool,
    /// The declared parameters, and whether each is required.
    #[serde(rename = "requestParameters", default)]
    pub request_parameters: BTreeMap<String, bool>,
}

//! Everything that must exist in AWS, worked out from the config, the place and the artifacts.

mod role;

pub use role::RoleBlueprint;

pub(crate) use role::role_name;

use std::collections::BTreeMap;

use abtest_config::{Config, DeploymentName, Endpoints, Throttle, WiringError};
use abtest_model::Secret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::Place;
use crate::artifacts::{Artifact, Artifacts};
use role::role_arn;

/// The tag that names the deployment to which a resource belongs.
pub const TAG: &str = "abtest:deployment";

/// The alias that the API calls.
pub const ALIAS: &str = "live";

/// The stage of the API.
pub const STAGE: &str = "prod";

/// How many versions of a function are kept for rolling back.
pub const VERSIONS_KEPT: usize = 5;

/// The gateway's own answers that get CORS headers, so that a page can read their status.
pub const GATEWAY_RESPONSES: [&str; 2] = ["DEFAULT_4XX", "DEFAULT_5XX"];

/// The name of the role, the API and the key that Gimel creates.
pub const GIMEL: &str = "gimel";

/// Everything that must exist.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// The deployment's name, which is also the value of every tag.
    pub name: DeploymentName,
    /// The account and region.
    pub place: Place,
    /// The functions, by name.
    pub functions: BTreeMap<String, FunctionBlueprint>,
    /// How long the functions' logs are kept, in days.
    pub log_retention_days: i32,
    /// The API.
    pub api: ApiBlueprint,
}

/// A function.
#[derive(Debug, Clone)]
pub struct FunctionBlueprint {
    /// What starts it.
    pub trigger: Trigger,
    /// Its role, which no other function has.
    pub role: RoleBlueprint,
    /// Its settings and the digest of its code.
    pub state: FunctionState,
    /// Its code, or nothing if only settings are compared.
    pub artifact: Option<Artifact>,
    /// How many copies may run at once.
    pub reserved_concurrency: Option<i32>,
}

/// What starts a function. It decides who may invoke the function and what its role allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A request to the REST API.
    Http,
    /// An EventBridge rule that has the function's name.
    Schedule,
    /// A message in an SQS queue. Lambda reads the queue with the function's role.
    Queue {
        /// The queue's ARN.
        arn: String,
    },
}

impl Trigger {
    /// The service that invokes the function. Nothing for a queue: Lambda itself reads it.
    pub fn service(&self) -> Option<&'static str> {
        match self {
            Self::Http => Some("apigateway.amazonaws.com"),
            Self::Schedule => Some("events.amazonaws.com"),
            Self::Queue { .. } => None,
        }
    }
}

/// Everything by which two versions of a function are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionState {
    /// The runtime, as Lambda names it.
    pub runtime: String,
    /// The processor, as Lambda names it.
    pub architecture: String,
    /// The handler's name, which selects what the program does.
    pub handler: String,
    /// Memory in MiB.
    pub memory: i32,
    /// Time limit in seconds.
    pub timeout: i32,
    /// The role's ARN.
    pub role: String,
    /// The environment variables.
    pub environment: BTreeMap<String, Secret>,
    /// SHA-256 of the zip in Base64, if it is known.
    pub code: Option<String>,
}

impl FunctionState {
    /// Whether the code is the same. Code that is not known counts as the same.
    pub fn same_code(&self, other: &Self) -> bool {
        let unknown = self.code.is_none() || other.code.is_none();
        unknown || (self.code == other.code && self.architecture == other.architecture)
    }

    /// Whether all settings are the same.
    pub fn same_configuration(&self, other: &Self) -> bool {
        let settings =
            |state: &Self| Self { code: None, architecture: String::new(), ..state.clone() };
        settings(self) == settings(other)
    }

    /// Whether code and settings are the same.
    pub fn same(&self, other: &Self) -> bool {
        self.same_code(other) && self.same_configuration(other)
    }
}

/// The REST API.
#[derive(Debug, Clone)]
pub struct ApiBlueprint {
    /// Its name. Its key and its usage plan have the same name.
    pub name: String,
    /// Its endpoints.
    pub endpoints: Endpoints,
    /// How many requests each public endpoint accepts.
    pub throttle: Throttle,
}

impl Blueprint {
    /// Works out what must exist. Without artifacts, code is not compared and functions cannot
    /// be created.
    ///
    /// # Errors
    /// When the wiring cannot work.
    pub fn new(
        config: &Config,
        place: &Place,
        artifacts: Option<&Artifacts>,
    ) -> Result<Self, WiringError> {
        let endpoints = Endpoints::new(&config.name, &config.extra_wiring)?;
        let variables = config.store.variables().into_iter();
        let environment: BTreeMap<String, Secret> =
            variables.map(|(name, value)| (name.to_owned(), value)).collect();
        let secrets = config.store.secret_references();
        let functions = endpoints.functions.iter().map(|(name, function)| {
            let trigger = Trigger::Http;
            let role = RoleBlueprint::new(place, name, &trigger, &secrets);
            let artifact = artifacts.and_then(|all| all.of(function.handler.program())).cloned();
            let state = FunctionState {
                runtime: "provided.al2023".into(),
                architecture: config.aws.architecture.name().into(),
                handler: function.handler.to_string(),
                memory: number(function.memory),
                timeout: number(function.timeout),
                role: role_arn(place, &role.name),
                environment: with_open_paths(environment.clone(), name, &endpoints),
                code: artifact.as_ref().map(|artifact| artifact.digest.clone()),
            };
            let reserved_concurrency = config.aws.reserved_concurrency.map(number);
            (
                name.clone(),
                FunctionBlueprint { trigger, role, state, artifact, reserved_concurrency },
            )
        });
        Ok(Self {
            name: config.name.clone(),
            place: place.clone(),
            functions: functions.collect(),
            log_retention_days: config.aws.log_retention_days.into(),
            api: ApiBlueprint {
                name: config.aws.api_name.clone().unwrap_or_else(|| config.name.to_string()),
                endpoints,
                throttle: config.aws.throttle,
            },
        })
    }

    /// The tags of everything that is created.
    pub fn tags(&self) -> [(String, String); 1] {
        [(TAG.to_owned(), self.name.to_string())]
    }

    /// The name of the role that earlier versions of abtest gave to all functions.
    pub fn shared_role(&self) -> String {
        format!("{}-{}", self.name, self.place.region)
    }

    /// Whether a function's role is one that abtest or Gimel gave it.
    pub fn knows_role(&self, function: &str, arn: &str) -> bool {
        let own = role_name(function, &self.place.region);
        let gimels = self.takes_over_gimel().then(|| GIMEL.to_owned());
        let names = [own, self.shared_role()].into_iter().chain(gimels);
        names.into_iter().any(|name| role_arn(&self.place, &name) == arn)
    }

    /// Whether the API that Gimel created is taken over.
    pub fn takes_over_gimel(&self) -> bool {
        self.api.name == GIMEL
    }

    /// What the gateway calls for a function.
    pub fn integration_uri(&self, function: &str) -> String {
        let Place { partition, region, account } = &self.place;
        format!(
            "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/\
             arn:{partition}:lambda:{region}:{account}:function:{function}:{ALIAS}/invocations"
        )
    }

    /// The ARN of what invokes a function: the API with any stage, method and path, or the rule
    /// of the function's name. Nothing if there is no API yet, or if Lambda reads a queue.
    pub fn invoker(&self, function: &str, trigger: &Trigger, api: Option<&str>) -> Option<String> {
        let Place { partition, region, account } = &self.place;
        match trigger {
            Trigger::Http => {
                api.map(|api| format!("arn:{partition}:execute-api:{region}:{account}:{api}/*"))
            }
            Trigger::Schedule => {
                Some(format!("arn:{partition}:events:{region}:{account}:rule/{function}"))
            }
            Trigger::Queue { .. } => None,
        }
    }

    /// The ARN of the stage, which its tags need.
    pub fn stage_arn(&self, api: &str) -> String {
        let Place { partition, region, .. } = &self.place;
        format!("arn:{partition}:apigateway:{region}::/restapis/{api}/stages/{STAGE}")
    }

    /// The base URL of the endpoints.
    pub fn address(&self, api: &str) -> String {
        let Place { region, .. } = &self.place;
        format!("https://{api}.execute-api.{region}.{}/{STAGE}", self.place.domain())
    }

    /// The description of the API's deployment. Two deployments with the same description serve
    /// the same endpoints.
    pub fn api_fingerprint(&self) -> String {
        let endpoints: Vec<Value> = self
            .api
            .endpoints
            .endpoints
            .iter()
            .map(|((path, method), endpoint)| {
                let uri = self.integration_uri(&endpoint.function);
                let (key, parameters) = (endpoint.key_required, &endpoint.parameters);
                json!([path.as_str(), method, uri, key, parameters])
            })
            .collect();
        let all = json!({"endpoints": endpoints, "responses": GATEWAY_RESPONSES, "options": 1});
        let digest = Sha256::digest(all.to_string().as_bytes());
        let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("abtest {digits}")
    }
}

/// As Lambda's API takes it. The wiring has checked the range.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Tells a function the paths at which everybody may read results: it cannot see by itself whether
/// the gateway requires a key.
fn with_open_paths(
    mut environment: BTreeMap<String, Secret>,
    function: &str,
    endpoints: &Endpoints,
) -> BTreeMap<String, Secret> {
    let paths: Vec<&str> = endpoints.open_results(function).map(|path| path.as_str()).collect();
    if !paths.is_empty() {
        environment.insert("ABTEST_OPEN_PATHS".into(), Secret::new(paths.join(",")));
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trigger_lets_its_own_service_invoke_the_function() {
        let place =
            Place { partition: "aws".into(), region: "eu-west-1".into(), account: "1".into() };
        let blueprint = Blueprint::new(&Config::default(), &place, None).unwrap();
        let source = |trigger: &Trigger| blueprint.invoker("f", trigger, Some("a"));
        let http = source(&Trigger::Http);
        assert_eq!(http.as_deref(), Some("arn:aws:execute-api:eu-west-1:1:a/*"));
        assert_eq!(blueprint.invoker("f", &Trigger::Http, None), None);
        let schedule = source(&Trigger::Schedule);
        assert_eq!(schedule.as_deref(), Some("arn:aws:events:eu-west-1:1:rule/f"));
        let queue = Trigger::Queue { arn: "arn:aws:sqs:eu-west-1:1:events".into() };
        assert_eq!((source(&queue), queue.service()), (None, None));
    }
}

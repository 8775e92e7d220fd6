//! Everything that must exist in AWS, worked out from the config, the place and the artefacts.

use std::collections::BTreeMap;

use abtest_model::config::{DeploymentName, SecretReference, Throttle};
use abtest_model::{Config, Secret};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::Place;
use crate::artifacts::{Artifact, Artifacts};
use crate::endpoints::{Endpoints, WiringError};

/// The tag that says which deployment a thing belongs to.
pub const TAG: &str = "abtest:deployment";

/// The alias that the API calls.
pub const ALIAS: &str = "live";

/// The stage of the API.
pub const STAGE: &str = "prod";

/// How many versions of a function are kept, for rolling back.
pub const VERSIONS_KEPT: usize = 5;

/// What answers of the gateway itself carry, so that a page can read their status.
pub const GATEWAY_RESPONSES: [&str; 2] = ["DEFAULT_4XX", "DEFAULT_5XX"];

/// The name of the role, the API and the key that Gimel makes.
pub const GIMEL: &str = "gimel";

/// Everything that must exist.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// The deployment's name, which is the value of every tag.
    pub name: DeploymentName,
    /// Where.
    pub place: Place,
    /// The role of all functions.
    pub role: RoleBlueprint,
    /// The functions, by name.
    pub functions: BTreeMap<String, FunctionBlueprint>,
    /// How long their logs are kept, in days.
    pub log_retention_days: i32,
    /// The API.
    pub api: ApiBlueprint,
}

/// A role that Lambda may take.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleBlueprint {
    /// Its name; roles are the whole account's, so the region is part of it.
    pub name: String,
    /// Who may take it.
    pub trust: Value,
    /// What it allows.
    pub policy: Value,
}

/// A function.
#[derive(Debug, Clone)]
pub struct FunctionBlueprint {
    /// Its settings and the digest of its code.
    pub state: FunctionState,
    /// Its code; none where only settings are looked at.
    pub artifact: Option<Artifact>,
    /// How many copies may run at once.
    pub reserved_concurrency: Option<i32>,
}

/// What makes two versions of a function the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionState {
    /// The runtime, as Lambda names it.
    pub runtime: String,
    /// The processor, as Lambda names it.
    pub architecture: String,
    /// What it does.
    pub handler: String,
    /// Memory in MiB.
    pub memory: i32,
    /// Time limit in seconds.
    pub timeout: i32,
    /// The role's ARN.
    pub role: String,
    /// The environment variables.
    pub environment: BTreeMap<String, Secret>,
    /// SHA-256 of the zip in Base64; none where it is not known.
    pub code: Option<String>,
}

impl FunctionState {
    /// Whether the code is the same, as far as both are known.
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

    /// Whether both hold.
    pub fn same(&self, other: &Self) -> bool {
        self.same_code(other) && self.same_configuration(other)
    }
}

/// The REST API.
#[derive(Debug, Clone)]
pub struct ApiBlueprint {
    /// Its name, which its key and its usage plan have, too.
    pub name: String,
    /// Its endpoints.
    pub endpoints: Endpoints,
    /// What each public endpoint takes.
    pub throttle: Throttle,
}

impl Blueprint {
    /// Works out what must exist. Without artefacts the code is not looked at, and nothing can
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
        let role = format!("{}-{}", config.name, place.region);
        let role_arn = role_arn(place, &role);
        let environment: BTreeMap<String, Secret> =
            config.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let secrets = config.secret_references();
        let reserved = config.aws.reserved_concurrency;
        let functions: BTreeMap<String, FunctionBlueprint> = endpoints
            .functions
            .iter()
            .map(|(name, function)| {
                let artifact = artifacts.map(|all| all.of(function.handler.program()).clone());
                let state = FunctionState {
                    runtime: "provided.al2023".into(),
                    architecture: config.aws.architecture.name().into(),
                    handler: function.handler.to_string(),
                    memory: number(function.memory),
                    timeout: number(function.timeout),
                    role: role_arn.clone(),
                    environment: environment.clone(),
                    code: artifact.as_ref().map(|artifact| artifact.digest.clone()),
                };
                let reserved_concurrency = reserved.map(number);
                (name.clone(), FunctionBlueprint { state, artifact, reserved_concurrency })
            })
            .collect();
        let policy = policy(place, functions.keys(), &secrets);
        Ok(Self {
            name: config.name.clone(),
            place: place.clone(),
            role: RoleBlueprint { name: role, trust: trust(), policy },
            functions,
            log_retention_days: config.aws.log_retention_days.into(),
            api: ApiBlueprint {
                name: config.aws.api_name.clone().unwrap_or_else(|| config.name.to_string()),
                endpoints,
                throttle: config.aws.throttle,
            },
        })
    }

    /// The tags of everything that is made.
    pub fn tags(&self) -> [(String, String); 1] {
        [(TAG.to_owned(), self.name.to_string())]
    }

    /// The ARN of the role.
    pub fn role_arn(&self) -> String {
        role_arn(&self.place, &self.role.name)
    }

    /// The ARN of the role that Gimel made, where its API is taken over.
    pub fn gimel_role_arn(&self) -> Option<String> {
        (self.api.name == GIMEL).then(|| role_arn(&self.place, GIMEL))
    }

    /// What the gateway calls for a function.
    pub fn integration_uri(&self, function: &str) -> String {
        let Place { partition, region, account } = &self.place;
        format!(
            "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/\
             arn:{partition}:lambda:{region}:{account}:function:{function}:{ALIAS}/invocations"
        )
    }

    /// Who may call the functions: this API, whichever stage, method and path.
    pub fn invoker(&self, api: &str) -> String {
        let Place { partition, region, account } = &self.place;
        format!("arn:{partition}:execute-api:{region}:{account}:{api}/*")
    }

    /// The ARN of the stage, by which it is tagged.
    pub fn stage_arn(&self, api: &str) -> String {
        let Place { partition, region, .. } = &self.place;
        format!("arn:{partition}:apigateway:{region}::/restapis/{api}/stages/{STAGE}")
    }

    /// The address below which the endpoints lie.
    pub fn address(&self, api: &str) -> String {
        let Place { region, .. } = &self.place;
        format!("https://{api}.execute-api.{region}.{}/{STAGE}", self.place.domain())
    }

    /// What the API's deployment is described as: two deployments with the same description serve
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

fn role_arn(place: &Place, role: &str) -> String {
    format!("arn:{}:iam::{}:role/{role}", place.partition, place.account)
}

fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    })
}

/// The functions' own log groups, their own secrets, and nothing else.
fn policy<'a>(
    place: &Place,
    functions: impl Iterator<Item = &'a String>,
    secrets: &[SecretReference],
) -> Value {
    let Place { partition, region, account } = place;
    let logs: Vec<String> = functions
        .map(|function| {
            format!("arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{function}:*")
        })
        .collect();
    let mut statements = vec![json!({
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": logs,
    })];
    for secret in secrets {
        statements.push(json!({
            "Effect": "Allow",
            "Action": secret.action(),
            "Resource": secret.resource(),
        }));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Wiring checked the range.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

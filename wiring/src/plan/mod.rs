//! The steps from what exists to what must exist. Nothing here calls AWS: a plan can be shown,
//! tested and compared.
//!
//! The order is that of what needs what: role, logs, API, functions, endpoints, stage, key; and
//! what is not needed any more goes last, when nothing leads to it. Paths that left the config
//! go before the stage serves the rest.

mod destroy;
mod endpoints;
mod functions;
mod keys;
mod leftovers;
mod role;
mod stage;
mod step;

pub use destroy::destroy;
pub use step::Step;

pub(crate) use endpoints::gateway_headers;
pub(crate) use role::policy_name;
pub(crate) use stage::throttles;

use std::fmt;

use serde::Serialize;

use crate::blueprint::Blueprint;
use crate::found::{Found, Owner};

/// What is to be done, thing by thing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Plan {
    /// Each thing, also those that stay as they are.
    pub changes: Vec<Change>,
}

/// What is to be done with one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// What happens to it.
    pub action: Action,
    /// What it is: `function abtest-track`.
    pub resource: String,
    /// What changes, a line each. Never a secret's value.
    pub details: Vec<String>,
    /// How.
    #[serde(skip)]
    pub steps: Vec<Step>,
}

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is there, made by someone else, and becomes this deployment's.
    Adopt,
    /// It is changed.
    Update,
    /// It is as it must be.
    Keep,
    /// It goes.
    Remove,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Keep => "keep",
            Self::Remove => "remove",
        })
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A thing of that name is another deployment's.
    #[error(
        "{resource} belongs to the deployment `{owner}`; choose another name in the config (name, \
         aws.api_name, or the FunctionName in extra_wiring)"
    )]
    Another {
        /// The thing.
        resource: String,
        /// Whose it is.
        owner: String,
    },
    /// A function must be created, and there is no code for it.
    #[error("there is no code for the function {0}; make it with `abtest build`")]
    NoCode(String),
}

impl Plan {
    /// Works out the steps.
    ///
    /// # Errors
    /// When something is in the way that only a person can move.
    pub fn new(blueprint: &Blueprint, found: &Found) -> Result<Self, PlanError> {
        let mut changes = vec![role::plan(blueprint, found)?];
        changes.push(endpoints::plan_api(blueprint, found)?);
        let deploy = functions::next_deploy(blueprint, found);
        for (name, function) in &blueprint.functions {
            changes.push(functions::plan_logs(blueprint, found, name)?);
            changes.push(functions::plan(blueprint, found, name, function, deploy)?);
        }
        changes.extend(endpoints::plan(blueprint, found));
        changes.extend(leftovers::paths(blueprint, found));
        let moved = changes.iter().any(|change| change.steps.iter().any(Step::changes_endpoints));
        let stage = stage::plan(blueprint, found, moved);
        let replaced = stage.steps.contains(&Step::ServeNewDeployment);
        changes.push(stage);
        changes.push(keys::plan(blueprint, found));
        changes.extend(leftovers::plan(blueprint, found, replaced));
        Ok(Self { changes })
    }

    /// Whether everything is as it must be.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.steps.is_empty())
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.changes.iter().map(|change| change.steps.len()).sum()
    }

    /// The things that change.
    pub fn changing(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action != Action::Keep)
    }
}

impl Change {
    /// A thing that does not exist.
    fn create(resource: String, details: Vec<String>, steps: Vec<Step>) -> Self {
        Self { action: Action::Create, resource, details, steps }
    }

    /// A thing that exists: what happens to it follows from its owner and its steps.
    fn existing(
        resource: String,
        owner: &Owner,
        mut details: Vec<String>,
        steps: Vec<Step>,
    ) -> Self {
        let action = match owner {
            _ if steps.is_empty() => Action::Keep,
            Owner::Nobody => {
                details.insert(0, "exists, and was not made by this deployment".into());
                Action::Adopt
            }
            _ => Action::Update,
        };
        Self { action, resource, details, steps }
    }

    fn remove(resource: String, why: &str, steps: Vec<Step>) -> Self {
        Self { action: Action::Remove, resource, details: vec![why.to_owned()], steps }
    }
}

/// Another deployment's things are not touched.
fn check_owner(resource: &str, owner: &Owner) -> Result<(), PlanError> {
    match owner {
        Owner::Another(name) => {
            Err(PlanError::Another { resource: resource.to_owned(), owner: name.clone() })
        }
        Owner::Ours | Owner::Nobody => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use abtest_model::Config;

    use super::*;
    use crate::account::Place;
    use crate::found::{FoundApi, FoundFunction, FoundMethod, FoundResource, FoundStage};

    /// A deployment whose wiring has lost the path `/old` with its function.
    fn without_old() -> (Blueprint, Found) {
        let place = Place {
            partition: "aws".into(),
            region: "eu-west-1".into(),
            account: "123456789012".into(),
        };
        let mut blueprint = Blueprint::new(&Config::default(), &place, None).unwrap();
        let state = blueprint.functions.values().next().unwrap().state.clone();
        blueprint.functions.clear();
        let uri = blueprint.integration_uri("old");
        let method =
            FoundMethod { integration: Some(("AWS_PROXY".into(), uri)), ..FoundMethod::default() };
        let resource =
            FoundResource { id: "r".into(), methods: BTreeMap::from([("GET".into(), method)]) };
        let function = FoundFunction {
            latest: state,
            versions: BTreeMap::new(),
            live: None,
            invoker: None,
            reserved_concurrency: None,
            arn: String::new(),
            owner: Owner::Ours,
        };
        let stage = FoundStage {
            deployment: "d1".into(),
            fingerprint: "of the endpoints with /old".into(),
            throttles: BTreeMap::new(),
            owner: Owner::Ours,
        };
        let api = FoundApi {
            id: "a".into(),
            owner: Owner::Ours,
            resources: BTreeMap::from([("/old".into(), resource)]),
            responses: BTreeMap::new(),
            stage: Some(stage),
            unused_deployments: vec![],
        };
        let functions = BTreeMap::from([("old".into(), function)]);
        (blueprint, Found { functions, api: Some(api), ..Found::default() })
    }

    #[test]
    fn a_path_goes_before_the_stage_serves_the_rest_and_its_function_after() {
        let (blueprint, found) = without_old();
        let plan = Plan::new(&blueprint, &found).unwrap();
        let steps: Vec<&Step> = plan.changes.iter().flat_map(|change| &change.steps).collect();
        let order = [
            Step::DeleteResource { path: "/old".into() },
            Step::ServeNewDeployment,
            Step::DeleteDeployment { deployment: "d1".into() },
            Step::DeleteFunction { function: "old".into() },
        ];
        let at = |step: &Step| steps.iter().position(|planned| *planned == step);
        let positions: Vec<_> = order.iter().map(at).collect();
        assert!(positions.iter().all(Option::is_some), "{steps:?}");
        assert!(positions.is_sorted(), "{positions:?}");
    }
}

//! The steps from what exists to what must exist. Nothing here calls AWS, so a plan can be
//! printed, tested and compared.
//!
//! The order follows the dependencies: API, then the role, logs and code of each function, then
//! endpoints, stage and key. Orphans are removed last, when nothing uses them. Only paths that
//! left the config are removed before the stage serves the rest.

mod destroy;
mod endpoints;
mod functions;
mod keys;
mod orphans;
mod roles;
mod stage;
mod step;

pub use destroy::destroy;
pub use step::Step;

pub(crate) use endpoints::gateway_headers;
pub(crate) use roles::policy_name;
pub(crate) use stage::throttles;

use std::fmt;

use serde::Serialize;

use crate::blueprint::Blueprint;
use crate::found::{Found, Owner};

/// What to do, resource by resource.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Plan {
    /// All resources, including those that stay as they are.
    pub changes: Vec<Change>,
}

/// What to do with one resource.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// What happens to it.
    pub action: Action,
    /// What it is: `function abtest-track`.
    pub resource: String,
    /// What changes, one line per change. Never a secret's value.
    pub details: Vec<String>,
    /// The steps that do it.
    #[serde(skip)]
    pub steps: Vec<Step>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is created.
    Create,
    /// It exists, was created by someone else, and becomes this deployment's.
    Adopt,
    /// It is changed.
    Update,
    /// It is up to date.
    Keep,
    /// It is deleted.
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
    /// A resource of that name belongs to another deployment.
    #[error(
        "{resource} belongs to the deployment `{owner}`; choose another name in the config (name, \
         aws.api_name, or FunctionName in extra_wiring)"
    )]
    Another {
        /// The resource.
        resource: String,
        /// Whose it is.
        owner: String,
    },
    /// A function must be created, and there is no code for it.
    #[error("there is no code for the function {0}; run `abtest build`")]
    NoCode(String),
}

impl Plan {
    /// Works out the steps.
    ///
    /// # Errors
    /// When a resource belongs to another deployment, or a function has no code.
    pub fn new(blueprint: &Blueprint, found: &Found) -> Result<Self, PlanError> {
        let mut changes = vec![endpoints::plan_api(blueprint, found)?];
        let deploy = functions::next_deploy(blueprint, found);
        for (name, function) in &blueprint.functions {
            changes.push(roles::plan(blueprint, found, name, function)?);
            changes.push(functions::plan_logs(blueprint, found, name)?);
            changes.push(functions::plan(blueprint, found, name, function, deploy)?);
        }
        changes.extend(endpoints::plan(blueprint, found));
        changes.extend(orphans::paths(blueprint, found));
        let moved = changes.iter().any(|change| change.steps.iter().any(Step::changes_endpoints));
        let stage = stage::plan(blueprint, found, moved);
        let replaced = stage.steps.contains(&Step::ServeNewDeployment);
        changes.push(stage);
        changes.push(keys::plan(blueprint, found));
        changes.extend(orphans::plan(blueprint, found, replaced));
        Ok(Self { changes })
    }

    /// Whether everything is up to date.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.steps.is_empty())
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.changes.iter().map(|change| change.steps.len()).sum()
    }

    /// The resources that change.
    pub fn changing(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action != Action::Keep)
    }
}

impl Change {
    /// A resource that does not exist yet.
    fn create(resource: String, details: Vec<String>, steps: Vec<Step>) -> Self {
        Self { action: Action::Create, resource, details, steps }
    }

    /// A resource that exists. Its owner and its steps decide what happens to it.
    fn existing(
        resource: String,
        owner: &Owner,
        mut details: Vec<String>,
        steps: Vec<Step>,
    ) -> Self {
        let action = match owner {
            _ if steps.is_empty() => Action::Keep,
            Owner::Untagged => {
                details.insert(0, "exists, but was not created by this deployment".into());
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

/// Refuses to change what belongs to another deployment.
fn check_owner(resource: &str, owner: &Owner) -> Result<(), PlanError> {
    match owner {
        Owner::Another(name) => {
            Err(PlanError::Another { resource: resource.to_owned(), owner: name.clone() })
        }
        Owner::Ours | Owner::Untagged => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use abtest_config::Config;

    use super::*;
    use crate::account::Place;
    use crate::found::{
        FoundApi, FoundFunction, FoundMethod, FoundResource, FoundRole, FoundStage,
    };

    fn blueprint() -> Blueprint {
        let place = Place {
            partition: "aws".into(),
            region: "eu-west-1".into(),
            account: "123456789012".into(),
        };
        Blueprint::new(&Config::default(), &place, None).unwrap()
    }

    fn role(name: &str, owner: Owner) -> FoundRole {
        FoundRole {
            name: name.into(),
            trust: serde_json::Value::Null,
            policies: BTreeMap::from([("abtest".into(), serde_json::Value::Null)]),
            attached: vec![],
            owner,
        }
    }

    /// A deployment whose config has lost the path `/old` with its function.
    fn without_old() -> (Blueprint, Found) {
        let mut blueprint = blueprint();
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
        let roles = BTreeMap::from([("old".into(), role("old-eu-west-1", Owner::Ours))]);
        (blueprint, Found { functions, roles, api: Some(api), ..Found::default() })
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
            Step::DeleteRole { role: "old-eu-west-1".into() },
            Step::DeleteFunction { function: "old".into() },
        ];
        let at = |step: &Step| steps.iter().position(|planned| *planned == step);
        let positions: Vec<_> = order.iter().map(at).collect();
        assert!(positions.iter().all(Option::is_some), "{steps:?}");
        assert!(positions.is_sorted(), "{positions:?}");
    }

    #[test]
    fn the_shared_role_of_an_earlier_deploy_is_removed_after_the_functions_left_it() {
        let blueprint = blueprint();
        let shared = |owner| Some(role("abtest-eu-west-1", owner));
        let mut found = Found { shared_role: shared(Owner::Ours), ..Found::default() };
        for (name, function) in &blueprint.functions {
            let mut latest = function.state.clone();
            latest.role = "arn:aws:iam::123456789012:role/abtest-eu-west-1".into();
            let existing = FoundFunction {
                latest,
                versions: BTreeMap::new(),
                live: None,
                invoker: None,
                reserved_concurrency: None,
                arn: String::new(),
                owner: Owner::Ours,
            };
            found.functions.insert(name.clone(), existing);
        }
        let plan = Plan::new(&blueprint, &found).unwrap();
        let steps: Vec<&Step> = plan.changes.iter().flat_map(|change| &change.steps).collect();
        let at = |step: &Step| steps.iter().position(|planned| *planned == step).unwrap();
        let removed = at(&Step::DeleteRole { role: "abtest-eu-west-1".into() });
        for name in blueprint.functions.keys() {
            let function = || name.clone();
            let live = at(&Step::PointAlias { function: function(), version: None, exists: false });
            assert!(at(&Step::CreateRole { function: function() }) < live && live < removed);
        }
        // The same role without our tag is not this deployment's to delete.
        found.shared_role = shared(Owner::Untagged);
        let plan = Plan::new(&blueprint, &found).unwrap();
        let mut steps = plan.changes.iter().flat_map(|change| &change.steps);
        assert!(!steps.any(|step| matches!(step, Step::DeleteRole { .. })));
    }
}

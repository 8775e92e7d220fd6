//! The API with its paths and methods.

use abtest_config::endpoints::{Endpoint, ResourcePath};
use abtest_model::Method;

use super::{Change, PlanError, Step, check_owner};
use crate::blueprint::{Blueprint, GATEWAY_RESPONSES};
use crate::found::{Found, FoundApi, FoundMethod, Owner};

pub(super) fn plan_api(blueprint: &Blueprint, found: &Found) -> Result<Change, PlanError> {
    let resource = format!("API {}", blueprint.api.name);
    let responses = GATEWAY_RESPONSES.map(|kind| Step::PutGatewayResponse { kind: kind.into() });
    let Some(api) = &found.api else {
        let steps = [vec![Step::CreateApi], responses.to_vec()].concat();
        return Ok(Change::create(resource, vec!["REST, regional".into()], steps));
    };
    check_owner(&resource, &api.owner)?;
    let missing = |step: &Step| match step {
        Step::PutGatewayResponse { kind } => api.responses.get(kind) != Some(&gateway_headers()),
        _ => false,
    };
    let steps: Vec<Step> = responses.into_iter().filter(missing).collect();
    let details = steps.iter().map(|_| "CORS headers for the gateway's own answers".into()).take(1);
    Ok(Change::existing(resource, &api.owner, details.collect(), steps))
}

/// The headers that the gateway adds to its own answers, so that a page can read a 403 or a 429.
pub(crate) fn gateway_headers() -> std::collections::BTreeMap<String, String> {
    let header = "gatewayresponse.header.Access-Control-Allow-Origin".to_owned();
    [(header, "'*'".to_owned())].into()
}

/// One change per path, with its methods.
pub(super) fn plan<'a>(
    blueprint: &'a Blueprint,
    found: &'a Found,
) -> impl Iterator<Item = Change> + 'a {
    let paths = blueprint.api.endpoints.paths().into_iter();
    paths.map(|path| plan_path(blueprint, found.api.as_ref(), &path))
}

fn plan_path(blueprint: &Blueprint, api: Option<&FoundApi>, path: &ResourcePath) -> Change {
    let resource = format!("path {}", path.as_str());
    let existing = api.and_then(|api| api.resources.get(path.as_str()));
    let (mut details, mut steps) = (Vec::new(), Vec::new());
    if existing.is_none() {
        steps.push(Step::CreateResource { path: path.clone() });
    }
    let found = |method: &str| existing.and_then(|resource| resource.methods.get(method));
    let wanted = &blueprint.api.endpoints.endpoints;
    let methods: Vec<(Method, &Endpoint)> = wanted
        .iter()
        .filter(|((at, _), _)| at == path)
        .map(|((_, method), endpoint)| (*method, endpoint))
        .collect();
    for (method, endpoint) in &methods {
        let more = plan_method(blueprint, path, *method, endpoint, found(&method.to_string()));
        if !more.is_empty() {
            let key = if endpoint.key_required { ", with the API key" } else { ", open" };
            let target = format!("→ {}{key}", endpoint.function);
            match details.last_mut() {
                Some(last) if *method == Method::Head && *last == format!("GET {target}") => {
                    *last = format!("GET, HEAD {target}");
                }
                _ => details.push(format!("{method} {target}")),
            }
            steps.extend(more);
        }
    }
    if let Some((_, endpoint)) = methods.first() {
        let options = options(blueprint, endpoint);
        if found("OPTIONS") != Some(&options) {
            let replaces = found("OPTIONS").is_some();
            steps.push(Step::PutOptions { path: path.clone(), replaces });
        }
    }
    if existing.is_some() {
        // Other methods that call a function of ours or Gimel's are removed.
        for method in surplus(blueprint, api, path.as_str()) {
            details.push(format!("remove {method}"));
            steps.push(Step::DeleteMethod { path: path.as_str().to_owned(), method });
        }
        Change::existing(resource, &Owner::Ours, details, steps)
    } else {
        Change::create(resource, details, steps)
    }
}

fn plan_method(
    blueprint: &Blueprint,
    path: &ResourcePath,
    method: Method,
    endpoint: &Endpoint,
    found: Option<&FoundMethod>,
) -> Vec<Step> {
    let wanted = FoundMethod {
        key_required: endpoint.key_required,
        parameters: endpoint.parameters.clone(),
        integration: Some(integration(blueprint, endpoint)),
    };
    let put = |replaces| Step::PutMethod { path: path.clone(), method, replaces };
    let integrate = Step::PutIntegration { path: path.clone(), method };
    match found {
        None => vec![put(false), integrate],
        Some(found) if *found == wanted => vec![],
        Some(found) => {
            let same =
                found.key_required == wanted.key_required && found.parameters == wanted.parameters;
            if same { vec![integrate] } else { vec![put(true), integrate] }
        }
    }
}

/// The method OPTIONS. The function of the path's first method answers it.
pub(crate) fn options(blueprint: &Blueprint, endpoint: &Endpoint) -> FoundMethod {
    FoundMethod { integration: Some(integration(blueprint, endpoint)), ..FoundMethod::default() }
}

fn integration(blueprint: &Blueprint, endpoint: &Endpoint) -> (String, String) {
    ("AWS_PROXY".to_owned(), blueprint.integration_uri(&endpoint.function))
}

/// The methods of a path that are not in the blueprint and that call a function of this
/// deployment. Other methods belong to someone else.
pub(super) fn surplus(blueprint: &Blueprint, api: Option<&FoundApi>, path: &str) -> Vec<String> {
    let Some(resource) = api.and_then(|api| api.resources.get(path)) else { return Vec::new() };
    let wanted = |method: &str| {
        blueprint
            .api
            .endpoints
            .endpoints
            .keys()
            .any(|(at, wanted)| at.as_str() == path && wanted.to_string() == method)
    };
    let ours = |method: &FoundMethod| {
        method.integration.as_ref().is_some_and(|(_, uri)| is_own_uri(blueprint, uri))
    };
    let surplus = resource
        .methods
        .iter()
        .filter(|(name, method)| *name != "OPTIONS" && !wanted(name.as_str()) && ours(method));
    surplus.map(|(name, _)| name.clone()).collect()
}

/// Whether an integration calls a function of this account through the alias `live`, which abtest
/// and Gimel use.
fn is_own_uri(blueprint: &Blueprint, uri: &str) -> bool {
    let pattern = blueprint.integration_uri("|");
    pattern.split_once('|').is_some_and(|(start, end)| uri.starts_with(start) && uri.ends_with(end))
}

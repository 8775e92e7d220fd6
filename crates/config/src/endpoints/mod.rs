//! The endpoints that must exist: those of the API's table, and those of the config's
//! `extra_wiring`.
//!
//! | module | holds |
//! |---|---|
//! | `path` | paths of the REST API |
//! | `rules` | what an entry of `extra_wiring` must obey |

mod path;
mod rules;

pub use path::ResourcePath;
pub use rules::WiringError;

use std::collections::BTreeMap;

use abtest_model::endpoint::{self as model, Access, ENDPOINTS};
use abtest_model::{Handler, Method, Program};

use crate::{DeploymentName, Wiring};

/// Everything that is reachable, and the functions behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The functions, by name.
    pub functions: BTreeMap<String, Function>,
    /// The endpoints, by path and method.
    pub endpoints: BTreeMap<(ResourcePath, Method), Endpoint>,
}

/// A function that endpoints lead to: what it does and how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// What it does.
    pub handler: Handler,
    /// Memory in MiB.
    pub memory: u32,
    /// Time limit in seconds.
    pub timeout: u32,
}

/// What answers a path and a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The function's name.
    pub function: String,
    /// Whether the gateway requires the API key.
    pub key_required: bool,
    /// The declared parameters, and whether each is required.
    pub parameters: BTreeMap<String, bool>,
}

impl Endpoints {
    /// The built-in endpoints of a deployment and the `extra` ones. An extra entry for a built-in
    /// function sets that function's memory and time limit.
    ///
    /// # Errors
    /// When two endpoints clash, or one cannot work.
    pub fn new(name: &DeploymentName, extra: &[Wiring]) -> Result<Self, WiringError> {
        let mut endpoints = Self { functions: BTreeMap::new(), endpoints: BTreeMap::new() };
        for wiring in extra {
            endpoints.add_function(wiring)?;
        }
        for endpoint in ENDPOINTS {
            endpoints.add_built_in(name, endpoint)?;
        }
        for wiring in extra {
            rules::check(wiring)?;
            endpoints.add_endpoint(wiring)?;
        }
        endpoints.add_heads();
        endpoints.check_variable_parts()?;
        Ok(endpoints)
    }

    /// The public endpoints, which anyone can call.
    pub fn public(&self) -> impl Iterator<Item = &(ResourcePath, Method)> {
        self.endpoints.iter().filter(|(_, endpoint)| !endpoint.key_required).map(|(at, _)| at)
    }

    /// The paths at which a function lets everybody read results, because wiring requires no key.
    pub fn open_results(&self, function: &str) -> impl Iterator<Item = &ResourcePath> {
        let handler = self.functions.get(function).map(|function| function.handler);
        let reads = matches!(handler, Some(Handler::GimelAll | Handler::GimelExperiment));
        let open = move |method: Method, endpoint: &Endpoint| {
            reads
                && method == Method::Get
                && !endpoint.key_required
                && endpoint.function == function
        };
        let open = self.endpoints.iter().filter(move |((_, method), one)| open(*method, one));
        open.map(|((path, _), _)| path)
    }

    /// The paths that events are sent to.
    pub fn tracking(&self) -> std::collections::BTreeSet<&ResourcePath> {
        let tracks = |endpoint: &Endpoint| {
            let function = self.functions.get(&endpoint.function);
            function.is_some_and(|function| function.handler == Handler::Track)
        };
        let tracking = self.endpoints.iter().filter(|(_, endpoint)| tracks(endpoint));
        tracking.map(|((path, _), _)| path).collect()
    }

    /// Every path that an endpoint has, with the paths above it, parents first.
    pub fn paths(&self) -> std::collections::BTreeSet<ResourcePath> {
        self.endpoints.keys().flat_map(|(path, _)| path.with_parents()).collect()
    }

    fn add_built_in(
        &mut self,
        name: &DeploymentName,
        built_in: &model::Endpoint,
    ) -> Result<(), WiringError> {
        let Some(program) = built_in.program else { return Ok(()) };
        let function = format!("{name}-{}", program.name());
        let usual = default_size(program);
        let wired = *self.functions.entry(function.clone()).or_insert(usual);
        if wired.handler != usual.handler {
            return Err(WiringError::BuiltIn {
                name: function,
                built_in: usual.handler,
                handler: wired.handler,
            });
        }
        let known = |name: &&str| (format!("method.request.querystring.{name}"), false);
        let endpoint = Endpoint {
            function,
            key_required: built_in.access == Access::Key,
            // The gateway cannot declare parameters of any name. It passes all of them on.
            parameters: built_in
                .parameters
                .iter()
                .filter(|name| !name.ends_with('*'))
                .map(known)
                .collect(),
        };
        self.add((ResourcePath::new(built_in.path)?, built_in.method), endpoint)
    }

    fn add_function(&mut self, wiring: &Wiring) -> Result<(), WiringError> {
        let name = &wiring.lambda.function_name;
        let described = Function::from(wiring);
        let known = *self.functions.entry(name.clone()).or_insert(described);
        if known == described {
            return Ok(());
        }
        let show = |function: Function| {
            format!("{}, {} MB, {} s", function.handler, function.memory, function.timeout)
        };
        Err(WiringError::Disagreement {
            name: name.clone(),
            first: show(known),
            second: show(described),
        })
    }

    fn add_endpoint(&mut self, wiring: &Wiring) -> Result<(), WiringError> {
        let path = ResourcePath::new(&wiring.api_gateway.path_part)?;
        let method = &wiring.api_gateway.method;
        let endpoint = Endpoint {
            function: wiring.lambda.function_name.clone(),
            key_required: method.api_key_required,
            parameters: method.request_parameters.clone(),
        };
        self.add((path, method.http_method), endpoint)
    }

    fn add(&mut self, at: (ResourcePath, Method), endpoint: Endpoint) -> Result<(), WiringError> {
        match self.endpoints.get(&at) {
            None => {
                self.endpoints.insert(at, endpoint);
                Ok(())
            }
            Some(first) => Err(WiringError::Clash {
                method: at.1,
                path: at.0.as_str().to_owned(),
                first: first.function.clone(),
                second: endpoint.function,
            }),
        }
    }

    /// Adds HEAD wherever GET is. One more method changes a deployed API less than replacing its
    /// methods by ANY, which would also let every other method reach a function.
    fn add_heads(&mut self) {
        let gets = self.endpoints.iter().filter(|((_, method), _)| *method == Method::Get);
        let heads: Vec<_> = gets
            .map(|((path, _), endpoint)| ((path.clone(), Method::Head), endpoint.clone()))
            .collect();
        self.endpoints.extend(heads);
    }

    fn check_variable_parts(&self) -> Result<(), WiringError> {
        let mut shapes = BTreeMap::new();
        for path in self.paths() {
            if let Some(first) = shapes.insert(path.shape(), path.clone()) {
                let text = |path: ResourcePath| path.as_str().to_owned();
                return Err(WiringError::Variables { first: text(first), second: text(path) });
            }
        }
        Ok(())
    }
}

impl From<&Wiring> for Function {
    fn from(wiring: &Wiring) -> Self {
        let function = &wiring.lambda;
        Self { handler: function.handler, memory: function.memory_size, timeout: function.timeout }
    }
}

/// The size of a function, unless an entry of `extra_wiring` sets it.
fn default_size(program: Program) -> Function {
    let handler = program.handler();
    match program {
        Program::Track => Function { handler, memory: 128, timeout: 3 },
        Program::Assign => Function { handler, memory: 256, timeout: 5 },
        Program::Experiments => Function { handler, memory: 512, timeout: 25 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wiring(function: &str, handler: &str, path: &str, method: &str, key: bool) -> Wiring {
        serde_json::from_value(serde_json::json!({
            "lambda": {"FunctionName": function, "Handler": handler, "MemorySize": 256,
                       "Timeout": 5},
            "api_gateway": {"pathPart": path,
                            "method": {"httpMethod": method, "apiKeyRequired": key}},
        }))
        .unwrap()
    }

    fn endpoints(extra: &[Wiring]) -> Result<Endpoints, WiringError> {
        Endpoints::new(&DeploymentName::default(), extra)
    }

    #[test]
    fn the_built_in_endpoints_are_those_of_the_api() {
        let built_in = endpoints(&[]).unwrap();
        let shown: Vec<String> = built_in
            .endpoints
            .iter()
            .map(|((path, method), endpoint)| {
                let key = if endpoint.key_required { "key" } else { "open" };
                format!("{method} {} {} {key}", path.as_str(), endpoint.function)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "GET /api/features/{namespace} abtest-assign open",
                "HEAD /api/features/{namespace} abtest-assign open",
                "GET /assign abtest-assign open",
                "HEAD /assign abtest-assign open",
                "POST /assign abtest-assign open",
                "GET /config abtest-assign open",
                "HEAD /config abtest-assign open",
                "DELETE /delete abtest-experiments key",
                "GET /experiments abtest-experiments key",
                "HEAD /experiments abtest-experiments key",
                "GET /experiments/{experiment} abtest-experiments key",
                "HEAD /experiments/{experiment} abtest-experiments key",
                "DELETE /experiments/{experiment} abtest-experiments key",
                "PUT /experiments/{experiment}/control abtest-experiments key",
                "GET /experiments/{experiment}/definition abtest-experiments key",
                "HEAD /experiments/{experiment}/definition abtest-experiments key",
                "PUT /experiments/{experiment}/definition abtest-experiments key",
                "PATCH /experiments/{experiment}/definition abtest-experiments key",
                "GET /experiments/{experiment}/explain abtest-experiments key",
                "HEAD /experiments/{experiment}/explain abtest-experiments key",
                "DELETE /experiments/{experiment}/goals/{goal} abtest-experiments key",
                "GET /experiments/{experiment}/history abtest-experiments key",
                "HEAD /experiments/{experiment}/history abtest-experiments key",
                "POST /experiments/{experiment}/looks abtest-experiments key",
                "DELETE /experiments/{experiment}/looks abtest-experiments key",
                "DELETE /experiments/{experiment}/variants/{variant} abtest-experiments key",
                "GET /namespaces abtest-experiments key",
                "HEAD /namespaces abtest-experiments key",
                "DELETE /namespaces/{namespace} abtest-experiments key",
                "POST /ofrep/v1/evaluate/flags abtest-assign open",
                "POST /ofrep/v1/evaluate/flags/{key} abtest-assign open",
                "GET /openapi.json abtest-experiments open",
                "HEAD /openapi.json abtest-experiments open",
                "GET /schemas/experiment.json abtest-experiments open",
                "HEAD /schemas/experiment.json abtest-experiments open",
                "GET /settings abtest-experiments key",
                "HEAD /settings abtest-experiments key",
                "PATCH /settings abtest-experiments key",
                "POST /tick abtest-experiments key",
                "GET /track abtest-track open",
                "HEAD /track abtest-track open",
                "POST /track abtest-track open",
            ]
        );
    }

    #[test]
    fn several_paths_lead_to_one_function_and_set_its_size() {
        let extra = [
            wiring("abtest-track", "track", "kcart", "GET", false),
            wiring("abtest-track", "track", "/a/b/", "POST", false),
        ];
        let endpoints = endpoints(&extra).unwrap();
        assert_eq!(endpoints.functions.len(), 3);
        assert_eq!(endpoints.functions["abtest-track"].memory, 256);
        let paths: Vec<_> =
            endpoints.paths().into_iter().map(|path| path.as_str().to_owned()).collect();
        assert!(paths.contains(&"/a".to_owned()) && paths.contains(&"/a/b".to_owned()));
    }

    #[test]
    fn a_built_in_function_keeps_its_handler() {
        let other = endpoints(&[wiring("abtest-track", "experiments", "a", "GET", true)]);
        assert!(matches!(other, Err(WiringError::BuiltIn { .. })), "{other:?}");
        let gimels = endpoints(&[wiring("abtest-experiments", "gimel.all", "all", "GET", true)]);
        assert!(matches!(gimels, Err(WiringError::BuiltIn { .. })), "{gimels:?}");
    }

    #[test]
    fn a_clash_is_an_error() {
        let same = wiring("mine", "track", "track", "GET", false);
        let error = endpoints(&[same]).unwrap_err().to_string();
        assert!(error.contains("GET /track leads to both abtest-track and mine"), "{error}");
        let variables = wiring("mine", "track", "experiments/{name}/x", "GET", false);
        assert!(matches!(endpoints(&[variables]), Err(WiringError::Variables { .. })));
        let two =
            [wiring("f", "track", "a", "GET", false), wiring("f", "gimel.all", "b", "GET", true)];
        assert!(matches!(endpoints(&two), Err(WiringError::Disagreement { .. })));
    }

    #[test]
    fn an_endpoint_that_could_not_work_or_would_open_the_results_is_refused() {
        let wrong = endpoints(&[wiring("f", "gimel.all", "all", "DELETE", true)]).unwrap_err();
        assert!(wrong.to_string().contains("it answers GET"), "{wrong}");
        let open = endpoints(&[wiring("f", "gimel.delete", "all", "DELETE", false)]);
        assert!(matches!(open, Err(WiringError::Open { .. })));
        let path = endpoints(&[wiring("f", "track", "a b", "GET", false)]);
        assert_eq!(path, Err(WiringError::Path("a b".into())));
        assert!(endpoints(&[wiring("f:1", "track", "a", "GET", false)]).is_err());
    }

    #[test]
    fn only_what_reads_results_can_be_open() {
        let extra = [
            wiring("all", "gimel.all", "all", "GET", false),
            wiring("all", "gimel.all", "mine", "GET", true),
            wiring("f", "track", "kcart", "GET", false),
        ];
        let endpoints = endpoints(&extra).unwrap();
        let open =
            |name| endpoints.open_results(name).map(ResourcePath::as_str).collect::<Vec<_>>();
        assert_eq!(open("all"), ["/all"]);
        assert!(open("f").is_empty() && open("abtest-experiments").is_empty());
    }
}

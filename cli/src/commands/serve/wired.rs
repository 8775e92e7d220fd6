//! The paths of the config's `extra_wiring`, which work here as they do when deployed.

use abtest_api::WiredPath;
use abtest_config::{Config, Endpoints, WiringError};
use abtest_model::Handler;
use abtest_model::endpoint::Access;

use crate::page;

/// Paths of `serve` itself, beside those of the page's files.
const OWN_PATHS: [&str; 7] =
    ["/", "/favicon.ico", "/session", "/livez", "/readyz", "/healthz", "/metrics"];

/// Why a config's `extra_wiring` cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum WiredPathError {
    /// It could not be deployed either.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// `serve` needs the path itself.
    #[error("extra_wiring: `abtest serve` uses the path {0} itself; wire another path")]
    OwnPath(String),
}

/// The wired paths. The rules are those of `abtest deploy`, so that a config that is served can be
/// deployed. Only reading results can be open.
pub(super) fn paths(config: &Config) -> Result<Vec<WiredPath>, WiredPathError> {
    Endpoints::new(&config.name, &config.extra_wiring)?;
    let wired = config.extra_wiring.iter().map(|wiring| {
        let endpoint = &wiring.api_gateway;
        let handler = wiring.lambda.handler;
        let reads = [Handler::GimelAll, Handler::GimelExperiment].contains(&handler);
        let key_required = endpoint.method.api_key_required || !reads;
        WiredPath {
            path: format!("/{}", endpoint.path_part.trim_matches('/')),
            method: endpoint.method.http_method,
            handler,
            access: if key_required { Access::Key } else { Access::Open },
        }
    });
    let wired: Vec<WiredPath> = wired.collect();
    match wired.iter().find(|wired| is_own(&wired.path)) {
        Some(wired) => Err(WiredPathError::OwnPath(wired.path.clone())),
        None => Ok(wired),
    }
}

fn is_own(path: &str) -> bool {
    OWN_PATHS.contains(&path) || page::files::find(path.trim_start_matches('/')).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths_of(handler: &str, path: &str, key: bool) -> Result<Vec<WiredPath>, WiredPathError> {
        let config = serde_json::json!({"extra_wiring": [{
            "lambda": {"FunctionName": "f", "Handler": handler, "MemorySize": 256, "Timeout": 5},
            "api_gateway": {"pathPart": path,
                            "method": {"httpMethod": "GET", "apiKeyRequired": key}},
        }]});
        paths(&Config::read(Some(&config.to_string()), |_| None).unwrap())
    }

    #[test]
    fn a_path_that_serve_needs_itself_is_refused() {
        for path in ["session", "/metrics/", "healthz", "readyz", "favicon.ico", "main.js"] {
            let error = paths_of("track", path, false).unwrap_err().to_string();
            assert!(error.contains(path.trim_matches('/')) && error.contains("itself"), "{error}");
        }
        assert!(paths_of("track", "kcart", false).is_ok());
    }

    #[test]
    fn what_cannot_be_deployed_cannot_be_served() {
        assert!(matches!(paths_of("experiments", "all", false), Err(WiredPathError::Wiring(_))));
    }

    #[test]
    fn the_wiring_says_whether_a_key_is_needed() {
        let access = |key| paths_of("gimel.all", "all", key).unwrap()[0].access;
        assert_eq!((access(true), access(false)), (Access::Key, Access::Open));
    }
}

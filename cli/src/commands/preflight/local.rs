//! Checks of the files on this machine.

use abtest_config::{Config, Endpoints};
use abtest_model::{Method, Program};
use abtest_wiring::artifacts::Artifacts;

use super::Check;
use crate::config_file;
use crate::deployment::DeploymentArguments;

/// The name of the check of the artifacts.
pub(super) const ARTIFACTS: &str = "artifacts";

/// Whether the config can be read and is filled in.
pub(super) fn config(deployment: &DeploymentArguments) -> (Option<Config>, Check) {
    const NAME: &str = "config";
    let path = deployment.config_path();
    match (deployment.config(), path) {
        (Ok(config), Some(path)) => {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let check = match config_file::placeholders(&text) {
                empty if empty.is_empty() => Check::passed(NAME, path.display().to_string()),
                members => {
                    let found = format!("not filled in: {}", members.join(", "));
                    Check::failed_with(NAME, found, fill_in(&members))
                }
            };
            (Some(config), check)
        }
        (Ok(config), None) => {
            let next = "run `abtest configure` to create one, or set ABTEST_… variables";
            (Some(config), Check::warned(NAME, "there is no config file", next))
        }
        (Err(error), _) => {
            let next = "run `abtest configure` to open it in your editor";
            (None, Check::failed_with(NAME, format!("{error:#}"), next))
        }
    }
}

/// The command that fills the members in.
fn fill_in(members: &[String]) -> String {
    let sets: Vec<String> = members.iter().map(|member| format!("--set {member}=…")).collect();
    format!("run `abtest configure {}`", sets.join(" "))
}

/// Whether other users of this machine can read the config, which may contain a password.
#[cfg(unix)]
pub(super) fn mode(deployment: &DeploymentArguments) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt;
    const NAME: &str = "config mode";
    let path = deployment.config_path()?;
    let mode = std::fs::metadata(&path).ok()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Some(Check::passed(NAME, format!("{mode:04o}, only you can read it")));
    }
    let next = format!("run `chmod 600 {}`", path.display());
    Some(Check::failed_with(NAME, format!("{mode:04o}, others can read your password"), next))
}

#[cfg(not(unix))]
pub(super) fn mode(_: &DeploymentArguments) -> Option<Check> {
    None
}

/// Whether all endpoints can exist together, and whether results are public.
pub(super) fn wiring(config: &Config) -> Vec<Check> {
    const NAME: &str = "wiring";
    let endpoints = match Endpoints::new(&config.name, &config.extra_wiring) {
        Ok(endpoints) => endpoints,
        Err(error) => return vec![Check::error(NAME, &error)],
    };
    let shown = endpoints.endpoints.keys().filter(|(_, method)| *method != Method::Head);
    let (functions, paths) = (endpoints.functions.len(), shown.count());
    let mut checks = vec![Check::passed(NAME, format!("{paths} endpoints, {functions} functions"))];
    let open = open_results(config);
    if !open.is_empty() {
        checks.push(Check::warned(
            "public results",
            format!("anyone can read the results at {}", open.join(", ")),
            "set apiKeyRequired to true in extra_wiring, unless your results are public",
        ));
    }
    checks
}

/// The extra endpoints that show results without a key.
fn open_results(config: &Config) -> Vec<String> {
    let open = config.extra_wiring.iter().filter(|wiring| {
        let reads = wiring.lambda.handler.program() == Program::Experiments;
        reads && !wiring.api_gateway.method.api_key_required
    });
    open.map(|wiring| {
        let endpoint = &wiring.api_gateway;
        let path = endpoint.path_part.trim_matches('/');
        format!("{} /{path} ({})", endpoint.method.http_method, wiring.lambda.handler)
    })
    .collect()
}

/// The size of the artifacts, which were checked when they were read.
pub(crate) fn artifacts(config: &Config, artifacts: &Artifacts) -> Check {
    let bytes: usize = artifacts.all().map(|(_, artifact)| artifact.zip.len()).sum();
    let found = format!(
        "{}, {}, {:.1} MB",
        artifacts.origin,
        config.aws.architecture.name(),
        bytes as f64 / 1e6
    );
    Check::passed(ARTIFACTS, found)
}

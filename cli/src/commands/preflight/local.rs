//! Checks of what lies on this machine.

use abtest_model::{Config, Program};
use abtest_wiring::artifacts::Artifacts;
use abtest_wiring::endpoints::Endpoints;

use super::Check;
use crate::deployment::DeploymentArguments;

/// The name of the artefacts' check.
pub(super) const ARTIFACTS: &str = "artefacts";

/// Whether there is a config and it can be read.
pub(super) fn config(deployment: &DeploymentArguments) -> (Option<Config>, Check) {
    const NAME: &str = "config";
    let path = deployment.config_path();
    match (deployment.config(), path) {
        (Ok(config), Some(path)) => (Some(config), Check::passed(NAME, path.display().to_string())),
        (Ok(config), None) => {
            let next = "`abtest configure` makes one; ABTEST_… variables work without";
            (Some(config), Check::warned(NAME, "there is no config file", next))
        }
        (Err(error), _) => {
            let next = "`abtest configure` opens it in your editor";
            (None, Check::failed_with(NAME, format!("{error:#}"), next))
        }
    }
}

/// Whether others on this machine can read the config, which may hold a password.
#[cfg(unix)]
pub(super) fn mode(deployment: &DeploymentArguments) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt;
    const NAME: &str = "config mode";
    let path = deployment.config_path()?;
    let mode = std::fs::metadata(&path).ok()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Some(Check::passed(NAME, format!("{mode:04o}, only you can read it")));
    }
    let next = format!("chmod 600 {}", path.display());
    Some(Check::failed_with(NAME, format!("{mode:04o}, others can read your password"), next))
}

#[cfg(not(unix))]
pub(super) fn mode(_: &DeploymentArguments) -> Option<Check> {
    None
}

/// Whether all endpoints can exist together.
pub(super) fn wiring(config: &Config) -> Check {
    const NAME: &str = "wiring";
    match Endpoints::new(&config.name, &config.extra_wiring) {
        Ok(endpoints) => {
            let (functions, paths) = (endpoints.functions.len(), endpoints.endpoints.len());
            Check::passed(NAME, format!("{paths} endpoints, {functions} functions"))
        }
        Err(error) => Check::error(NAME, &error),
    }
}

/// The artefacts were checked when they were read.
pub(crate) fn artifacts(config: &Config, artifacts: &Artifacts) -> Check {
    let bytes: usize = Program::ALL.iter().map(|program| artifacts.of(*program).zip.len()).sum();
    let found = format!(
        "{}, {}, {:.1} MB",
        artifacts.origin,
        config.aws.architecture.name(),
        bytes as f64 / 1e6
    );
    Check::passed(ARTIFACTS, found)
}

//! The API that is looked at: its address and its key, and asking it.

use std::path::Path;
use std::time::Duration;

use abtest_api::KEY_HEADER;
use abtest_model::Secret;
use abtest_wiring::operate::keys;
use anyhow::{Context, Result, bail};
use http::{Method, StatusCode, Uri};

use crate::client;
use crate::deployment::{Deployment, DeploymentArguments};

/// API Gateway gives up after 29 seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes of an answer: ten thousand experiments take some tens of MiB.
const MAX_ANSWER_BYTES: u64 = 1 << 28;

/// An API with its key.
#[derive(Clone)]
pub(super) struct Upstream {
    agent: ureq::Agent,
    address: String,
    key: Secret,
}

/// What the API answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Upstream {
    /// The API at an address.
    pub(super) fn at(url: &str, key_file: Option<&Path>) -> Result<Self> {
        Ok(Self::new(address(url)?, client::key(key_file)?))
    }

    /// The deployed API, with the newest of its keys.
    pub(super) async fn deployed(arguments: &DeploymentArguments) -> Result<Self> {
        let deployment = Deployment::read(&arguments.config()?).await?;
        let address = deployment.address()?;
        let keys = keys(&deployment.account, &deployment.found).await?;
        let key = keys.into_iter().next().context("there is no key; run `abtest deploy`")?;
        Ok(Self::new(address, key.value))
    }

    fn new(address: String, key: Secret) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_TIMEOUT))
            .http_status_as_error(false)
            // A redirect could lead the key elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Self { agent: agent.into(), address, key }
    }

    /// Its address, without a slash at the end.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Asks it, with the key.
    pub(super) async fn ask(&self, method: Method, path_and_query: &str) -> Result<Answer> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path_and_query}", self.address))
            .header(KEY_HEADER, self.key.expose())
            .body(())?;
        let agent = self.agent.clone();
        // The small client of all commands blocks; the page asks for little at a time.
        let asked = tokio::task::spawn_blocking(move || {
            let mut answer = agent.run(request)?;
            let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
            Ok::<_, ureq::Error>(Answer { status: answer.status(), body })
        });
        asked.await?.with_context(|| format!("{} does not answer", self.address))
    }
}

/// An address as it was typed, checked, and without a slash at the end.
pub(super) fn address(url: &str) -> Result<String> {
    let wrong =
        || format!("`{}` is no address, such as https://example.org/prod", url.escape_debug());
    let parsed: Uri = url.parse().with_context(wrong)?;
    let is_web = matches!(parsed.scheme_str(), Some("http" | "https"));
    if !is_web || parsed.host().is_none_or(str::is_empty) || parsed.query().is_some() {
        bail!(wrong());
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// The address of the deployed API.
pub(super) async fn deployed_address(arguments: &DeploymentArguments) -> Result<String> {
    Deployment::read(&arguments.config()?).await?.address()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_the_web_and_has_no_slash_at_its_end() {
        assert_eq!(address("https://example.org/prod/").unwrap(), "https://example.org/prod");
        assert_eq!(address("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
        for wrong in ["", "example.org", "/prod", "ftp://example.org", "http://", "http://a/?b=c"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}

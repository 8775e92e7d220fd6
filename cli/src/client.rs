//! The CLI as a client of a running abtest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use abtest_model::Secret;
use anyhow::{Context, Result, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commands::serve;

/// Where the running abtest is, and its key.
#[derive(Debug, clap::Args)]
pub(crate) struct ClientArguments {
    /// Address of the running abtest: `serve`'s, or the stage's of a deployed API.
    #[arg(long, env = "ABTEST_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// File that holds the API key; ABTEST_API_KEY comes before it.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Namespace of the experiments.
    #[arg(long, default_value = abtest_model::Namespace::DEFAULT)]
    pub(crate) namespace: String,
}

/// An experiment as the API gives it, whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Listed(Value);

impl Listed {
    /// The experiment's name.
    pub(crate) fn name(&self) -> &str {
        self.0["experiment"].as_str().unwrap_or_default()
    }

    /// How its counters count.
    pub(crate) fn counting(&self) -> &str {
        self.0["counting"].as_str().unwrap_or_default()
    }

    /// How many goals were reached.
    pub(crate) fn goals(&self) -> usize {
        self.0["goals"].as_array().map_or(0, Vec::len)
    }

    /// How many variants were seen.
    pub(crate) fn variants(&self) -> usize {
        self.0["variants"].as_array().map_or(0, Vec::len)
    }

    /// Participants of all variants.
    pub(crate) fn participants(&self) -> u64 {
        let variants = self.0["variants"].as_array();
        variants.into_iter().flatten().filter_map(|variant| variant["trials"].as_u64()).sum()
    }
}

/// A client of one abtest.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    key: Secret,
    namespace: String,
}

impl Client {
    pub(crate) fn new(arguments: &ClientArguments) -> Result<Self> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build();
        Ok(Self {
            agent: agent.into(),
            url: arguments.url.trim_end_matches('/').to_owned(),
            key: key(arguments.api_key_file.as_deref())?,
            namespace: arguments.namespace.clone(),
        })
    }

    /// Every experiment of the namespace.
    pub(crate) fn experiments(&self) -> Result<Vec<Listed>> {
        let question = [("analysis", "none".to_owned())];
        let text = self.get("/experiments", &question)?.context("the API gave no list")?;
        let elements: Vec<Listed> =
            serde_json::from_str(&text).context("the answer is no list of experiments")?;
        Ok(elements.into_iter().skip(1).collect())
    }

    /// The answer at a path; none where there is no such thing.
    pub(crate) fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<Option<String>> {
        self.call("GET", path, parameters)
    }

    /// What comes of doing what is at a path; none where there is no such thing.
    pub(crate) fn post(&self, path: &str, parameters: &[(&str, String)]) -> Result<Option<String>> {
        self.call("POST", path, parameters)
    }

    /// Deletes an experiment, and tells whether it was there.
    pub(crate) fn delete(&self, experiment: &str) -> Result<bool> {
        Ok(self.call("DELETE", &path_of(experiment), &[])?.is_some())
    }

    /// Sends a request; none where there is no such thing.
    fn call(
        &self,
        method: &str,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<Option<String>> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}?{}", self.url, query(&self.namespace, parameters)))
            .header("x-api-key", self.key.expose())
            .body(())?;
        let mut answer = self.agent.run(request).with_context(|| {
            format!("{} does not answer; is it running? set --url or ABTEST_URL", self.url)
        })?;
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string()?;
        match answer.status().as_u16() {
            200 => Ok(Some(text)),
            404 => Ok(None),
            401 | 403 => bail!(
                "{} refuses the API key; set ABTEST_API_KEY or --api-key-file to its key",
                self.url
            ),
            status => {
                let problem: Value = serde_json::from_str(&text).unwrap_or_default();
                let detail = problem["detail"].as_str().unwrap_or("no detail");
                bail!("{} answered {status}: {detail}", self.url)
            }
        }
    }
}

/// An experiment's path in the API.
pub(crate) fn path_of(experiment: &str) -> String {
    format!("/experiments/{}", utf8_percent_encode(experiment, NON_ALPHANUMERIC))
}

/// The query string that asks about a namespace.
pub(crate) fn query(namespace: &str, parameters: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("namespace", namespace)
        .extend_pairs(parameters)
        .finish()
}

/// The API key: from ABTEST_API_KEY, else from a file, else what `serve` here made.
pub(crate) fn key(file: Option<&Path>) -> Result<Secret> {
    if let Some(key) = std::env::var("ABTEST_API_KEY").ok().filter(|key| !key.is_empty()) {
        return Ok(Secret::new(key));
    }
    let file = match file {
        Some(file) => file.to_owned(),
        None => PathBuf::from("abtest-data").join(serve::KEY_FILE),
    };
    let key = std::fs::read_to_string(&file).with_context(|| {
        format!("no API key in {}; set ABTEST_API_KEY, or --api-key-file", file.display())
    })?;
    Ok(Secret::new(key.trim()))
}

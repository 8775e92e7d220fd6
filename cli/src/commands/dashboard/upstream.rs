//! The API behind the dashboard.

use abtest_api::KEY_HEADER;
use anyhow::{Error, Result};
use http::{Method, StatusCode};

use crate::client::{Target, agent, no_answer};

/// Most bytes of an answer. Ten thousand experiments take some tens of MiB.
const MAX_ANSWER_BYTES: u64 = 1 << 28;

/// An API with its key.
pub(super) struct Upstream {
    agent: ureq::Agent,
    target: Target,
}

/// What the API answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Upstream {
    pub(super) fn new(target: Target) -> Self {
        Self { agent: agent(), target }
    }

    /// Its address, without a slash at the end.
    pub(super) fn address(&self) -> &str {
        self.target.address.as_str()
    }

    /// Sends it a request with the key.
    pub(super) async fn ask(&self, method: Method, path_and_query: &str) -> Result<Answer> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path_and_query}", self.address()))
            .header(KEY_HEADER, self.target.key.expose())
            .body(())?;
        let agent = self.agent.clone();
        // The client of all commands blocks. The page sends few requests at a time.
        let asked = tokio::task::spawn_blocking(move || {
            let mut answer = agent.run(request)?;
            let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
            Ok(Answer { status: answer.status(), body })
        });
        asked
            .await?
            .map_err(|error: ureq::Error| Error::msg(no_answer(&self.target.address, &error)))
    }
}

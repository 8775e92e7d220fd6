//! The API behind the dashboard.

use abtest_api::{ACTOR_HEADER, KEY_HEADER, ROLE_HEADER};
use abtest_model::{Namespace, Role};
use anyhow::{Error, Result};
use http::StatusCode;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LINK};
use http::request::Parts;

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
    /// The headers that the page reads.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// The headers of the page's requests that the API needs.
const FORWARDED: [HeaderName; 4] =
    [CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, HeaderName::from_static(ACTOR_HEADER)];

/// The headers of the API's answers that the page reads: a document's version, where the next part of
/// the list is, and the role of the key.
const RETURNED: [HeaderName; 3] = [ETAG, LINK, HeaderName::from_static(ROLE_HEADER)];

impl Upstream {
    pub(super) fn new(target: Target) -> Self {
        Self { agent: agent(), target }
    }

    /// Its address, without a slash at the end.
    pub(super) fn address(&self) -> &str {
        self.target.address.as_str()
    }

    /// What the key may do. If the API does not say it, the API still refuses what the key may not do.
    pub(super) async fn role(&self, namespace: &Namespace) -> Role {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("namespace", namespace.as_str())
            .finish();
        let Ok(request) = http::Request::get(format!("/settings?{query}")).body(()) else {
            return Role::Edit;
        };
        let answer = self.ask(&request.into_parts().0, Vec::new()).await;
        let headers = answer.map(|answer| answer.headers).unwrap_or_default();
        let is_read = |(name, value): &(HeaderName, HeaderValue)| {
            name == ROLE_HEADER && value.as_bytes() == Role::Read.as_str().as_bytes()
        };
        if headers.iter().any(is_read) { Role::Read } else { Role::Edit }
    }

    /// Sends it a request of the page, with the key.
    pub(super) async fn ask(&self, head: &Parts, body: Vec<u8>) -> Result<Answer> {
        let path_and_query = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut request = http::Request::builder()
            .method(head.method.clone())
            .uri(format!("{}{path_and_query}", self.address()))
            .header(KEY_HEADER, self.target.key.expose());
        for name in FORWARDED {
            if let Some(value) = head.headers.get(&name) {
                request = request.header(name, value);
            }
        }
        let request = request.body(body)?;
        let agent = self.agent.clone();
        // The client of all commands blocks. The page sends few requests at a time.
        let asked = tokio::task::spawn_blocking(move || {
            let is_empty = request.body().is_empty();
            let mut answer =
                if is_empty { agent.run(request.map(drop))? } else { agent.run(request)? };
            let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
            let headers = RETURNED
                .into_iter()
                .filter_map(|name| Some((answer.headers().get(&name)?.clone(), name)))
                .map(|(value, name)| (name, value));
            Ok(Answer { status: answer.status(), body, headers: headers.collect() })
        });
        asked
            .await?
            .map_err(|error: ureq::Error| Error::msg(no_answer(&self.target.address, &error)))
    }
}

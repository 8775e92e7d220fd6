//! The CLI as a client of a running abtest.

mod target;

use std::time::Duration;

use abtest_model::Secret;
use anyhow::{Context, Result, anyhow, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::Address;
use crate::shell;
use crate::terminal::printable;

pub(crate) use target::{
    ClientArguments, ServerArguments, Target, experiment_name, namespace, usual,
};

/// An experiment as the API gives it, whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Listed(Value);

impl Listed {
    /// The experiment's name.
    pub(crate) fn name(&self) -> &str {
        self.0["experiment"].as_str().unwrap_or_default()
    }

    /// A member of its definition, or null.
    pub(crate) fn defined(&self, member: &str) -> &Value {
        &self.0["definition"][member]
    }

    /// The outcome of its analysis in a word, if it was asked for.
    pub(crate) fn outcome(&self) -> Option<&str> {
        self.0["summary"]["outcome"].as_str()
    }

    /// Participants of all variants.
    pub(crate) fn participants(&self) -> u64 {
        let variants = self.0["variants"].as_array();
        variants.into_iter().flatten().filter_map(|variant| variant["trials"].as_u64()).sum()
    }
}

/// abtest refused a request and said why.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    /// The HTTP status.
    pub(crate) status: u16,
    message: String,
    /// The problem document of the API.
    problem: Value,
}

impl Refused {
    /// The value of the definition's member that breaks a rule, if it does.
    pub(crate) fn violation(&self, member: &str) -> Option<Value> {
        let mut violations = self.problem["violations"].as_array().into_iter().flatten();
        let value = violations.find(|one| one["member"] == member)?["value"].as_str()?;
        // A violation shows the value as JSON.
        serde_json::from_str(value).ok()
    }
}

const UNSENDABLE_KEY: &str = "the API key cannot be sent: it must be one line of ASCII; check ABTEST_API_KEY or --api-key-file";

/// Who uses this program, for the history of definitions: ABTEST_ACTOR, else the user's name. It is
/// not verified.
fn actor() -> String {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = ["ABTEST_ACTOR", "USER", "LOGNAME", "USERNAME"].into_iter().find_map(variable);
    let name = name.or_else(|| whoami::username().ok()).unwrap_or_default();
    name.chars().filter(|one| !one.is_control()).take(50).collect()
}

/// A client of one abtest.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    address: Address,
    key: Secret,
    namespace: String,
}

impl Client {
    pub(crate) fn new(arguments: &ClientArguments) -> Result<Self> {
        Ok(Self::of(arguments.server.target()?, &arguments.namespace))
    }

    pub(crate) fn of(target: Target, namespace: &str) -> Self {
        let Target { address, key } = target;
        Self { agent: agent(), address, key, namespace: namespace.to_owned() }
    }

    /// The flag that a command needs for this client's namespace, after a space; nothing for the
    /// default namespace.
    pub(crate) fn namespace_flag(&self) -> String {
        if self.namespace.is_empty() || self.namespace == abtest_model::Namespace::DEFAULT {
            return String::new();
        }
        format!(" --namespace {}", shell::word(&self.namespace))
    }

    /// A client for what concerns all namespaces.
    pub(crate) fn of_all_namespaces(server: &ServerArguments) -> Result<Self> {
        Ok(Self::of(server.target()?, ""))
    }

    /// Every experiment of the namespace, archived ones too, with its counts only.
    pub(crate) fn experiments(&self) -> Result<Vec<Listed>> {
        let every = "draft,running,paused,completed,archived,undefined".to_owned();
        self.list(&[("analysis", "none".to_owned()), ("status", every)])
    }

    /// The experiments of the namespace, as the parameters choose and show them.
    pub(crate) fn list(&self, parameters: &[(&str, String)]) -> Result<Vec<Listed>> {
        let text = self.get("/experiments", parameters)?.with_context(|| self.wrong_path())?;
        let elements: Vec<Listed> =
            serde_json::from_str(&text).with_context(|| self.not_abtest("the list is not one"))?;
        Ok(elements.into_iter().skip(1).collect())
    }

    /// The answer at a path; `None` if there is no such thing.
    pub(crate) fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<Option<String>> {
        self.call("GET", path, parameters)
    }

    /// The answer at a path, with its `ETag`; `None` if there is no such thing.
    pub(crate) fn get_with_tag(&self, path: &str) -> Result<Option<(String, String)>> {
        let request = self.request("GET", path, &[]).body(()).context(UNSENDABLE_KEY)?;
        self.exchange_with_tag(path, request)
    }

    /// Deletes an experiment, and tells whether it was there.
    pub(crate) fn delete(&self, experiment: &str) -> Result<bool> {
        Ok(self.call("DELETE", &path_of(experiment), &[])?.is_some())
    }

    /// Removes a variant or a goal of an experiment, and tells whether it was there. `kind` is `variants`
    /// or `goals`.
    pub(crate) fn prune(&self, experiment: &str, kind: &str, name: &str) -> Result<bool> {
        let path = format!("{}/{kind}/{}", path_of(experiment), segment(name));
        Ok(self.call("DELETE", &path, &[])?.is_some())
    }

    /// Sends a request; `None` if there is no such thing.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<Option<String>> {
        let request = self.request(method, path, parameters).body(()).context(UNSENDABLE_KEY)?;
        self.exchange(path, request)
    }

    /// Sends a change in JSON; `None` if there is no such thing. `condition` is a header with the
    /// version that may be changed. Refusals of abtest are [`Refused`].
    pub(crate) fn change(
        &self,
        method: &str,
        path: &str,
        parameters: &[(&str, String)],
        condition: Option<(&str, &str)>,
        body: &Value,
    ) -> Result<Option<String>> {
        let mut request =
            self.request(method, path, parameters).header("content-type", "application/json");
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        self.exchange(path, request.body(body.to_string()).context(UNSENDABLE_KEY)?)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        parameters: &[(&str, String)],
    ) -> http::request::Builder {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}?{}", self.address, query(&self.namespace, parameters)))
            .header("x-api-key", self.key.expose());
        if method == "GET" { request } else { request.header("x-abtest-actor", actor()) }
    }

    fn exchange(
        &self,
        path: &str,
        request: http::Request<impl ureq::AsSendBody>,
    ) -> Result<Option<String>> {
        Ok(self.exchange_with_tag(path, request)?.map(|(text, _)| text))
    }

    fn exchange_with_tag(
        &self,
        path: &str,
        request: http::Request<impl ureq::AsSendBody>,
    ) -> Result<Option<(String, String)>> {
        tracing::info!("{} {}{path}", request.method(), self.address);
        let mut answer =
            self.agent.run(request).map_err(|error| no_answer(&self.address, &error))?;
        let status = answer.status().as_u16();
        let header = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (content_type, location) = (header("content-type"), header("location"));
        let (retry_after, tag) = (header("retry-after"), header("etag"));
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string();
        let text = text.map_err(|error| no_answer(&self.address, &error))?;
        match status {
            200 | 201 if content_type.starts_with("application/json") => Ok(Some((text, tag))),
            200 | 201 => bail!(self.not_abtest(&format!("it sent {content_type:?}"))),
            404 if content_type.starts_with("application/problem+json") => {
                // Every abtest has a list: another program, or another path of abtest, answered.
                if path == "/experiments" {
                    bail!(self.wrong_path());
                }
                // There is a list, so it is the experiment that is missing.
                self.experiments_are_there()?;
                Ok(None)
            }
            404 => bail!(self.wrong_path()),
            _ => Err(self.refusal(status, &location, &retry_after, &text)),
        }
    }

    /// The error for an answer that is neither 200 nor 404.
    fn refusal(&self, status: u16, location: &str, retry_after: &str, text: &str) -> anyhow::Error {
        match status {
            300..=399 => {
                anyhow!(
                    "{} redirects to {location}; write --url with the new address",
                    self.address
                )
            }
            401 | 403 if self.address.lacks_stage() => anyhow!(
                "{address} is an address of API Gateway without its stage; write --url {address}/prod",
                address = self.address
            ),
            403 if text.contains("may only read") => anyhow!(
                "the key of {} may only read; set ABTEST_API_KEY or --api-key-file to the key that may edit",
                self.address
            ),
            401 | 403 => anyhow!(
                "{} refuses the API key; set ABTEST_API_KEY or --api-key-file to its key",
                self.address
            ),
            status => {
                let problem: Value = serde_json::from_str(text).unwrap_or_default();
                match problem["detail"].as_str().map(str::to_owned) {
                    Some(detail) => {
                        let mut message = format!("{} answered {status}: {detail}", self.address);
                        if let Some(id) = problem["request_id"].as_str() {
                            message += &format!(" (request_id {id})");
                        }
                        if retry_after.parse::<u64>().is_ok() {
                            message += &format!("; Retry-After: {retry_after} seconds");
                        }
                        Refused { status, message: printable(&message), problem }.into()
                    }
                    None => anyhow!(
                        "{} answered {status} without a reason{}",
                        self.address,
                        self.other_scheme_hint()
                    ),
                }
            }
        }
    }

    /// An error if no abtest answers, or if it refuses the key.
    pub(crate) fn check(&self) -> Result<()> {
        self.experiments_are_there()
    }

    /// An error if the address has no list of experiments, so that its path must be wrong.
    fn experiments_are_there(&self) -> Result<()> {
        let parameters = [("analysis", "none".to_owned()), ("scope", "-".to_owned())];
        self.get("/experiments", &parameters)?.map(drop).with_context(|| self.wrong_path())
    }

    fn wrong_path(&self) -> String {
        let tried = format!("{}/experiments", self.address);
        let origin = self.address.origin();
        if origin == self.address.as_str() {
            format!("there is no abtest at {origin}: {tried} does not exist; check --url")
        } else {
            format!(
                "there is no abtest at {}: {tried} does not exist; try --url {origin}",
                self.address
            )
        }
    }

    fn not_abtest(&self, why: &str) -> String {
        format!("{} answers, but not as abtest does ({why}); check --url", self.address)
    }

    fn other_scheme_hint(&self) -> String {
        if self.address.is_https() {
            return String::new();
        }
        format!("; if it expects HTTPS, write --url {}", self.address.with_other_scheme())
    }
}

/// How long an answer may take. API Gateway gives up after 29 seconds.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// An agent that follows no redirect, which could lead the key elsewhere.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into()
}

/// Why there is no answer, and what would work.
pub(crate) fn no_answer(address: &Address, error: &ureq::Error) -> anyhow::Error {
    use std::io::ErrorKind;
    let other = address.with_other_scheme();
    let unknown_host = || {
        anyhow!(
            "the host of {address} is unknown; check --url, for example --url http://127.0.0.1:8080"
        )
    };
    match error {
        ureq::Error::HostNotFound => unknown_host(),
        // The resolver's own error has no kind.
        ureq::Error::Io(error) if error.to_string().contains("lookup address") => unknown_host(),
        ureq::Error::Timeout(_) => anyhow!(
            "{address} did not answer within {} seconds; check --url and the network",
            ANSWER_TIMEOUT.as_secs()
        ),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => anyhow!(
            "nothing listens at {address}; start `abtest serve`, or name another address with --url"
        ),
        _ if address.is_https() => anyhow!(
            "{address} does not answer over HTTPS ({error}); if it speaks plain HTTP, write --url {other}"
        ),
        _ => anyhow!(
            "{address} does not answer over HTTP ({error}); if it expects HTTPS, write --url {other}"
        ),
    }
}

/// An experiment's path in the API.
pub(crate) fn path_of(experiment: &str) -> String {
    format!("/experiments/{}", segment(experiment))
}

/// A name as one part of a path.
pub(crate) fn segment(name: &str) -> impl std::fmt::Display {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
}

/// The query string that asks about a namespace; without one if it is empty.
pub(crate) fn query(namespace: &str, parameters: &[(&str, String)]) -> String {
    let namespace = (!namespace.is_empty()).then_some(("namespace", namespace));
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(namespace)
        .extend_pairs(parameters)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    fn client(address: &str) -> Client {
        let target = Target { address: address.parse().unwrap(), key: Secret::new("key") };
        Client::of(target, "alephbet")
    }

    #[test]
    fn a_failure_of_the_server_shows_its_request_id_and_when_to_retry() {
        let text = r#"{"detail": "the store is away", "request_id": "abc"}"#;
        let error = client("http://127.0.0.1:1").refusal(503, "", "2", text).to_string();
        assert!(error.ends_with("the store is away (request_id abc); Retry-After: 2 seconds"));
        let error = client("http://127.0.0.1:1").refusal(500, "", "", text).to_string();
        assert!(error.ends_with("the store is away (request_id abc)"), "{error}");
    }

    /// A server that sends the same bytes to every request. A connection without a request stops it;
    /// then it returns the number of requests.
    fn server(answer: &'static [u8]) -> (String, JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = std::thread::spawn(move || {
            for count in 0.. {
                let (mut stream, _) = listener.accept().unwrap();
                if stream.read(&mut [0; 4_096]).unwrap_or_default() == 0 {
                    return count;
                }
                // The client may close the connection first.
                let _ = stream.write_all(answer);
            }
            0
        });
        (address, served)
    }

    fn answered(answer: &'static [u8]) -> (String, String, usize) {
        let (address, served) = server(answer);
        let error = client(&format!("http://{address}")).experiments().unwrap_err();
        drop(std::net::TcpStream::connect(&address).unwrap());
        (address, format!("{error:#}"), served.join().unwrap())
    }

    #[test]
    fn a_redirect_is_named_and_the_key_does_not_follow_it() {
        let (address, error, requests) = answered(
            b"HTTP/1.1 301 Moved\r\nlocation: https://example.org/\r\ncontent-length: 0\r\n\r\n",
        );
        let expected = format!(
            "http://{address} redirects to https://example.org/; write --url with the new address"
        );
        assert_eq!((error, requests), (expected, 1));
    }

    #[test]
    fn plain_http_to_a_server_of_https_suggests_https() {
        let answers: [&[u8]; 2] = [
            // A TLS alert, as OpenSSL sends it.
            b"\x15\x03\x01\x00\x02\x02\x46",
            // The answer of a proxy such as nginx.
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n",
        ];
        for answer in answers {
            let (address, error, _) = answered(answer);
            let hint = format!("if it expects HTTPS, write --url https://{address}");
            assert!(error.contains(&hint), "{error}");
        }
    }

    #[test]
    fn an_address_of_api_gateway_without_its_stage_is_completed() {
        let host = "https://abc.execute-api.eu-west-1.amazonaws.com";
        let refusal = |address: &str| client(address).refusal(403, "", "", "").to_string();
        assert!(refusal(host).contains(&format!("without its stage; write --url {host}/prod")));
        assert!(refusal(&format!("{host}/prod")).contains("refuses the API key"));
    }

    #[test]
    fn an_answer_of_something_else_is_not_taken_for_an_abtest() {
        let (address, error, _) =
            answered(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi");
        let expected = format!("http://{address} answers, but not as abtest does");
        assert!(error.starts_with(&expected), "{error}");
    }

    #[test]
    fn a_wrong_path_is_named_with_the_address_to_try() {
        let answers: [&[u8]; 2] = [
            // Another program.
            b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n",
            // An abtest, asked below its address.
            b"HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\n\
              content-length: 2\r\n\r\n{}",
        ];
        for answer in answers {
            let (address, error, _) = answered(answer);
            let expected = format!(
                "there is no abtest at http://{address}: http://{address}/experiments does not \
                 exist; check --url"
            );
            assert_eq!(error, expected);
        }
        let below = client("http://127.0.0.1:1/prod").wrong_path();
        assert!(below.ends_with("/prod/experiments does not exist; try --url http://127.0.0.1:1"));
    }

    #[test]
    fn a_key_that_no_header_can_hold_is_named() {
        let target = Target {
            address: "http://127.0.0.1:1".parse().unwrap(),
            key: Secret::new("two\nlines"),
        };
        let error = Client::of(target, "alephbet").experiments().unwrap_err();
        assert!(error.to_string().contains("check ABTEST_API_KEY or --api-key-file"), "{error}");
    }
}

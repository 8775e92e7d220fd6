//! Answers requests to the port on this machine. Only the browser that opened the printed link gets
//! the data.

use abtest_api::AnswerBody;
use abtest_model::{Namespace, Role};
use http::header::{HOST, ORIGIN, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;

use super::upstream::{Answer, Upstream};
use crate::page::answer::{problem, text, with_type};
use crate::page::{self, Sessions};

/// Serves the page and forwards its requests to the API.
pub(super) struct Proxy {
    upstream: Upstream,
    sessions: Sessions,
    /// The host names that a browser uses for this port.
    hosts: [String; 2],
    session: String,
}

impl Proxy {
    /// `role` is what the key may do.
    pub(super) fn new(upstream: Upstream, namespace: &Namespace, role: Role, port: u16) -> Self {
        let track = format!("{}/track", upstream.address());
        let session = serde_json::json!({
            "namespace": namespace.as_str(), "track": track, "role": role.as_str(),
        });
        Self {
            upstream,
            sessions: Sessions::new(port, None),
            hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")],
            session: session.to_string(),
        }
    }

    /// The token in the printed link.
    pub(super) fn token(&self) -> &str {
        self.sessions.token()
    }

    /// Whether a request names this port by its own host name and comes from no other origin. This
    /// refuses a foreign host name that resolves to this machine (DNS rebinding).
    fn is_meant<B>(&self, request: &Request<B>) -> bool {
        let header = |name| request.headers().get(name).map(|value| value.to_str().ok());
        let Some(Some(host)) = header(HOST) else { return false };
        let from_here = match header(ORIGIN) {
            None => true,
            Some(origin) => origin.and_then(|origin| origin.strip_prefix("http://")) == Some(host),
        };
        from_here && self.hosts.iter().any(|known| known == host)
    }

    fn log_out<B>(&self, request: &Request<B>) -> Response<AnswerBody> {
        let mut response = text(StatusCode::NO_CONTENT, "");
        if let Some(cookie) = self.sessions.close(request) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    async fn forward<B: Body>(&self, request: Request<B>) -> Response<AnswerBody> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return problem(StatusCode::BAD_REQUEST, "the body ended before it was complete");
        };
        match self.upstream.ask(&head, body.to_bytes().to_vec()).await {
            Ok(answer) if is_refused_key(&answer) => problem(
                StatusCode::FORBIDDEN,
                &format!(
                    "{} refuses the API key. Stop `abtest dashboard` and start it again: it reads \
                     the key again. With --url, set ABTEST_API_KEY or --api-key-file.",
                    self.upstream.address()
                ),
            ),
            Ok(answer) if only_reads(&answer) => problem(
                StatusCode::FORBIDDEN,
                "The key of this dashboard may only read. To change something, start \
                 `abtest dashboard` again with ABTEST_API_KEY or --api-key-file set to the edit key.",
            ),
            Ok(answer) => {
                let mut response = with_type(answer.status, "application/json", answer.body);
                response.headers_mut().extend(answer.headers);
                response
            }
            Err(error) => problem(StatusCode::BAD_GATEWAY, &format!("{error:#}.")),
        }
    }
}

impl Proxy {
    /// Answers a request.
    pub(super) async fn answer<B: Body>(&self, request: Request<B>) -> Response<AnswerBody> {
        if !self.is_meant(&request) {
            return text(StatusCode::FORBIDDEN, "open the link that `abtest dashboard` printed");
        }
        if let Some(answer) = page::answer(&request, &self.sessions) {
            return answer;
        }
        if !self.sessions.holds(&request) {
            return page::no_session("link", "open the link that `abtest dashboard` printed");
        }
        match request.uri().path() {
            "/session" if request.method() == Method::DELETE => self.log_out(&request),
            "/session" => with_type(StatusCode::OK, "application/json", self.session.clone()),
            path if is_forwarded(request.method(), path) => self.forward(request).await,
            _ => problem(
                StatusCode::NOT_FOUND,
                "the dashboard forwards only what its page asks for; send other requests to the API",
            ),
        }
    }
}

/// Whether the gateway or the API refuses the key. A key that may only read gets a problem of the API.
fn is_refused_key(answer: &Answer) -> bool {
    let has_detail = || {
        let body: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
        body.is_some_and(|body| body["detail"].is_string())
    };
    match answer.status {
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FORBIDDEN => !has_detail(),
        _ => false,
    }
}

/// Whether the API refuses a change because the key may only read.
fn only_reads(answer: &Answer) -> bool {
    answer.status == StatusCode::FORBIDDEN
        && String::from_utf8_lossy(&answer.body).contains("may only read")
}

/// Whether the page sends such requests.
fn is_forwarded(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET | Method::HEAD => {
            let page_reads = ["/experiments", "/settings", "/schemas/experiment.json"];
            page_reads.contains(&path) || path.starts_with("/experiments/")
        }
        Method::PUT => {
            let page_puts = ["/control", "/definition"];
            path.starts_with("/experiments/") && page_puts.iter().any(|end| path.ends_with(end))
        }
        Method::PATCH => {
            path == "/settings"
                || (path.starts_with("/experiments/") && path.ends_with("/definition"))
        }
        Method::DELETE => path == "/delete" || path.starts_with("/experiments/"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use abtest_model::Secret;

    use super::*;
    use crate::client::Target;

    fn proxy() -> Proxy {
        let address = "http://127.0.0.1:9/prod/".parse().unwrap();
        let upstream = Upstream::new(Target { address, key: Secret::new("secret") });
        Proxy::new(upstream, &Namespace::new("shop").unwrap(), Role::Read, 8090)
    }

    #[test]
    fn only_its_own_names_reach_it() {
        let proxy = proxy();
        let is_meant = |host: &str, origin: Option<&str>| {
            let mut request = Request::builder().header(HOST, host);
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            proxy.is_meant(&request.body(()).unwrap())
        };
        assert!(is_meant("127.0.0.1:8090", None));
        assert!(is_meant("localhost:8090", Some("http://localhost:8090")));
        for host in ["evil.example:8090", "127.0.0.1", "127.0.0.1:80", "localhost:8090.evil", ""] {
            assert!(!is_meant(host, None), "{host}");
        }
        for origin in ["http://evil.example", "http://127.0.0.1:8091", "null", "127.0.0.1:8090"] {
            assert!(!is_meant("127.0.0.1:8090", Some(origin)), "{origin}");
        }
        assert!(!proxy.is_meant(&Request::new(())));
    }

    #[test]
    fn it_forwards_what_the_page_asks_and_nothing_else() {
        assert!(is_forwarded(&Method::GET, "/experiments"));
        assert!(is_forwarded(&Method::HEAD, "/experiments/a"));
        assert!(is_forwarded(&Method::DELETE, "/experiments/a%2Fb"));
        assert!(is_forwarded(&Method::PUT, "/experiments/a%2Fb/control"));
        assert!(is_forwarded(&Method::PUT, "/experiments/a%2Fb/definition"));
        assert!(is_forwarded(&Method::PATCH, "/experiments/a%2Fb/definition"));
        assert!(is_forwarded(&Method::PATCH, "/settings"));
        assert!(is_forwarded(&Method::GET, "/settings"));
        assert!(!is_forwarded(&Method::PATCH, "/experiments/a"));
        assert!(!is_forwarded(&Method::PUT, "/experiments/a"));
        for path in ["/track", "/experimentsx", "/openapi.json", "/../admin", "//evil.example/"] {
            assert!(!is_forwarded(&Method::GET, path), "{path}");
        }
        assert!(!is_forwarded(&Method::DELETE, "/experiments"));
        assert!(!is_forwarded(&Method::POST, "/experiments/a"));
    }

    #[test]
    fn the_page_learns_where_browsers_track_and_the_role_of_the_key_but_never_the_key() {
        let session: serde_json::Value = serde_json::from_str(&proxy().session).unwrap();
        let expected = serde_json::json!({"namespace": "shop", "track": "http://127.0.0.1:9/prod/track", "role": "read"});
        assert_eq!(session, expected);
    }
}

//! Sessions: a cookie gives the browser access to the operator's endpoints. The browser gets the cookie
//! for the one-time token of the printed link, or for the API key. The URL keeps neither of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abtest_api::SecretDigest;
use abtest_config::PublicUrl;
use abtest_model::Role;
use http::header::{COOKIE, HOST, HeaderValue, ORIGIN};
use http::{HeaderMap, Request};

/// What the page adds to its requests.
const PAGE_HEADER: &str = "x-abtest-page";

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The sessions of this process. A restart ends them.
pub(crate) struct Sessions {
    cookie: String,
    /// Where browsers reach the page, if a proxy is in front of this process.
    public_url: Option<PublicUrl>,
    token: String,
    token_digest: SecretDigest,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token_used: bool,
    /// The open sessions.
    open: HashMap<String, Session>,
}

/// An open session.
struct Session {
    start: Instant,
    /// What its holder may do.
    role: Role,
}

impl Sessions {
    /// The sessions of a port. Browsers send a cookie to every port of a host. The name of the cookie
    /// contains the port, so that two abtests on one host have separate sessions.
    pub(crate) fn new(port: u16, public_url: Option<PublicUrl>) -> Self {
        let token = random();
        Self {
            cookie: format!("abtest_{port}"),
            public_url,
            token_digest: SecretDigest::of(token.as_bytes()),
            token,
            state: Mutex::default(),
        }
    }

    /// Where browsers reach the page, if a proxy is in front of this process.
    pub(crate) fn public_url(&self) -> Option<&PublicUrl> {
        self.public_url.as_ref()
    }

    /// The token that opens one session.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Opens a session for the token, once.
    pub(crate) fn redeem(&self, token: &str) -> Option<HeaderValue> {
        let mut state = self.lock();
        if state.token_used || !self.token_digest.matches(token.as_bytes()) {
            return None;
        }
        state.token_used = true;
        drop(state);
        self.open(Role::Edit)
    }

    /// Opens a session in a role, and returns the cookie that names it.
    pub(crate) fn open(&self, role: Role) -> Option<HeaderValue> {
        self.open_at(role, Instant::now())
    }

    fn open_at(&self, role: Role, now: Instant) -> Option<HeaderValue> {
        let session = random();
        let cookie = self.cookie(&session, LIFETIME);
        let mut state = self.lock();
        state.open.retain(|_, session| is_alive(session.start, now));
        state.open.insert(session, Session { start: now, role });
        HeaderValue::from_str(&cookie).ok()
    }

    /// The cookie for `Set-Cookie`. If the public address has TLS, the browser sends it over TLS only.
    fn cookie(&self, session: &str, lifetime: Duration) -> String {
        let name = &self.cookie;
        let seconds = lifetime.as_secs();
        let is_https = self.public_url.as_ref().is_some_and(PublicUrl::is_https);
        let secure = if is_https { "; Secure" } else { "" };
        format!("{name}={session}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}")
    }

    /// Ends the session of a request, and returns the cookie that makes the browser forget it.
    pub(crate) fn close<B>(&self, request: &Request<B>) -> Option<HeaderValue> {
        let mut state = self.lock();
        for session in self.named(request.headers()) {
            state.open.remove(session);
        }
        HeaderValue::from_str(&self.cookie("", Duration::ZERO)).ok()
    }

    /// Whether a request comes from our page and has a session.
    pub(crate) fn holds<B>(&self, request: &Request<B>) -> bool {
        self.role(request).is_some()
    }

    /// The role of the session of a request from our page. A browser sends the cookie to every port of
    /// the host, so the request must also show that its page has our origin.
    pub(crate) fn role<B>(&self, request: &Request<B>) -> Option<Role> {
        self.role_at(request, Instant::now())
    }

    fn role_at<B>(&self, request: &Request<B>, now: Instant) -> Option<Role> {
        if !is_of_our_page(request.headers()) || !self.is_of_our_origin(request.headers()) {
            return None;
        }
        let state = self.lock();
        let sessions = self.named(request.headers()).filter_map(|name| state.open.get(name));
        sessions.filter(|session| is_alive(session.start, now)).map(|session| session.role).max()
    }

    /// Whether a browser sent a request for a page of another site. Programs that are no browsers send no
    /// such headers.
    pub(crate) fn is_of_another_site(&self, headers: &HeaderMap) -> bool {
        match headers.get("sec-fetch-site") {
            Some(site) => !matches!(site.as_bytes(), b"same-origin" | b"none"),
            None => !self.is_of_our_origin(headers),
        }
    }

    /// Whether the `Origin` of a request is that of our page: the public address, or the host of the
    /// request. Browsers send `Origin` with every request that changes something.
    fn is_of_our_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if self.public_url.as_ref().is_some_and(|url| url.as_str() == origin) {
            return true;
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        origin.split_once("://").is_some_and(|(_, named)| Some(named) == host)
    }

    /// The values of our cookie.
    fn named<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let name = &self.cookie;
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(move |cookie| cookie.trim().strip_prefix(name.as_str())?.strip_prefix('='))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_alive(start: Instant, now: Instant) -> bool {
    now.saturating_duration_since(start) < LIFETIME
}

/// Browsers send `Sec-Fetch-Site` to this machine and over HTTPS. Elsewhere the page sends a header of
/// its own, which pages of other origins cannot send, because our CORS does not allow it.
fn is_of_our_page(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site.as_bytes() == b"same-origin",
        None => headers.contains_key(PAGE_HEADER),
    }
}

fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookie: &HeaderValue, site: &str) -> Request<()> {
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let request = Request::builder().header(COOKIE, format!("other=1; {cookie}"));
        request.header("sec-fetch-site", site).body(()).unwrap()
    }

    #[test]
    fn the_printed_link_works_once() {
        let sessions = Sessions::new(8080, None);
        for guess in ["", "guess", &sessions.token()[1..], &format!("{}0", sessions.token())] {
            assert!(sessions.redeem(guess).is_none(), "{guess}");
        }
        let cookie = sessions.redeem(sessions.token()).unwrap();
        assert!(sessions.redeem(sessions.token()).is_none());
        assert!(sessions.holds(&request(&cookie, "same-origin")));
    }

    #[test]
    fn a_session_ends_after_a_day_and_at_a_log_out() {
        let sessions = Sessions::new(8080, None);
        let start = Instant::now();
        let cookie = sessions.open_at(Role::Edit, start).unwrap();
        assert!(cookie.to_str().unwrap().contains("; Max-Age=86400"));
        let request = request(&cookie, "same-origin");
        let role = sessions.role_at(&request, start + LIFETIME - Duration::from_secs(1));
        assert_eq!(role, Some(Role::Edit));
        assert_eq!(sessions.role_at(&request, start + LIFETIME), None);
        // A new session clears the old ones away.
        sessions.open_at(Role::Read, start + LIFETIME);
        assert_eq!(sessions.lock().open.len(), 1);

        let cookie = sessions.open(Role::Edit).unwrap();
        let request = self::request(&cookie, "same-origin");
        assert!(sessions.holds(&request));
        let forget = sessions.close(&request).unwrap();
        assert!(forget.to_str().unwrap().contains("; Max-Age=0"));
        assert!(!sessions.holds(&request));
    }

    #[test]
    fn another_origin_or_another_cookie_cannot_use_a_session() {
        let sessions = Sessions::new(8080, None);
        let cookie = sessions.open(Role::Edit).unwrap();
        assert!(!sessions.holds(&request(&cookie, "same-site")));
        assert!(!sessions.holds(&request(&cookie, "cross-site")));
        let other = HeaderValue::from_static("abtest_8080=0");
        assert!(!sessions.holds(&request(&other, "same-origin")));
    }

    #[test]
    fn a_page_of_another_site_is_told_by_what_its_browser_sends() {
        let sessions = Sessions::new(8080, None);
        let is_other = |headers: &[(&'static str, &'static str)]| {
            let mut all = HeaderMap::new();
            all.insert(HOST, HeaderValue::from_static("127.0.0.1:8080"));
            all.extend(headers.iter().map(|(name, value)| {
                (name.parse::<http::HeaderName>().unwrap(), HeaderValue::from_static(value))
            }));
            sessions.is_of_another_site(&all)
        };
        assert!(!is_other(&[]));
        assert!(!is_other(&[("origin", "http://127.0.0.1:8080")]));
        assert!(!is_other(&[("sec-fetch-site", "same-origin"), ("origin", "https://a.example")]));
        for site in ["same-site", "cross-site", ""] {
            assert!(is_other(&[("sec-fetch-site", site)]), "{site}");
        }
        for origin in ["https://evil.example", "null", "http://127.0.0.1:8081"] {
            assert!(is_other(&[("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn behind_tls_the_cookie_is_secure_and_the_origin_is_the_public_one() {
        let url: PublicUrl = "https://abtest.example".parse().unwrap();
        let sessions = Sessions::new(8080, Some(url));
        let cookie = sessions.open(Role::Edit).unwrap();
        assert!(cookie.to_str().unwrap().ends_with("; Secure"));
        let with = |origin: &str, host: &str| {
            let mut request = request(&cookie, "same-origin");
            request.headers_mut().insert(ORIGIN, origin.parse().unwrap());
            request.headers_mut().insert(HOST, host.parse().unwrap());
            sessions.holds(&request)
        };
        assert!(with("https://abtest.example", "10.0.0.1:8080"));
        // On the machine itself the page has its own address.
        assert!(with("http://127.0.0.1:8080", "127.0.0.1:8080"));
        for origin in ["https://evil.example", "http://127.0.0.1:8081", "null", ""] {
            assert!(!with(origin, "127.0.0.1:8080"), "{origin}");
        }
        let forget = sessions.close(&request(&cookie, "same-origin")).unwrap();
        assert!(forget.to_str().unwrap().ends_with("; Max-Age=0; Secure"));
        let plain = Sessions::new(8080, Some("http://abtest.example".parse().unwrap()));
        assert!(!plain.open(Role::Edit).unwrap().to_str().unwrap().contains("Secure"));
    }

    #[test]
    fn if_the_browser_does_not_tell_the_origin_the_page_does() {
        let sessions = Sessions::new(8080, None);
        let cookie = sessions.open(Role::Edit).unwrap();
        let mut plain = request(&cookie, "");
        plain.headers_mut().remove("sec-fetch-site");
        assert!(!sessions.holds(&plain));
        plain.headers_mut().insert(PAGE_HEADER, HeaderValue::from_static("1"));
        assert!(sessions.holds(&plain));
    }
}

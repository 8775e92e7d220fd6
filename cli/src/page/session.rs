//! The browser's way to the operator's endpoints: a cookie that stands for the key, got for the
//! one-time token of the printed link or for the key itself. Neither key nor token stays in a URL.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{COOKIE, HeaderValue};
use http::{HeaderMap, Request};

/// What the page adds to its requests.
const PAGE_HEADER: &str = "x-abtest-page";

/// The sessions of this process; a restart ends them.
pub(crate) struct Sessions {
    cookie: String,
    token: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token_used: bool,
    open: HashSet<String>,
}

impl Sessions {
    /// The sessions of a port. Cookies know no ports, so the port is in their name: one abtest
    /// does not end the sessions of another.
    pub(crate) fn new(port: u16) -> Self {
        Self { cookie: format!("abtest_{port}"), token: random(), state: Mutex::default() }
    }

    /// The token that opens one session.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Opens a session for the one-time token, the first time that it is shown.
    pub(crate) fn redeem(&self, token: &str) -> Option<HeaderValue> {
        let mut state = self.lock();
        if state.token_used || token != self.token {
            return None;
        }
        state.token_used = true;
        drop(state);
        self.open()
    }

    /// Opens a session, and gives the cookie that names it.
    pub(crate) fn open(&self) -> Option<HeaderValue> {
        let session = random();
        let cookie = format!("{}={session}; HttpOnly; SameSite=Strict; Path=/", self.cookie);
        self.lock().open.insert(session);
        HeaderValue::from_str(&cookie).ok()
    }

    /// Whether a request comes from our own page, in a session. A cookie goes to every port of
    /// its host: the browser's word that the page is of this very origin is asked for, too.
    pub(crate) fn holds<B>(&self, request: &Request<B>) -> bool {
        is_of_our_page(request.headers())
            && self.named(request.headers()).any(|session| self.lock().open.contains(session))
    }

    /// What our cookies say.
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

/// Browsers tell a page's origin only to hosts that they trust: this machine, or HTTPS. To others
/// goes a header that no page of another origin can send, as our CORS does not allow it.
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
        let sessions = Sessions::new(8080);
        assert!(sessions.redeem("guess").is_none());
        let cookie = sessions.redeem(sessions.token()).unwrap();
        assert!(sessions.redeem(sessions.token()).is_none());
        assert!(sessions.holds(&request(&cookie, "same-origin")));
    }

    #[test]
    fn a_session_is_of_no_use_to_another_origin_or_with_another_cookie() {
        let sessions = Sessions::new(8080);
        let cookie = sessions.open().unwrap();
        assert!(!sessions.holds(&request(&cookie, "same-site")));
        assert!(!sessions.holds(&request(&cookie, "cross-site")));
        let other = HeaderValue::from_static("abtest_8080=0");
        assert!(!sessions.holds(&request(&other, "same-origin")));
    }

    #[test]
    fn where_the_browser_does_not_tell_the_origin_the_page_itself_does() {
        let sessions = Sessions::new(8080);
        let cookie = sessions.open().unwrap();
        let mut plain = request(&cookie, "");
        plain.headers_mut().remove("sec-fetch-site");
        assert!(!sessions.holds(&plain));
        plain.headers_mut().insert(PAGE_HEADER, HeaderValue::from_static("1"));
        assert!(sessions.holds(&plain));
    }
}

//! The browser's way to the operator's endpoints: a cookie that stands for the key, got for the
//! one-time token of the printed link or for the key itself. Neither key nor token stays in a URL.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{COOKIE, HeaderValue};
use http::{HeaderMap, Request};

const COOKIE_NAME: &str = "abtest_session";

/// The sessions of this process; a restart ends them.
pub(super) struct Sessions {
    token: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token_used: bool,
    open: HashSet<String>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self { token: random(), state: Mutex::default() }
    }

    /// The token that opens one session.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Opens a session for the one-time token, the first time that it is shown.
    pub(super) fn redeem(&self, token: &str) -> Option<HeaderValue> {
        let mut state = self.lock();
        if state.token_used || token != self.token {
            return None;
        }
        state.token_used = true;
        drop(state);
        self.open()
    }

    /// Opens a session, and gives the cookie that names it.
    pub(super) fn open(&self) -> Option<HeaderValue> {
        let session = random();
        let cookie = format!("{COOKIE_NAME}={session}; HttpOnly; SameSite=Strict; Path=/");
        self.lock().open.insert(session);
        HeaderValue::from_str(&cookie).ok()
    }

    /// Whether a request comes from our own page, in a session. Cookies know no ports: the
    /// browser's word that the page is of this very origin is asked for, too.
    pub(super) fn holds<B>(&self, request: &Request<B>) -> bool {
        let same_origin = request
            .headers()
            .get("sec-fetch-site")
            .is_some_and(|site| site.as_bytes() == b"same-origin");
        same_origin && cookies(request.headers()).any(|session| self.lock().open.contains(session))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
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
        let sessions = Sessions::new();
        assert!(sessions.redeem("guess").is_none());
        let cookie = sessions.redeem(sessions.token()).unwrap();
        assert!(sessions.redeem(sessions.token()).is_none());
        assert!(sessions.holds(&request(&cookie, "same-origin")));
    }

    #[test]
    fn a_session_is_of_no_use_to_another_origin_or_with_another_cookie() {
        let sessions = Sessions::new();
        let cookie = sessions.open().unwrap();
        assert!(!sessions.holds(&request(&cookie, "same-site")));
        let other = HeaderValue::from_static("abtest_session=0");
        assert!(!sessions.holds(&request(&other, "same-origin")));
    }
}

//! The API keys, which operators need.

use abtest_model::{ApiKey, Role};
use http::Request;

use crate::http::problem::Problem;
use crate::http::secret_digest::SecretDigest;

/// The header that carries the API key, as in API Gateway.
pub const KEY_HEADER: &str = "x-api-key";

/// The header of `GET /settings` that says what the key of the request may do: `read` or `edit`.
pub const ROLE_HEADER: &str = "x-abtest-role";

/// The keys that open the operator's endpoints, each with its role. There are two of a role while one
/// replaces the other. Without keys, only requests that are [`CheckedByGateway`] pass.
#[derive(Debug, Default)]
pub struct ApiKeys {
    keys: Vec<(Role, SecretDigest)>,
}

/// An extension of requests whose key was checked by a gateway in front: an API Gateway REST API.
#[derive(Debug, Clone, Copy)]
pub struct CheckedByGateway;

/// An extension of requests to a path where anyone may read results: an entry of `extra_wiring` with
/// `"apiKeyRequired": false`.
#[derive(Debug, Clone, Copy)]
pub struct OpenByWiring;

impl ApiKeys {
    /// Accepts each of `keys`, for every call.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a ApiKey>) -> Self {
        Self::default().with(Role::Edit, keys)
    }

    /// Accepts each of `keys`, too, in a role.
    #[must_use]
    pub fn with<'a>(mut self, role: Role, keys: impl IntoIterator<Item = &'a ApiKey>) -> Self {
        let digest = |key: &ApiKey| (role, SecretDigest::of(key.expose().as_bytes()));
        self.keys.extend(keys.into_iter().map(digest));
        self
    }

    /// The role of `key`, if it is one of the keys. The time that this takes does not depend on the
    /// keys.
    pub fn role(&self, key: &[u8]) -> Option<Role> {
        self.keys.iter().fold(None, |role, (known_role, known)| {
            if known.matches(key) { role.max(Some(*known_role)) } else { role }
        })
    }

    /// Checks that the key of a request may make it, and returns the key's role. The error says
    /// whether the key is wrong, missing, or may only read.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<Role, Box<Problem>> {
        let role =
            if self.keys.is_empty() && request.extensions().get::<CheckedByGateway>().is_some() {
                request.extensions().get::<Role>().copied().unwrap_or(Role::Edit)
            } else {
                let sent = request.headers().get(KEY_HEADER).map_or(&b""[..], |key| key.as_bytes());
                self.role(sent).ok_or_else(|| Problem::unauthorized(!sent.is_empty()))?
            };
        let needed = Role::needed(request.method().as_str());
        if role < needed { Err(Problem::only_reads()) } else { Ok(role) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old 0123456789ab";

    fn request(key: Option<&str>) -> Request<()> {
        let mut request = Request::new(());
        if let Some(key) = key {
            request.headers_mut().insert(KEY_HEADER, key.parse().unwrap());
        }
        request
    }

    #[test]
    fn each_of_the_keys_is_accepted_and_nothing_else() {
        let keys = [OLD, "new 0123456789ab"].map(|key| ApiKey::new(key).unwrap());
        let keys = ApiKeys::new(&keys);
        assert!(keys.check(&request(Some(OLD))).is_ok());
        assert!(keys.check(&request(Some("new 0123456789ab"))).is_ok());
        for wrong in [None, Some(""), Some(&OLD[1..]), Some("old 0123456789ab ")] {
            let problem = keys.check(&request(wrong)).unwrap_err();
            let says_wrong = problem.detail.contains("is wrong");
            assert_eq!(says_wrong, wrong.is_some_and(|key| !key.is_empty()), "{wrong:?}");
        }
    }

    #[test]
    fn without_keys_only_what_a_gateway_checked_passes() {
        let keys = ApiKeys::default();
        assert!(keys.check(&request(Some(""))).is_err());
        let mut checked = request(None);
        checked.extensions_mut().insert(CheckedByGateway);
        assert!(keys.check(&checked).is_ok());
    }

    #[test]
    fn a_key_of_ones_own_is_needed_behind_a_gateway_too() {
        let mut checked = request(None);
        checked.extensions_mut().insert(CheckedByGateway);
        assert!(ApiKeys::new([&ApiKey::new(OLD).unwrap()]).check(&checked).is_err());
    }

    #[test]
    fn a_read_key_reads_and_changes_nothing() {
        let (edit, read) = (ApiKey::new(OLD).unwrap(), ApiKey::new("read 0123456789ab").unwrap());
        let keys = ApiKeys::new([&edit]).with(Role::Read, [&read]);
        for (method, key, role) in [
            ("GET", read.expose(), Some(Role::Read)),
            ("HEAD", read.expose(), Some(Role::Read)),
            ("PUT", read.expose(), None),
            ("POST", read.expose(), None),
            ("DELETE", read.expose(), None),
            ("PATCH", OLD, Some(Role::Edit)),
            ("GET", OLD, Some(Role::Edit)),
        ] {
            let mut request = request(Some(key));
            *request.method_mut() = method.parse().unwrap();
            let found = keys.check(&request).map_err(|problem| problem.into_response().status());
            assert_eq!(found, role.ok_or(http::StatusCode::FORBIDDEN), "{method} {key}");
        }
        // Behind a gateway the request carries the role.
        let mut checked = request(None);
        checked.extensions_mut().insert(CheckedByGateway);
        checked.extensions_mut().insert(Role::Read);
        assert_eq!(ApiKeys::default().check(&checked).unwrap(), Role::Read);
        *checked.method_mut() = http::Method::DELETE;
        assert!(ApiKeys::default().check(&checked).is_err());
    }
}

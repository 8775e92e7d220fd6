//! The API keys, which operators need.

use abtest_model::ApiKey;
use http::Request;

use crate::http::problem::Problem;
use crate::http::secret_digest::SecretDigest;

/// The header that carries the API key, as in API Gateway.
pub const KEY_HEADER: &str = "x-api-key";

/// The keys that open the operator's endpoints. There are two of them while one replaces the other.
/// Without keys, only requests that are [`CheckedByGateway`] pass.
#[derive(Debug, Default)]
pub struct ApiKeys {
    keys: Vec<SecretDigest>,
}

/// An extension of requests whose key was checked by a gateway in front: an API Gateway REST API.
#[derive(Debug, Clone, Copy)]
pub struct CheckedByGateway;

/// An extension of requests to a path where anyone may read results: an entry of `extra_wiring` with
/// `"apiKeyRequired": false`.
#[derive(Debug, Clone, Copy)]
pub struct OpenByWiring;

impl ApiKeys {
    /// Accepts each of `keys`.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a ApiKey>) -> Self {
        let digest = |key: &ApiKey| SecretDigest::of(key.expose().as_bytes());
        Self { keys: keys.into_iter().map(digest).collect() }
    }

    /// Whether `key` is one of the keys. The time that this takes does not depend on the keys.
    pub fn accepts(&self, key: &[u8]) -> bool {
        self.keys.iter().fold(false, |accepted, known| known.matches(key) | accepted)
    }

    /// Checks the key of a request. The error says whether the key is wrong or missing.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Box<Problem>> {
        if self.keys.is_empty() && request.extensions().get::<CheckedByGateway>().is_some() {
            return Ok(());
        }
        let sent = request.headers().get(KEY_HEADER).map_or(&b""[..], |key| key.as_bytes());
        if self.accepts(sent) { Ok(()) } else { Err(Problem::unauthorized(!sent.is_empty())) }
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
}

//! Who may use the operator's endpoints.

use abtest_model::Secret;
use http::Request;
use subtle::{Choice, ConstantTimeEq};

use crate::http::problem::Problem;

/// The header that carries the API key, as API Gateway has it.
pub const KEY_HEADER: &str = "x-api-key";

/// The keys that open the operator's endpoints; more than one while a key is being replaced.
/// Without any key only requests that are [`CheckedByGateway`] pass.
#[derive(Debug, Default)]
pub struct Access {
    keys: Vec<Secret>,
}

/// An extension of requests whose key a gateway in front has checked already, where the operator
/// told it to: an API Gateway REST API.
#[derive(Debug, Clone, Copy)]
pub struct CheckedByGateway;

impl Access {
    /// Access with one of `keys`. An empty key is none.
    pub fn new(keys: impl IntoIterator<Item = Secret>) -> Self {
        Self { keys: keys.into_iter().filter(|key| !key.expose().is_empty()).collect() }
    }

    /// Whether `key` is one of the keys, found out in constant time.
    pub fn opens(&self, key: &[u8]) -> bool {
        let equal = |known: &Secret| known.expose().as_bytes().ct_eq(key);
        self.keys.iter().map(equal).fold(Choice::from(0), |any, equal| any | equal).into()
    }

    /// Passes a request that has a key. A missing key is compared like a wrong one, so that
    /// neither the answer nor its time tells them apart.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Box<Problem>> {
        if self.keys.is_empty() && request.extensions().get::<CheckedByGateway>().is_some() {
            return Ok(());
        }
        let sent = request.headers().get(KEY_HEADER).map_or(&b""[..], |key| key.as_bytes());
        if self.opens(sent) { Ok(()) } else { Err(Problem::unauthorized()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: Option<&str>) -> Request<()> {
        let mut request = Request::new(());
        if let Some(key) = key {
            request.headers_mut().insert(KEY_HEADER, key.parse().unwrap());
        }
        request
    }

    #[test]
    fn any_of_the_keys_opens_and_nothing_else_does() {
        let access = Access::new([Secret::new("old"), Secret::new("new")]);
        assert!(access.check(&request(Some("old"))).is_ok());
        assert!(access.check(&request(Some("new"))).is_ok());
        for wrong in [None, Some(""), Some("ol"), Some("old "), Some("oldnew")] {
            assert!(access.check(&request(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn without_keys_only_the_gateways_word_counts() {
        let access = Access::new([Secret::new("")]);
        assert!(access.check(&request(Some(""))).is_err());
        let mut checked = request(None);
        checked.extensions_mut().insert(CheckedByGateway);
        assert!(access.check(&checked).is_ok());
    }

    #[test]
    fn a_key_of_its_own_is_asked_for_behind_a_gateway_too() {
        let mut checked = request(None);
        checked.extensions_mut().insert(CheckedByGateway);
        assert!(Access::new([Secret::new("key")]).check(&checked).is_err());
    }
}

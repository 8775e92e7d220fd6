//! Entity tags and conditions of requests (RFC 9110, section 13). The tag of a document is its
//! version.

use abtest_model::definition::Precondition;
use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
};
use http::{HeaderMap, Response, StatusCode};

use crate::AnswerBody;
use crate::http::problem::Problem;

/// The condition of a request that changes a document.
pub(crate) fn precondition(headers: &HeaderMap) -> Result<Precondition, Box<Problem>> {
    match (single(headers, &IF_MATCH)?, single(headers, &IF_NONE_MATCH)?) {
        (None, None) => Ok(Precondition::None),
        (Some("*"), None) => Ok(Precondition::Exists),
        (Some(tag), None) => version(tag).map(Precondition::Version).ok_or_else(|| {
            let detail = "the header If-Match must be one version in quotes, as the header ETag of \
                an answer has it, such as \"3\", or *";
            Problem::boxed(StatusCode::BAD_REQUEST, detail)
        }),
        (None, Some("*")) => Ok(Precondition::Absent),
        (None, Some(_)) => {
            let detail = "the header If-None-Match must be * here: it creates and never replaces";
            Err(Problem::boxed(StatusCode::BAD_REQUEST, detail))
        }
        (Some(_), Some(_)) => {
            let detail = "send If-Match to change, or If-None-Match: * to create, and not both";
            Err(Problem::boxed(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// Adds the version of a document as its entity tag.
pub(crate) fn tag(mut response: Response<AnswerBody>, version: u64) -> Response<AnswerBody> {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        headers.insert(ETAG, tag);
    }
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag"));
    response
}

/// Whether a client already has what has this tag. Tags are compared weakly (RFC 9110, 13.1.2),
/// because CDNs mark tags as weak.
#[cfg_attr(not(feature = "assign"), expect(dead_code, reason = "assignment uses it"))]
pub(crate) fn is_unchanged(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let own = tag.as_bytes();
    let conditions = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags =
        conditions.flat_map(|condition| condition.as_bytes().split(|byte| *byte == b','));
    tags.any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == own
    })
}

/// The value of a header that may come once.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Box<Problem>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if value.to_str().is_ok() => Ok(value.to_str().ok().map(str::trim)),
        _ => {
            let detail = format!("send the header {name} once, with one version or *");
            Err(Problem::boxed(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// The version that a tag stands for. Proxies that compress mark tags as weak (`W/`). A tag that
/// abtest did not make is version 0, which no document has.
fn version(tag: &str) -> Option<u64> {
    let opaque = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
    (!opaque.contains('"')).then(|| opaque.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(HeaderName, &str)]) -> Result<Precondition, StatusCode> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        precondition(&map).map_err(|problem| problem.into_response().status())
    }

    #[test]
    fn a_tag_that_a_client_has_is_compared_weakly() {
        let tag = HeaderValue::from_static("\"abc\"");
        for (condition, unchanged) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", W/\"abc\"", true),
            ("*", true),
            ("\"abd\"", false),
            ("abc", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, condition.parse().unwrap())]);
            assert_eq!(is_unchanged(&headers, &tag), unchanged, "{condition}");
        }
        assert!(!is_unchanged(&HeaderMap::new(), &tag));
    }

    #[test]
    fn a_condition_names_one_version_or_any() {
        assert_eq!(of(&[]), Ok(Precondition::None));
        assert_eq!(of(&[(IF_MATCH, "*")]), Ok(Precondition::Exists));
        assert_eq!(of(&[(IF_MATCH, "\"12\"")]), Ok(Precondition::Version(12)));
        assert_eq!(of(&[(IF_MATCH, "W/\"12\"")]), Ok(Precondition::Version(12)));
        assert_eq!(of(&[(IF_MATCH, "\"other\"")]), Ok(Precondition::Version(0)));
        assert_eq!(of(&[(IF_NONE_MATCH, "*")]), Ok(Precondition::Absent));
        let wrong: [&[(HeaderName, &str)]; 6] = [
            &[(IF_MATCH, "12")],
            &[(IF_MATCH, "\"1\", \"2\"")],
            &[(IF_MATCH, "")],
            &[(IF_NONE_MATCH, "\"1\"")],
            &[(IF_MATCH, "*"), (IF_NONE_MATCH, "*")],
            &[(IF_MATCH, "\"1\""), (IF_MATCH, "\"2\"")],
        ];
        for headers in wrong {
            assert_eq!(of(headers), Err(StatusCode::BAD_REQUEST), "{headers:?}");
        }
    }
}

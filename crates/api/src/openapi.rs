//! The description of the API (OpenAPI 3.1), made from the handlers and types themselves.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Response, StatusCode};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::AnswerBody;
use crate::http::api_keys::KEY_HEADER;
use crate::http::response;
use crate::operator::{control, delete, looks, results};
use crate::public::track;

/// The document as JSON.
pub fn json() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> =
        LazyLock::new(|| Description::openapi().to_json().unwrap_or_default().into());
    DOCUMENT.clone()
}

pub(crate) fn document() -> Response<AnswerBody> {
    response::with_body(StatusCode::OK, "application/json", json())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "abtest",
        description = "Counts each uuid once per namespace, experiment, variant and goal.",
        license(name = "MIT", identifier = "MIT"),
    ),
    paths(
        track::one,
        track::many,
        results::results,
        results::result,
        looks::take,
        looks::reset,
        control::choose,
        delete::delete,
        delete::gimel_delete,
        describe,
    ),
    tags(
        (name = "public", description = "For browsers: open to the world."),
        (name = "operator", description = "Behind the API key."),
    ),
    modifiers(&Key),
)]
struct Description;

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "public",
    responses((status = 200, description = "an OpenAPI 3.1 document"))
)]
#[expect(
    dead_code,
    reason = "carries the description of an endpoint that is answered by `document`"
)]
fn describe() {}

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(KEY_HEADER)));
        document.components.get_or_insert_default().add_security_scheme("key", key);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use abtest_model::endpoint::{Access, ENDPOINTS};
    use serde_json::Value;

    /// Names of query parameters by method and path, and whether a key is needed.
    type Described = BTreeMap<String, (BTreeSet<String>, bool)>;

    #[test]
    fn the_description_is_that_of_the_table() {
        let document: Value = serde_json::from_slice(&super::json()).unwrap();
        let mut described = Described::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let in_query = parameters.filter(|parameter| parameter["in"] == "query");
                let names = in_query.map(|parameter| parameter["name"].as_str().unwrap().into());
                let key = operation["security"].is_array();
                let at = format!("{} {path}", method.to_uppercase());
                described.insert(at, (names.collect(), key));
            }
        }
        let table = ENDPOINTS.iter().map(|endpoint| {
            let names = endpoint.parameters.iter().map(ToString::to_string).collect();
            let at = format!("{} {}", endpoint.method, endpoint.path);
            (at, (names, endpoint.access == Access::Key))
        });
        assert_eq!(described, table.collect::<Described>());
    }
}

//! The description of the API (OpenAPI 3.1), made from the handlers and types themselves.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Response, StatusCode};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::AnswerBody;
use crate::http::access::KEY_HEADER;
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
    use http::Method;

    use crate::http::router::{self, Operation};

    #[test]
    fn every_described_operation_is_routed_and_every_route_described() {
        let document: serde_json::Value = serde_json::from_slice(&super::json()).unwrap();
        let mut described = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let method: Method = method.to_uppercase().parse().unwrap();
                let operation = router::operation(&method, &path.replace("{name}", "x")).unwrap();
                described.push(std::mem::discriminant(&operation));
            }
            let allowed = match router::operation(&Method::OPTIONS, &path.replace("{name}", "x")) {
                Ok(Operation::Preflight { methods }) => methods,
                other => panic!("{path}: {other:?}"),
            };
            let listed = methods.as_object().unwrap().len() + 1;
            assert_eq!(allowed.split(", ").count(), listed, "{path}: {allowed}");
        }
        described.dedup();
        assert_eq!(described.len(), 9);
    }
}

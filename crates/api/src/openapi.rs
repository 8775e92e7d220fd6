//! The description of the API (OpenAPI 3.1), made from the handlers and types themselves.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use abtest_model::Method;
use abtest_model::endpoint::ENDPOINTS;
use abtest_model::input::MAX_NAME_BYTES;
use bytes::Bytes;
use http::{Response, StatusCode};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::AnswerBody;
use crate::http::api_keys::KEY_HEADER;
use crate::http::response;
use crate::operator::definitions::history;
use crate::operator::{
    control, definitions, delete, explain, looks, namespaces, prune, results, settings,
};
use crate::public::{assign, config, growthbook, ofrep, stream, track};

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
        config::config,
        assign::one,
        assign::many,
        ofrep::flag,
        ofrep::flags,
        growthbook::features,
        stream::config,
        stream::ofrep,
        stream::growthbook,
        results::results,
        results::result,
        looks::take,
        looks::reset,
        control::choose,
        definitions::get,
        definitions::put,
        definitions::patch,
        definitions::schema,
        definitions::tick,
        history::history,
        explain::explain,
        settings::get,
        settings::patch,
        namespaces::list,
        namespaces::delete,
        delete::delete,
        delete::gimel_delete,
        prune::variant,
        prune::goal,
        describe,
    ),
    tags(
        (name = "public", description = "For browsers: open to the world."),
        (name = "operator", description = "Behind the API key."),
    ),
    modifiers(&Key, &ParameterRules, &OperationIds),
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

/// The parameters that are names.
const NAMES: [&str; 9] =
    ["experiment", "variant", "event", "uuid", "namespace", "control", "goal", "cursor", "key"];

/// What [`abtest_model::name`] allows. JSON Schema counts characters, not bytes.
pub(crate) const NAME_PATTERN: &str = r"^[^\x00-\x1f\x7f-\x9f]+$";

/// States for every parameter what the API checks in the same way everywhere: the rule of names,
/// and that an absent parameter is left out, never null.
struct ParameterRules;

impl Modify for ParameterRules {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let operations = document.paths.paths.values_mut().flat_map(|path| {
            [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch]
        });
        let parameters = operations.flatten().filter_map(|one| one.parameters.as_mut()).flatten();
        for parameter in parameters {
            let RefOr::T(parameter) = parameter else { continue };
            let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { continue };
            if let SchemaType::Array(types) = &mut schema.schema_type {
                types.retain(|one| *one != Type::Null);
                if let [only] = types.as_slice() {
                    schema.schema_type = SchemaType::Type(only.clone());
                }
            }
            let is_free = schema.enum_values.is_none() && schema.pattern.is_none();
            if is_free && NAMES.contains(&&*parameter.name) {
                schema.min_length = Some(1);
                schema.max_length = Some(MAX_NAME_BYTES);
                schema.pattern = Some(NAME_PATTERN.to_owned());
            }
        }
    }
}

/// Names each operation as logs and metrics do. Two handlers may have the same name in Rust.
struct OperationIds;

impl Modify for OperationIds {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut used = BTreeSet::new();
        for endpoint in ENDPOINTS {
            let Some(path) = document.paths.paths.get_mut(endpoint.path) else { continue };
            let operation = match endpoint.method {
                Method::Get => &mut path.get,
                Method::Put => &mut path.put,
                Method::Post => &mut path.post,
                Method::Delete => &mut path.delete,
                Method::Patch => &mut path.patch,
                Method::Head => &mut path.head,
            };
            let Some(operation) = operation else { continue };
            let name = endpoint.operation.name();
            let method = endpoint.method.as_str().to_lowercase();
            let id = if used.insert(name) { name.to_owned() } else { format!("{name}-{method}") };
            operation.operation_id = Some(id);
        }
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
            // OpenAPI has no parameters of any name.
            let fixed = endpoint.parameters.iter().filter(|name| !name.ends_with('*'));
            let names = fixed.map(ToString::to_string).collect();
            let at = format!("{} {}", endpoint.method, endpoint.path);
            (at, (names, endpoint.access == Access::Key))
        });
        assert_eq!(described, table.collect::<Described>());
    }

    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let document: Value = serde_json::from_slice(&super::json()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|methods| methods.as_object().unwrap().values());
        let ids: Vec<&str> = operations.map(|one| one["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        assert!(ids.contains(&"settings") && ids.contains(&"track-post"), "{ids:?}");
    }

    #[test]
    fn every_text_that_a_request_may_have_has_a_rule() {
        let document: Value = serde_json::from_slice(&super::json()).unwrap();
        let mut checked = 0;
        let mut check = |at: &str, schema: &Value| {
            if schema["type"] == "string" {
                let has_rule = schema["pattern"].is_string() || schema["enum"].is_array();
                assert!(has_rule, "{at} has no pattern: {schema}");
                checked += 1;
            }
            assert!(!schema["type"].is_array(), "{at} has several types: {schema}");
        };
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    check(&format!("{method} {path} {}", parameter["name"]), &parameter["schema"]);
                }
            }
        }
        for (member, schema) in
            document["components"]["schemas"]["Event"]["properties"].as_object().unwrap()
        {
            check(member, schema);
        }
        assert!(checked > 20);
    }
}

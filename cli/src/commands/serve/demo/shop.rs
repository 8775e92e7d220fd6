//! The demo's shop at `/demo`: a page with the JavaScript client, where the reader is a visitor.

use abtest_api::{AnswerBody, Gateway};
use abtest_model::{ApiKey, Namespace};
use abtest_store::Store;
use anyhow::{Result, bail};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use serde_json::json;

use crate::page::answer::with_type;

/// The page uses its own files and its own server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The experiment, in a path.
const EXPERIMENT: &str = "shop%3A%20buy%20button";

macro_rules! files {
    ($($path:literal: $content_type:literal, $file:literal;)*) => {
        &[$(($path, $content_type, include_str!(concat!("../../../../../clients/", $file)))),*]
    };
}

/// The files: path, type and text.
const FILES: &[(&str, &str, &str)] = files! {
    "/demo": "text/html; charset=utf-8", "demo/index.html";
    "/demo/shop.css": "text/css; charset=utf-8", "demo/shop.css";
    "/demo/shop.js": "text/javascript; charset=utf-8", "demo/shop.js";
    "/demo/client/bucket.js": "text/javascript; charset=utf-8", "js/src/bucket.js";
    "/demo/client/config.js": "text/javascript; charset=utf-8", "js/src/config.js";
    "/demo/client/evaluate.js": "text/javascript; charset=utf-8", "js/src/evaluate.js";
    "/demo/client/index.js": "text/javascript; charset=utf-8", "js/src/index.js";
    "/demo/client/queue.js": "text/javascript; charset=utf-8", "js/src/queue.js";
    "/demo/client/storage.js": "text/javascript; charset=utf-8", "js/src/storage.js";
    "/demo/client/targeting.js": "text/javascript; charset=utf-8", "js/src/targeting.js";
    "/demo/client/view.js": "text/javascript; charset=utf-8", "js/src/view.js";
    "/demo/client/visitor.js": "text/javascript; charset=utf-8", "js/src/visitor.js";
};

/// Answers a request for a file of the shop.
pub(in super::super) fn answer(path: &str, namespace: &Namespace) -> Option<Response<AnswerBody>> {
    if path == "/demo/namespace.json" {
        let body = json!({"namespace": namespace.as_str()}).to_string();
        return Some(with_type(StatusCode::OK, "application/json", body));
    }
    let (_, content_type, text) = FILES.iter().find(|(name, ..)| *name == path)?;
    let mut answer = with_type(StatusCode::OK, content_type, *text);
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Some(answer)
}

/// Defines the experiment of the shop.
pub(in super::super) async fn define<S: Store>(
    api: &Gateway<S>,
    key: &ApiKey,
    namespace: &Namespace,
) -> Result<()> {
    let definition = json!({
        "description": "Which button sells more mugs? Play a visitor at /demo.",
        "status": "running",
        "variants": [
            {"name": "blue", "payload": {"text": "Add to cart", "color": "#3556c4"}},
            {"name": "green", "payload": {"text": "Buy now", "color": "#176a3a"}},
        ],
        "goals": [{"name": "purchase", "role": "primary"}],
    });
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("namespace", namespace.as_str())
        .finish();
    let request = Request::put(format!("/experiments/{EXPERIMENT}/definition?{query}"))
        .header(abtest_api::KEY_HEADER, key.expose())
        .header(CONTENT_TYPE, "application/json")
        .body(AnswerBody::new(definition.to_string().into()))?;
    let status = api.answer(request).await.status();
    if status != StatusCode::CREATED {
        bail!("the experiment of the demo's shop cannot be defined ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_that_is_imported_is_served() {
        for (path, content_type, text) in FILES {
            if !content_type.starts_with("text/javascript") {
                continue;
            }
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            for import in text.split("from \"./").skip(1) {
                let file = format!("{folder}/{}", import.split('"').next().unwrap_or_default());
                assert!(FILES.iter().any(|(name, ..)| *name == file), "{path} imports {file}");
            }
        }
    }
}

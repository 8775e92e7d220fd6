//! API Gateway's events to requests, and answers back.

use abtest_api::{AnswerBody, CheckedByGateway, KeyId};
use abtest_model::ApiKey;
use bytes::Bytes;
use http::{Method, Response, Uri};
use http_body_util::{BodyExt, Full};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};

/// The request that a browser or an operator sent: the path without the stage, the query string
/// as it was, and a mark if an API Gateway REST API checked the API key.
///
/// The gateway names the key in `requestContext.identity.apiKeyId`, and only for a method that
/// requires a key. The beginning of the key's value says its role. Other kinds of events cannot carry a checked key.
pub fn request(request: Request) -> http::Request<Full<Bytes>> {
    let path = request.raw_http_path();
    let path = if path.is_empty() { request.uri().path() } else { path };
    let address = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let checked = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => {
            let identity = &context.identity;
            let id = identity.api_key_id.clone().filter(|id| !id.is_empty());
            let value = identity.api_key.as_deref().unwrap_or_default();
            id.map(|id| (KeyId(id), ApiKey::role_behind_gateway(value)))
        }
        _ => None,
    };
    let (parts, body) = request.into_parts();
    let body: Bytes = match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes) => bytes.into(),
        _ => Bytes::new(),
    };
    let mut request = http::Request::new(Full::new(body));
    *request.method_mut() = parts.method;
    *request.headers_mut() = parts.headers;
    // Treat an unparsable path as unknown (404).
    *request.uri_mut() = address.parse().unwrap_or_else(|_| Uri::from_static("/"));
    if let Some((id, role)) = checked {
        request.extensions_mut().insert(CheckedByGateway);
        request.extensions_mut().insert(id);
        request.extensions_mut().insert(role);
    }
    request
}

/// The answer as Lambda sends it: text, as every body of ours is JSON. HEAD gets no body.
pub async fn response(method: &Method, response: Response<AnswerBody>) -> Response<Body> {
    let (parts, body) = response.into_parts();
    if method == Method::HEAD {
        return Response::from_parts(parts, Body::Empty);
    }
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(impossible) => match impossible {},
    };
    let body = match String::from_utf8(body.into()) {
        Ok(text) if text.is_empty() => Body::Empty,
        Ok(text) => Body::Text(text),
        Err(bytes) => Body::Binary(bytes.into_bytes()),
    };
    Response::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_model::Role;

    /// A request through a REST API with a key of this value.
    fn through_gateway(value: &str, id: &str) -> http::Request<Full<Bytes>> {
        let event = format!(
            r#"{{"resource": "/experiments", "path": "/experiments", "httpMethod": "DELETE",
                "headers": {{"x-api-key": "{value}"}}, "multiValueHeaders": {{}},
                "queryStringParameters": null, "multiValueQueryStringParameters": null,
                "pathParameters": null, "stageVariables": null, "isBase64Encoded": false,
                "requestContext": {{"stage": "prod", "requestId": "r", "apiId": "a",
                    "path": "/prod/experiments", "httpMethod": "DELETE", "resourcePath": "/experiments",
                    "identity": {{"apiKey": "{value}", "apiKeyId": "{id}", "sourceIp": "192.0.2.1"}}}},
                "body": null}}"#
        );
        request(lambda_http::request::from_str(&event).unwrap())
    }

    #[test]
    fn the_gateways_key_says_who_asks_and_what_it_may_do() {
        let read = through_gateway("abtest_read_0123456789abcdef", "key-1");
        assert!(read.extensions().get::<CheckedByGateway>().is_some());
        assert_eq!(read.extensions().get::<Role>(), Some(&Role::Read));
        assert_eq!(read.extensions().get::<KeyId>().unwrap().0, "key-1");
        let edit = through_gateway("0123456789abcdef0123456789abcdef", "key-2");
        assert_eq!(edit.extensions().get::<Role>(), Some(&Role::Edit));
        let unchecked = through_gateway("abtest_read_0123456789abcdef", "");
        assert!(unchecked.extensions().get::<CheckedByGateway>().is_none());
        assert!(unchecked.extensions().get::<Role>().is_none());
    }
}

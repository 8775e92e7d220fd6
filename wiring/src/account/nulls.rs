//! Removes nulls from API Gateway's answers. API Gateway writes `null` for an empty template, as
//! Gimel's are (<https://github.com/aws/aws-cli/issues/1610>). The SDK cannot read a null in a map,
//! and a missing member means the same to it.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde_json::Value;

/// An HTTP client that removes nulls from JSON answers.
#[derive(Debug)]
pub(super) struct WithoutNulls(pub(super) SharedHttpClient);

impl HttpClient for WithoutNulls {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct Connector(SharedHttpConnector);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = self.0.call(request);
        HttpConnectorFuture::new(async move { without_nulls(call.await?).await })
    }
}

async fn without_nulls(mut response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let body = std::mem::replace(response.body_mut(), SdkBody::empty());
    let bytes = body.collect().await.map_err(ConnectorError::io)?.to_bytes();
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut answer) => {
            drop_nulls(&mut answer);
            SdkBody::from(answer.to_string())
        }
        // Not JSON: an error page, or empty.
        Err(_) => SdkBody::from(bytes.to_vec()),
    };
    *response.body_mut() = body;
    response.headers_mut().remove("content-length");
    Ok(response)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_template_is_removed() {
        let mut answer = serde_json::json!({
            "item": [{"responseTemplates": {"application/json": null, "text/html": "x"}}],
        });
        drop_nulls(&mut answer);
        let expected = serde_json::json!({"item": [{"responseTemplates": {"text/html": "x"}}]});
        assert_eq!(answer, expected);
    }
}

//! API Gateway answers `null` where a template is empty, as Gimel's are, and the SDK takes no null
//! in a map: it would refuse to read such an API at all. (That AWS does so:
//! <https://github.com/aws/aws-cli/issues/1610>.) To the SDK a member that is missing means the
//! same, so nulls are taken out of the answers before it reads them.

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

/// An HTTP client whose JSON answers hold no nulls.
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
        // Not JSON: an error page, or nothing.
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
    fn an_empty_template_is_no_template() {
        let mut answer = serde_json::json!({
            "item": [{"responseTemplates": {"application/json": null, "text/html": "x"}}],
        });
        drop_nulls(&mut answer);
        let expected = serde_json::json!({"item": [{"responseTemplates": {"text/html": "x"}}]});
        assert_eq!(answer, expected);
    }
}

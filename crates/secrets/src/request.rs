//! One request, signed as AWS wants it (Signature Version 4, by AWS's own crate).

use std::time::SystemTime;

use abtest_config::SecretReference;
use abtest_model::Secret;
use aws_credential_types::Credentials as Identity;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The id of the access key.
    pub access_key_id: String,
    /// The key itself.
    pub secret_access_key: Secret,
    /// What temporary credentials have in addition.
    pub session_token: Option<Secret>,
}

impl Credentials {
    /// Those that Lambda puts into a function's environment.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            access_key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret::new(variable("AWS_SECRET_ACCESS_KEY")?),
            session_token: variable("AWS_SESSION_TOKEN").map(Secret::new),
        })
    }
}

/// What a service is called where it is signed for, where it is set, and what is asked of it.
struct Service {
    name: &'static str,
    variable: &'static str,
    target: &'static str,
    body: String,
}

impl Service {
    fn of(reference: &SecretReference) -> Self {
        match reference {
            SecretReference::SecretsManager { arn, .. } => Self {
                name: "secretsmanager",
                variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                target: "secretsmanager.GetSecretValue",
                body: json!({"SecretId": arn}).to_string(),
            },
            SecretReference::Parameter { arn } => Self {
                name: "ssm",
                variable: "AWS_ENDPOINT_URL_SSM",
                target: "AmazonSSM.GetParameter",
                body: json!({"Name": arn, "WithDecryption": true}).to_string(),
            },
        }
    }

    /// Where the service is; the variables are those of AWS's own libraries.
    fn endpoint(&self, reference: &SecretReference) -> String {
        let set = [self.variable, "AWS_ENDPOINT_URL"];
        let set =
            set.iter().filter_map(|name| std::env::var(name).ok()).find(|url| !url.is_empty());
        set.unwrap_or_else(|| {
            let china = reference.arn().starts_with("arn:aws-cn:");
            let domain = if china { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://{}.{}.{domain}", self.name, reference.region())
        })
    }
}

/// Asks for a secret; the error is a text without anything secret in it.
pub(crate) async fn call(
    reference: &SecretReference,
    credentials: &Credentials,
) -> Result<(StatusCode, Bytes), String> {
    let request = request(reference, credentials, SystemTime::now())?;
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls_provider())
        .map_err(|error| error.to_string())?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let answer = client.request(request).await.map_err(|error| chain(&error))?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(|error| chain(&error))?;
    Ok((status, body.to_bytes()))
}

fn request(
    reference: &SecretReference,
    credentials: &Credentials,
    time: SystemTime,
) -> Result<Request<Full<Bytes>>, String> {
    let service = Service::of(reference);
    let uri = format!("{}/", service.endpoint(reference).trim_end_matches('/'));
    let mut request = Request::post(&uri)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", service.target)
        .body(Full::new(Bytes::from(service.body.clone())))
        .map_err(|error| error.to_string())?;
    let identity = Identity::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        credentials.session_token.as_ref().map(|token| token.expose().to_owned()),
        None,
        "abtest",
    )
    .into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(reference.region())
        .name(service.name)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(service.body.as_bytes());
    let signable = SignableRequest::new("POST", uri.as_str(), headers, body);
    let signable = signable.map_err(|error| error.to_string())?;
    let signed = sign(signable, &parameters).map_err(|error| error.to_string())?;
    let (instructions, _) = signed.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

fn rustls_provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// An error with its causes: the first alone says "client error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

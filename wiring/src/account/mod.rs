//! The AWS account that things are made in: who one is there, and a client for each service.

mod call;
mod nulls;

pub use call::{Call, CallError, Kind};

pub(crate) use call::create_once;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// How often a call is made before its failure is believed, where AWS says that it may be made
/// again; AWS_MAX_ATTEMPTS comes before it. API Gateway allows a few calls a second only.
const ATTEMPTS: u32 = 8;

/// An account and a region, with credentials that AWS has accepted.
#[derive(Debug, Clone)]
pub struct Account {
    /// Where things are made.
    pub place: Place,
    /// Who makes them: the caller's ARN.
    pub caller: String,
    pub(crate) functions: aws_sdk_lambda::Client,
    pub(crate) gateway: aws_sdk_apigateway::Client,
    pub(crate) roles: aws_sdk_iam::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
}

/// A place in AWS, as ARNs name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `aws`, or `aws-cn`, …
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account's number.
    pub account: String,
}

impl Place {
    /// The domain of this partition's services.
    pub fn domain(&self) -> &'static str {
        if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
    }
}

/// Why there is no account to work in.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// No region is set.
    #[error(
        "no AWS region is set; set aws.region in the config, or AWS_REGION, or run `aws configure`"
    )]
    NoRegion,
    /// There is nobody to call as.
    #[error("there are no AWS credentials here; {HOW_TO_LOG_IN}")]
    NoCredentials,
    /// AWS does not know who is calling.
    #[error("AWS does not accept your credentials: {0}; {HOW_TO_LOG_IN}")]
    Credentials(CallError),
}

const HOW_TO_LOG_IN: &str = "run `aws configure` or `aws sso login`, or set AWS_PROFILE, or \
                             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// Reads AWS's own settings: environment, profiles, single sign-on.
///
/// # Errors
/// When no region is set.
pub async fn settings(region: Option<&str>) -> Result<SdkConfig, AccountError> {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let client = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(client);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if std::env::var_os("AWS_MAX_ATTEMPTS").is_none() {
        let retries = aws_config::retry::RetryConfig::standard().with_max_attempts(ATTEMPTS);
        loader = loader.retry_config(retries);
    }
    let settings = loader.load().await;
    if settings.region().is_none() {
        return Err(AccountError::NoRegion);
    }
    Ok(settings)
}

impl Account {
    /// Asks AWS who one is, and makes the clients.
    ///
    /// # Errors
    /// When there are no credentials, or AWS does not accept them.
    pub async fn connect(settings: &SdkConfig) -> Result<Self, AccountError> {
        if let Some(provider) = settings.credentials_provider()
            && let Err(CredentialsError::CredentialsNotLoaded(_)) =
                provider.provide_credentials().await
        {
            return Err(AccountError::NoCredentials);
        }
        let identity = aws_sdk_sts::Client::new(settings)
            .get_caller_identity()
            .send()
            .await
            .call("sts:GetCallerIdentity", "")
            .map_err(AccountError::Credentials)?;
        let caller = identity.arn.unwrap_or_default();
        let region = settings.region().ok_or(AccountError::NoRegion)?.to_string();
        let place = Place {
            partition: caller.split(':').nth(1).unwrap_or("aws").to_owned(),
            region,
            account: identity.account.unwrap_or_default(),
        };
        Ok(Self {
            place,
            caller,
            functions: aws_sdk_lambda::Client::new(settings),
            gateway: gateway(settings),
            roles: aws_sdk_iam::Client::new(settings),
            logs: aws_sdk_cloudwatchlogs::Client::new(settings),
        })
    }
}

fn gateway(settings: &SdkConfig) -> aws_sdk_apigateway::Client {
    let mut configuration = aws_sdk_apigateway::config::Builder::from(settings);
    if let Some(client) = settings.http_client() {
        configuration = configuration.http_client(nulls::WithoutNulls(client));
    }
    aws_sdk_apigateway::Client::from_conf(configuration.build())
}

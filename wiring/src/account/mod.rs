//! The AWS account to deploy to: the caller's identity, and a client for each service.
//!
//! | module | holds |
//! |---|---|
//! | `settings` | region and credentials, from the places where AWS's own tools look |
//! | `error` | why there is no account to work in |
//! | `regions` | names of regions |
//! | `call` | failures of calls |
//! | `nulls` | a repair of API Gateway's answers |

mod call;
mod error;
mod nulls;
mod regions;
mod settings;

pub use call::{Call, CallError, Kind};
pub use error::{AccountError, Profile};
pub use settings::Settings;

pub(crate) use call::{create_once, error_chain, root_cause};

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::SdkError;

/// How long a connection for the first call may take, and how often it is tried: someone without
/// a network learns it within 3 seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_200);
const CONNECT_ATTEMPTS: u32 = 2;

/// An account and a region, with credentials that AWS accepted.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account and region.
    pub place: Place,
    /// The caller's ARN.
    pub caller: String,
    pub(crate) functions: aws_sdk_lambda::Client,
    pub(crate) gateway: aws_sdk_apigateway::Client,
    pub(crate) roles: aws_sdk_iam::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
}

/// A place in AWS, with the parts that ARNs contain.
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

impl Account {
    /// Asks AWS for the caller's identity, and creates the clients.
    ///
    /// # Errors
    /// When there are no credentials, AWS does not accept them, or AWS cannot be reached. This
    /// takes 3 seconds at most, unless a credential process of the user's takes longer.
    pub async fn connect(settings: &Settings) -> Result<Self, AccountError> {
        let credentials = settings.credentials().await?;
        let sdk = settings.sdk();
        let mut sts = aws_sdk_sts::config::Builder::from(sdk)
            .credentials_provider(credentials)
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build());
        if !retries_are_set() {
            let retries = RetryConfig::standard()
                .with_max_attempts(CONNECT_ATTEMPTS)
                .with_initial_backoff(Duration::from_millis(100));
            sts = sts.retry_config(retries);
        }
        let answer = aws_sdk_sts::Client::from_conf(sts.build()).get_caller_identity().send().await;
        let identity = match answer {
            Err(error) if !matches!(error, SdkError::ServiceError(_)) => {
                return Err(settings.unreachable(&error));
            }
            answer => answer.call("sts:GetCallerIdentity", "").map_err(AccountError::refused)?,
        };
        let caller = identity.arn.unwrap_or_default();
        let place = Place {
            partition: caller.split(':').nth(1).unwrap_or("aws").to_owned(),
            region: settings.region().to_owned(),
            account: identity.account.unwrap_or_default(),
        };
        Ok(Self {
            place,
            caller,
            functions: aws_sdk_lambda::Client::new(sdk),
            gateway: gateway(sdk),
            roles: aws_sdk_iam::Client::new(sdk),
            logs: aws_sdk_cloudwatchlogs::Client::new(sdk),
        })
    }
}

fn gateway(sdk: &SdkConfig) -> aws_sdk_apigateway::Client {
    let mut configuration = aws_sdk_apigateway::config::Builder::from(sdk);
    if let Some(client) = sdk.http_client() {
        configuration = configuration.http_client(nulls::WithoutNulls(client));
    }
    aws_sdk_apigateway::Client::from_conf(configuration.build())
}

/// Whether the user chose how often calls are repeated.
fn retries_are_set() -> bool {
    std::env::var_os("AWS_MAX_ATTEMPTS").is_some()
}

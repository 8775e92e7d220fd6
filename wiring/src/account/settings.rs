//! Region and credentials, from the places where AWS's own tools look: environment, profiles,
//! single sign-on, and the role of the machine.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::{AccountError, regions, retries_are_set};

/// How often a call is made if AWS says that it can be repeated. AWS_MAX_ATTEMPTS overrides it.
/// API Gateway allows only a few calls per second.
const ATTEMPTS: u32 = 8;

/// How long the metadata service of an EC2 machine may take to answer. Elsewhere nothing answers.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// AWS's own settings, read from the user's environment.
#[derive(Debug, Clone)]
pub struct Settings {
    sdk: SdkConfig,
    region: String,
    region_from: &'static str,
}

impl Settings {
    /// Reads the settings. `region` is the config's, which overrides all others.
    ///
    /// # Errors
    /// When no region is set, or it cannot be a region's name.
    pub async fn read(region: Option<&str>) -> Result<Self, AccountError> {
        let tls = Provider::Rustls(CryptoMode::Ring);
        let client = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
        let providers = ProviderConfig::without_region().with_http_client(client.clone());
        let metadata = imds::Client::builder()
            .configure(&providers)
            .max_attempts(1)
            .connect_timeout(METADATA_TIMEOUT)
            .read_timeout(METADATA_TIMEOUT)
            .build();
        let (region, region_from) = find_region(region, &providers, &metadata).await?;
        let credentials = DefaultCredentialsChain::builder()
            .configure(providers.with_region(Some(region.clone())))
            .region(region.clone())
            .imds_client(metadata)
            .build()
            .await;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(client)
            .region(region.clone())
            .credentials_provider(credentials);
        if !retries_are_set() {
            loader = loader.retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        }
        let settings = Self { sdk: loader.load().await, region: region.to_string(), region_from };
        if settings.endpoint().is_none() && !regions::is_possible(&settings.region) {
            return Err(settings.unknown_region());
        }
        Ok(settings)
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The endpoint that stands in for AWS, such as a mock's, if one is set.
    pub fn endpoint(&self) -> Option<&str> {
        self.sdk.endpoint_url()
    }

    /// The user's credentials.
    ///
    /// # Errors
    /// When there are none, or they cannot be loaded.
    pub async fn credentials(&self) -> Result<Credentials, AccountError> {
        let provider = self.sdk.credentials_provider().ok_or_else(AccountError::no_credentials)?;
        provider.provide_credentials().await.map_err(|error| AccountError::credentials(&error))
    }

    pub(super) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// The error for a first call that got no answer.
    pub(super) fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> AccountError {
        if self.endpoint().is_none() && !regions::is_known(&self.region) {
            return self.unknown_region();
        }
        let region = (&*self.region, self.region_from);
        AccountError::unreachable(region, self.endpoint(), error)
    }

    fn unknown_region(&self) -> AccountError {
        AccountError::UnknownRegion {
            region: self.region.clone(),
            from: self.region_from,
            similar: regions::similar(&self.region),
        }
    }
}

/// The region, and where it was set.
async fn find_region(
    given: Option<&str>,
    providers: &ProviderConfig,
    metadata: &imds::Client,
) -> Result<(Region, &'static str), AccountError> {
    if let Some(region) = given {
        return Ok((Region::new(region.to_owned()), "aws.region in the config"));
    }
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Ok((region, "AWS_REGION or AWS_DEFAULT_REGION"));
    }
    if let Some(region) = ProfileFileRegionProvider::new().region().await {
        return Ok((region, "your AWS profile"));
    }
    let machine = ImdsRegionProvider::builder().configure(providers).imds_client(metadata.clone());
    match machine.build().region().await {
        Some(region) => Ok((region, "this machine's metadata")),
        None => Err(AccountError::NoRegion),
    }
}

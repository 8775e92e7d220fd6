//! Secrets that the config names by their ARN, read with the credentials of AWS's own tools:
//! environment, profiles, single sign-on.

use abtest_model::{Config, Secret};
use abtest_secrets::{Credentials, SecretError};
use abtest_wiring::account;
use aws_credential_types::provider::ProvideCredentials;

/// Puts the secrets themselves in the place of the config's references.
pub(crate) async fn resolve(config: &mut Config) -> Result<(), SecretError> {
    let region = config.secret_references().first().map(|first| first.region().to_owned());
    abtest_secrets::resolve(config, async || credentials(region?).await).await
}

async fn credentials(region: String) -> Option<Credentials> {
    let settings = account::settings(Some(&region)).await.ok()?;
    let found = settings.credentials_provider()?.provide_credentials().await.ok()?;
    Some(Credentials {
        access_key_id: found.access_key_id().to_owned(),
        secret_access_key: Secret::new(found.secret_access_key()),
        session_token: found.session_token().map(Secret::new),
    })
}

//! Secrets that the config names by their ARN.

use abtest_config::Config;
use abtest_secrets::SecretError;

/// Replaces the config's references by the secrets themselves.
pub(crate) async fn resolve(config: &mut Config) -> Result<(), SecretError> {
    let region = config.store.secret_references().first().map(|first| first.region().to_owned());
    abtest_secrets::resolve(&mut config.store, async || credentials::find(region?).await).await
}

/// Credentials as AWS's own tools find them: environment, profiles, single sign-on.
#[cfg(feature = "deploy")]
mod credentials {
    use abtest_model::Secret;
    use abtest_secrets::Credentials;
    use abtest_wiring::account::Settings;

    pub(super) async fn find(region: String) -> Option<Credentials> {
        let found = Settings::read(Some(&region)).await.ok()?.credentials().await.ok()?;
        Some(Credentials {
            access_key_id: found.access_key_id().to_owned(),
            secret_access_key: Secret::new(found.secret_access_key()),
            session_token: found.session_token().map(Secret::new),
        })
    }
}

/// Without the AWS SDK: credentials from the environment only.
#[cfg(not(feature = "deploy"))]
mod credentials {
    use abtest_model::Secret;
    use abtest_secrets::Credentials;

    pub(super) async fn find(_region: String) -> Option<Credentials> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Some(Credentials {
            access_key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret::new(variable("AWS_SECRET_ACCESS_KEY")?),
            session_token: variable("AWS_SESSION_TOKEN").map(Secret::new),
        })
    }
}

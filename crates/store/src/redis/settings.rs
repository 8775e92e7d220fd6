//! From the config to a client, without a secret in any error.

use abtest_model::RedisConfig;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

/// Why the settings cannot be used. Known before anything is connected.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL does not parse; it may hold a password and is not repeated.
    #[error(
        "redis.url is no Redis address; write redis://[user:password@]host[:port][/db], \
         or rediss:// for TLS"
    )]
    Url,
    /// TLS is asked for and was not built in.
    #[error("this build has no TLS; build it with the feature `tls`, or use redis://")]
    NoTls,
    /// The certificates of `tls_ca` do not parse.
    #[error("redis.tls_ca holds no certificates; give it the text of a PEM file")]
    Certificates,
    /// Something else that the client refuses.
    #[error("the Redis settings cannot be used; check redis.host, redis.port and redis.db")]
    Invalid,
}

pub(super) fn client(config: &RedisConfig) -> Result<Client, SettingsError> {
    let information = match &config.url {
        Some(url) => url.expose().into_connection_info().map_err(|_| SettingsError::Url)?,
        None => from_members(config)?,
    };
    match information.addr() {
        ConnectionAddr::TcpTls { .. } => tls_client(information, config.tls_ca.as_deref()),
        _ => Client::open(information).map_err(|_| SettingsError::Invalid),
    }
}

fn from_members(config: &RedisConfig) -> Result<ConnectionInfo, SettingsError> {
    let address = if config.tls {
        ConnectionAddr::TcpTls {
            host: config.host.clone(),
            port: config.port,
            insecure: false,
            tls_params: None,
        }
    } else {
        ConnectionAddr::Tcp(config.host.clone(), config.port)
    };
    let mut login = RedisConnectionInfo::default().set_db(config.db.into());
    if let Some(username) = &config.username {
        login = login.set_username(username);
    }
    // An empty password is how configs say "none".
    if let Some(password) =
        config.password.as_ref().filter(|password| !password.expose().is_empty())
    {
        login = login.set_password(password.expose());
    }
    let information = address.into_connection_info().map_err(|_| SettingsError::Invalid)?;
    Ok(information.set_redis_settings(login))
}

#[cfg(feature = "tls")]
fn tls_client(information: ConnectionInfo, ca: Option<&str>) -> Result<Client, SettingsError> {
    // Fails only when a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root_cert = ca.map(|certificates| certificates.as_bytes().to_vec());
    let certificates = redis::TlsCertificates { client_tls: None, root_cert };
    Client::build_with_tls(information, certificates).map_err(|_| SettingsError::Certificates)
}

#[cfg(not(feature = "tls"))]
fn tls_client(_: ConnectionInfo, _: Option<&str>) -> Result<Client, SettingsError> {
    Err(SettingsError::NoTls)
}

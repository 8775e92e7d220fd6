//! Makes a client from the config. No error repeats a secret.

use abtest_config::RedisConfig;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
};

use super::link::{LinkClient, Links};

/// Why the settings cannot be used. Known before anything is connected.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL does not parse; it may hold a password and is not repeated.
    #[error(
        "redis.url is not a Redis address; write redis://[user:password@]host[:port][/db], \
         or rediss:// for TLS"
    )]
    Url,
    /// The settings ask for TLS, which this build does not have.
    #[error("this build has no TLS; build it with the feature `tls`, or use redis://")]
    NoTls,
    /// The certificates of `tls_ca` do not parse.
    #[error("redis.tls_ca holds no certificates; give it the text of a PEM file")]
    Certificates,
    /// HyperLogLogs on a cluster.
    #[error(
        "a Redis Cluster keeps the keys of one HyperLogLog event on several nodes; with \
         redis.cluster, set \"counting\": \"exact\""
    )]
    ClusterEstimates,
    /// Something else that the client refuses.
    #[error("the Redis settings cannot be used; check redis.host, redis.port and redis.db")]
    Invalid,
}

pub(super) fn links(config: &RedisConfig) -> Result<Links, SettingsError> {
    let information = match &config.url {
        Some(url) => url.expose().into_connection_info().map_err(|_| SettingsError::Url)?,
        None => from_members(config)?,
    };
    let address = information.addr().to_string();
    let client = match information.addr() {
        ConnectionAddr::TcpTls { .. } => tls(config, information)?,
        _ if config.cluster => nodes(config, information, |builder| builder)?,
        _ => server(Client::open(information))?,
    };
    Ok(Links { address, client })
}

fn server(client: RedisResult<Client>) -> Result<LinkClient, SettingsError> {
    client.map(|client| LinkClient::Server(Box::new(client))).map_err(|_| SettingsError::Invalid)
}

/// The cluster of the node with this address. The node names the others.
fn nodes(
    config: &RedisConfig,
    first: ConnectionInfo,
    finish: impl FnOnce(ClusterClientBuilder) -> ClusterClientBuilder,
) -> Result<LinkClient, SettingsError> {
    let builder = ClusterClient::builder([first])
        .connection_timeout(config.connect_timeout())
        .response_timeout(config.response_timeout());
    finish(builder)
        .build()
        .map(|client| LinkClient::Cluster(Box::new(client)))
        .map_err(|_| SettingsError::Invalid)
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
    // Configs write an empty password for no password.
    if let Some(password) =
        config.password.as_ref().filter(|password| !password.expose().is_empty())
    {
        login = login.set_password(password.expose());
    }
    let information = address.into_connection_info().map_err(|_| SettingsError::Invalid)?;
    Ok(information.set_redis_settings(login))
}

#[cfg(feature = "tls")]
fn tls(config: &RedisConfig, information: ConnectionInfo) -> Result<LinkClient, SettingsError> {
    // Fails only if a provider is already installed, which works as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root_cert = config.tls_ca.as_ref().map(|certificates| certificates.as_bytes().to_vec());
    let certificates = redis::TlsCertificates { client_tls: None, root_cert };
    // Here only the certificates can be wrong.
    if config.cluster {
        nodes(config, information, |builder| builder.certs(certificates))
    } else {
        server(Client::build_with_tls(information, certificates))
    }
    .map_err(|_| SettingsError::Certificates)
}

#[cfg(not(feature = "tls"))]
fn tls(_: &RedisConfig, _: ConnectionInfo) -> Result<LinkClient, SettingsError> {
    Err(SettingsError::NoTls)
}

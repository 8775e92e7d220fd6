//! The choices for `abtest serve`: its address for others, and what strangers may take.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::variables::{VariableError, set, value};

/// The choices for `abtest serve`. An address is an IPv4 address or an IPv6 network of 64 bits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeSettings {
    /// Where browsers reach the server, if a proxy is in front of it.
    pub public_url: Option<PublicUrl>,
    /// The proxies whose `X-Forwarded-For` is believed. They have no limits of their own.
    pub trusted_proxies: Networks,
    /// Requests without a key that an address may send, per second on average. It may send those of
    /// ten seconds at once. 0: any number.
    pub requests_per_second: u32,
    /// Wrong API keys that an address may send per minute. 0: any number.
    pub wrong_keys_per_minute: u32,
    /// Connections that are open at once. The system's limit for open files may allow fewer.
    pub connections: NonZeroU32,
    /// Connections from one address that are open at once.
    pub connections_per_address: NonZeroU32,
    /// Memory for request bodies in flight, in MiB, beyond the first 16 KiB of each.
    pub body_memory_mib: NonZeroU32,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Networks::default(),
            requests_per_second: 5_000,
            wrong_keys_per_minute: 30,
            connections: const { NonZeroU32::new(8_192).unwrap() },
            connections_per_address: const { NonZeroU32::new(2_048).unwrap() },
            body_memory_mib: const { NonZeroU32::new(64).unwrap() },
        }
    }
}

impl ServeSettings {
    /// Replaces each setting that has a variable.
    ///
    /// # Errors
    /// When a variable's value cannot be used.
    pub fn override_with(
        &mut self,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Result<(), VariableError> {
        let variables = &variables;
        if let Some(url) = value("ABTEST_SERVE_PUBLIC_URL", variables)? {
            self.public_url = Some(url);
        }
        set(&mut self.trusted_proxies, "ABTEST_SERVE_TRUSTED_PROXIES", variables)?;
        set(&mut self.requests_per_second, "ABTEST_SERVE_REQUESTS_PER_SECOND", variables)?;
        set(&mut self.wrong_keys_per_minute, "ABTEST_SERVE_WRONG_KEYS_PER_MINUTE", variables)?;
        set(&mut self.connections, "ABTEST_SERVE_CONNECTIONS", variables)?;
        let per_address = &mut self.connections_per_address;
        set(per_address, "ABTEST_SERVE_CONNECTIONS_PER_ADDRESS", variables)?;
        set(&mut self.body_memory_mib, "ABTEST_SERVE_BODY_MEMORY_MIB", variables)
    }
}

/// Where browsers reach a server: scheme, host and optionally port, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// A text that is not such an address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a public address; write scheme and host, such as https://abtest.example.org")]
pub struct WrongUrl(String);

impl PublicUrl {
    /// The address, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it speaks TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for PublicUrl {
    type Err = WrongUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        match host {
            Some(host) if !host.is_empty() && host.bytes().all(is_part) => Ok(Self(url)),
            _ => Err(WrongUrl(text.escape_debug().to_string())),
        }
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Networks, such as 10.0.0.0/8, or single addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// A text that is not a network.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a network; write an address or a network such as 10.0.0.0/8, or `none`")]
pub struct WrongNetwork(String);

impl Networks {
    /// Each network.
    pub fn iter(&self) -> impl Iterator<Item = IpNet> {
        self.0.iter().copied()
    }
}

impl Default for Networks {
    /// This machine.
    fn default() -> Self {
        let loopback = IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8);
        Self(vec![loopback, IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)])
    }
}

impl Display for Networks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(if names.is_empty() { "none" } else { "" })?;
        formatter.write_str(&names.join(","))
    }
}

impl FromStr for Networks {
    type Err = WrongNetwork;

    /// Reads networks with commas between them, or `none`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(|name| network(name.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn network(name: &str) -> Result<IpNet, WrongNetwork> {
    let address = || name.parse::<IpAddr>().map(IpNet::from);
    name.parse().or_else(|_| address()).map_err(|_| WrongNetwork(name.escape_debug().to_string()))
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let networks = names.iter().map(|name| network(name)).collect::<Result<_, _>>();
        networks.map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_has_no_path() {
        let url = |text: &str| text.parse::<PublicUrl>();
        assert_eq!(
            url("https://Abtest.example.org/").unwrap().as_str(),
            "https://abtest.example.org"
        );
        assert!(url("https://a.example").unwrap().is_https());
        assert!(!url("http://[::1]:8080").unwrap().is_https());
        for wrong in
            ["", "a.example", "ftp://a", "https://", "https://a/b", "https://u@a", "https://a b"]
        {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_are_read_from_a_list_and_from_text() {
        let of = |text: &str| text.parse::<Networks>().unwrap();
        assert_eq!(of("127.0.0.0/8, ::1"), Networks::default());
        assert_eq!(of("none").iter().count(), 0);
        assert_eq!(of(&of("10.0.0.0/8,192.0.2.1").to_string()), of("10.0.0.0/8,192.0.2.1"));
        let json: Networks = serde_json::from_str(r#"["10.0.0.0/8", "192.0.2.1"]"#).unwrap();
        assert_eq!(json, of("10.0.0.0/8,192.0.2.1"));
        for wrong in ["", "10.0.0.0/33", "proxy.example", "none,none"] {
            assert!(wrong.parse::<Networks>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn variables_override_settings() {
        let mut settings = ServeSettings::default();
        let variables = |name: &str| match name {
            "ABTEST_SERVE_PUBLIC_URL" => Some("https://a.example".to_owned()),
            "ABTEST_SERVE_CONNECTIONS" => Some("7".to_owned()),
            _ => None,
        };
        settings.override_with(variables).unwrap();
        assert_eq!(settings.public_url.unwrap().as_str(), "https://a.example");
        assert_eq!(settings.connections.get(), 7);
        let zero = |name: &str| (name == "ABTEST_SERVE_CONNECTIONS").then(|| "0".to_owned());
        let error = ServeSettings::default().override_with(zero).unwrap_err().to_string();
        assert!(error.contains("ABTEST_SERVE_CONNECTIONS"), "{error}");
    }
}

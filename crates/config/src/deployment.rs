//! The choices for what `abtest deploy` creates in AWS.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// The name of a deployment. Everything that it creates has this name and tag, so that one account
/// can hold two deployments. It has 1 to 32 lower-case letters, digits and hyphens, and begins with
/// a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentName(String);

impl DeploymentName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it breaks the rule.
    pub fn new(name: impl Into<String>) -> Result<Self, WrongName> {
        let name = name.into();
        let rest = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if first && name.len() <= 32 && name.as_bytes().iter().all(rest) {
            Ok(Self(name))
        } else {
            Err(WrongName(name))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for DeploymentName {
    fn default() -> Self {
        Self("abtest".into())
    }
}

impl fmt::Display for DeploymentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeploymentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A text that is not a deployment's name.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a name for a deployment; use 1 to 32 lower-case letters, digits and hyphens, \
     beginning with a letter"
)]
pub struct WrongName(String);

/// The choices that a deployment has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeploymentSettings {
    /// The region. If absent: the region of the environment or of the profile.
    pub region: Option<String>,
    /// The name of the REST API, its API key and its usage plan. If absent: the deployment's name.
    /// `gimel` takes over the API that Gimel deployed, with its address and its key.
    pub api_name: Option<String>,
    /// The processor that the functions are built for.
    pub architecture: Architecture,
    /// How many days logs are kept. CloudWatch Logs accepts certain numbers only.
    pub log_retention_days: u16,
    /// How many copies of each function may run at once. Each copy holds a connection to Redis, so
    /// this limits the connections. If absent: only the account's limit applies.
    pub reserved_concurrency: Option<u32>,
    /// How many requests each public endpoint takes.
    pub throttle: Throttle,
}

impl Default for DeploymentSettings {
    fn default() -> Self {
        Self {
            region: None,
            api_name: None,
            architecture: Architecture::default(),
            log_retention_days: 30,
            reserved_concurrency: None,
            throttle: Throttle::default(),
        }
    }
}

/// The processor that functions are built for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Architecture {
    /// Intel and AMD: the processor that abtest is built and tested on.
    #[default]
    #[serde(rename = "x86_64")]
    X86_64,
    /// AWS Graviton: a fifth cheaper per GB-second.
    #[serde(rename = "arm64")]
    Arm64,
}

impl Architecture {
    /// Its name in Lambda.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }
}

/// A limit of requests. Past it, API Gateway answers 429, and the browser tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Throttle {
    /// Requests a second, on average.
    pub rate: u32,
    /// Requests at once.
    pub burst: u32,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { rate: 500, burst: 1_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_every_aws_service_takes() {
        assert!(DeploymentName::new("abtest-2").is_ok());
        for wrong in ["", "2abtest", "Abtest", "ab_test", "a b", &"a".repeat(33)] {
            assert!(DeploymentName::new(wrong).is_err(), "{wrong}");
        }
    }
}

//! abtest's configuration.
//!
//! | module | holds |
//! |---|---|
//! | [`store`] | [`StoreSettings`]: the Redis server, how it counts, and the limits |
//! | [`variables`] | the same settings as environment variables |
//! | [`reference`] | [`SecretReference`]: a secret that is kept in AWS |
//! | [`file`] | [`Config`]: the config file |
//! | [`deployment`] | [`DeploymentSettings`]: what `abtest deploy` creates |
//! | [`serve`] | [`ServeSettings`]: the address of `abtest serve`, and what strangers may take |
//! | [`wiring`] | [`Wiring`]: an entry of `extra_wiring` |
//! | [`endpoints`] | [`Endpoints`]: the built-in endpoints and those of `extra_wiring`, checked |
//!
//! The last four need the feature `file`. A deployed function works without it: it reads its
//! settings from environment variables.
//!
//! This crate turns text into types. It reads no files and no environment: its callers do.

#[cfg(feature = "file")]
pub mod deployment;
#[cfg(feature = "file")]
pub mod endpoints;
#[cfg(feature = "file")]
pub mod file;
pub mod reference;
#[cfg(feature = "file")]
pub mod serve;
pub mod store;
pub mod variables;
#[cfg(feature = "file")]
pub mod wiring;

#[cfg(feature = "file")]
pub use deployment::{Architecture, DeploymentName, DeploymentSettings, Throttle};
#[cfg(feature = "file")]
pub use endpoints::{Endpoints, WiringError};
#[cfg(feature = "file")]
pub use file::{Config, ConfigError};
pub use reference::SecretReference;
#[cfg(feature = "file")]
pub use serve::{Networks, PublicUrl, ServeSettings};
pub use store::{Limits, RedisConfig, StoreSettings};
pub use variables::VariableError;
#[cfg(feature = "file")]
pub use wiring::{WiredEndpoint, WiredFunction, WiredMethod, Wiring};

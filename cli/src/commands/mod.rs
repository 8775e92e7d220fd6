//! The commands: one file or folder each.

#[cfg(feature = "deploy")]
pub(crate) mod build;
pub(crate) mod calc;
pub(crate) mod completions;
pub(crate) mod configure;
pub(crate) mod dashboard;
#[cfg(feature = "deploy")]
pub(crate) mod deploy;
#[cfg(feature = "deploy")]
pub(crate) mod destroy;
pub(crate) mod experiments;
pub(crate) mod export;
pub(crate) mod import;
#[cfg(feature = "deploy")]
pub(crate) mod key;
pub(crate) mod login;
#[cfg(feature = "deploy")]
pub(crate) mod preflight;
pub(crate) mod results;
#[cfg(feature = "deploy")]
pub(crate) mod rollback;
pub(crate) mod serve;
pub(crate) mod snippet;
#[cfg(feature = "deploy")]
pub(crate) mod status;

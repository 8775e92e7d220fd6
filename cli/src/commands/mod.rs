//! The commands, a file or a folder each.

pub(crate) mod build;
pub(crate) mod calc;
pub(crate) mod configure;
pub(crate) mod dashboard;
pub(crate) mod deploy;
pub(crate) mod destroy;
pub(crate) mod experiments;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod preflight;
pub(crate) mod results;
pub(crate) mod rollback;
pub(crate) mod serve;
pub(crate) mod snippet;
pub(crate) mod status;

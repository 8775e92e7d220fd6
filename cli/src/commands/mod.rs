//! The commands, a file or a folder each.

pub(crate) mod calc;
pub(crate) mod experiments;
pub(crate) mod results;
pub(crate) mod serve;

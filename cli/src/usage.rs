//! Wrong usage that clap cannot see, because it depends on several arguments.

/// An error that ends the process with exit code 2, as clap's own errors do.
#[derive(Debug)]
pub(crate) struct WrongUsage(String);

impl WrongUsage {
    /// `what` names the flag and says what would be right.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl std::fmt::Display for WrongUsage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

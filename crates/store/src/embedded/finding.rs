//! What is wrong with a folder, in words.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Something that is damaged or missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, relative to the folder; `None` if it is not known which one it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What is wrong, such as "is missing".
    pub problem: String,
}

impl Finding {
    /// A problem of a file.
    pub(super) fn file(file: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self { file: Some(file.into()), problem: problem.into() }
    }

    /// A file that must exist and does not.
    pub(super) fn missing_file(file: impl AsRef<Path>) -> Self {
        Self::file(file.as_ref(), "is missing")
    }

    /// A problem of which no file is known.
    pub(super) fn of_contents(problem: impl Into<String>) -> Self {
        Self { file: None, problem: problem.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(formatter, "{} {}", file.display(), self.problem),
            None => formatter.write_str(&self.problem),
        }
    }
}

/// A few findings in one line.
pub(super) fn summary(findings: &[Finding]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = findings.iter().take(SHOWN).map(ToString::to_string).collect();
    let mut text = shown.join("; ");
    if findings.len() > SHOWN {
        text.push_str(&format!("; and {} more", findings.len() - SHOWN));
    }
    text
}

//! Where an experiment is in its life.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of an experiment. It decides what units get, and never what is counted.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not started: units get no assignment, overrides work.
    #[default]
    Draft,
    /// Units are assigned.
    Running,
    /// Units get the fallback.
    Paused,
    /// Targeted units get the winner.
    Completed,
    /// Not published, and hidden in lists.
    Archived,
}

impl Status {
    /// Every status, in the order of an experiment's life.
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Running, Self::Paused, Self::Completed, Self::Archived];

    /// The statuses that may follow. `started` says whether the experiment ever ran: an archived
    /// experiment can only return to the status that it had.
    #[must_use]
    pub fn allowed_next(self, started: bool) -> &'static [Self] {
        match self {
            Self::Draft => &[Self::Running, Self::Archived],
            Self::Running => &[Self::Paused, Self::Completed],
            Self::Paused => &[Self::Running, Self::Completed],
            Self::Completed => &[Self::Archived],
            Self::Archived if started => &[Self::Completed],
            Self::Archived => &[Self::Draft],
        }
    }

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Archived => "archived",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Statuses for a sentence: "paused or completed".
pub(super) fn listed(statuses: &[Status]) -> String {
    let names: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
    names.join(" or ")
}

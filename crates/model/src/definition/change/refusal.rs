//! Why a change is refused.

use std::fmt;

use serde::Serialize;

use crate::definition::rule::Violations;
use crate::definition::status::{Status, listed};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Rules are broken (422).
    #[error(transparent)]
    Invalid(#[from] Violations),
    /// There is no definition to patch (404).
    #[error("there is no definition; create one with PUT")]
    Missing,
    /// The change contradicts the state of the experiment (409).
    #[error("{}", joined(.0))]
    Conflict(Vec<Conflict>),
    /// The version is not the one that the request expects (412).
    #[error("the definition is at {}; read it again, and repeat the change", at_version(.current))]
    Stale {
        /// The current version, if there is a definition.
        current: Option<u64>,
    },
    /// The request asks for a new definition, and there is one (412).
    #[error(
        "the experiment has a definition, at version {current}; read it, and change it with PATCH"
    )]
    Exists {
        /// The current version.
        current: u64,
    },
    /// The request needs a condition on the version (428).
    #[error("{reason} needs the header If-Match: \"{current}\", so that no other change is lost")]
    PreconditionRequired {
        /// The current version.
        current: u64,
        /// What needs it.
        reason: String,
    },
}

/// A change that contradicts the state of the experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "conflict", rename_all = "snake_case")]
pub enum Conflict {
    /// The status cannot follow the present one.
    Transition {
        /// The present status.
        from: Status,
        /// The requested status.
        to: Status,
        /// The statuses that may follow.
        allowed: Vec<Status>,
    },
    /// The member cannot change now.
    Fixed {
        /// The member.
        member: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A bandit owns the weights.
    BanditOwnsWeights,
    /// Only drafts and archived experiments can be deleted.
    Undeletable {
        /// The present status.
        status: Status,
    },
    /// The layer has too few free slots.
    FullLayer {
        /// The layer.
        layer: String,
        /// The traffic that is needed in addition, in percent of all units.
        needed: f64,
        /// The traffic that is free, in percent.
        free: f64,
        /// The experiments that hold the rest, largest first.
        holders: Vec<LayerHolder>,
    },
    /// The step withdraws a winner and needs `"confirm": true`.
    NeedsConfirmation {
        /// The winner that visitors see now.
        winner: String,
    },
}

/// An experiment that holds a part of a layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayerHolder {
    /// The experiment.
    pub experiment: String,
    /// Its traffic, in percent of all units.
    pub traffic: f64,
}

impl fmt::Display for Conflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transition { from, to, allowed } => {
                write!(formatter, "a {from} experiment cannot become {to}; it can become {}", listed(allowed))
            }
            Self::Fixed { member, reason } => write!(formatter, "{member} cannot change: {reason}"),
            Self::BanditOwnsWeights => formatter.write_str(
                "weights cannot change while a bandit is active; set \"bandit\": null in the same request",
            ),
            Self::Undeletable { status: Status::Completed } => formatter
                .write_str("a completed experiment cannot be deleted; archive it first"),
            Self::Undeletable { status } => write!(
                formatter,
                "a {status} experiment cannot be deleted; complete and archive it first"
            ),
            Self::FullLayer { layer, needed, free, holders } => {
                let share = |holder: &LayerHolder| format!("{} ({}%)", holder.experiment, holder.traffic);
                let holders: Vec<String> = holders.iter().map(share).collect();
                write!(
                    formatter,
                    "the layer {layer} has {free}% of its traffic free and {needed}% more is \
                     needed; it is held by {}; lower the traffic of one of them, or use another \
                     layer",
                    holders.join(", ")
                )
            }
            Self::NeedsConfirmation { winner } => write!(
                formatter,
                "archiving withdraws the winner {winner}: applications show their default again; \
                 send \"confirm\": true to archive"
            ),
        }
    }
}

fn joined(conflicts: &[Conflict]) -> String {
    conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn at_version(current: &Option<u64>) -> String {
    match current {
        Some(version) => format!("version {version}"),
        None => "no version, because it does not exist".to_owned(),
    }
}

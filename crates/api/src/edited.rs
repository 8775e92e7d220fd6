//! What a change of a definition does, and the history of changes. The API writes these types, and
//! the CLI reads them.

use std::collections::BTreeMap;

use abtest_assign::MovedUnits;
use abtest_model::definition::{DisturbanceKind, Tombstone, Warning};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What a PUT or PATCH of a definition does. With `dry_run=true` it is what it would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Edited {
    /// The experiment.
    pub experiment: String,
    /// Whether this request stored a new version. False with `dry_run=true`, and if the content is
    /// the same.
    pub stored: bool,
    /// Whether there was no definition before.
    pub created: bool,
    /// Each changed member with its value before and after. Empty if the content is the same.
    #[schema(value_type = BTreeMap<String, Vec<Object>>)]
    pub changed: BTreeMap<String, [Value; 2]>,
    /// What the change does to the groups that were already counted.
    pub disturbances: Vec<AnnouncedDisturbance>,
    /// How many units the change moves.
    pub units: MovedUnits,
    /// What is allowed but worth a second look.
    pub warnings: Vec<Warning>,
    /// The document after the change, as `GET /experiments/{experiment}/definition` shows it.
    #[schema(value_type = Object)]
    pub definition: Value,
}

/// A change that contaminates the groups, in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnnouncedDisturbance {
    /// What happens.
    pub kind: DisturbanceKind,
    /// What visitors see, and what it does to the results.
    pub sentence: String,
}

/// A change in the history of a definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryChange {
    /// The version that the change made.
    pub version: u64,
    /// When, by the store's clock, in RFC 3339.
    pub at: String,
    /// Who: a key's id or role, or `schedule` or `monitor` for the server itself.
    pub by: String,
    /// Which person or program, as the header `X-Abtest-Actor` said. It is not verified.
    pub actor: Option<String>,
    /// Why, in the words of who made it.
    pub why: Option<String>,
    /// Each changed member with its value before and after.
    #[schema(value_type = BTreeMap<String, Vec<Object>>)]
    pub changed: BTreeMap<String, [Value; 2]>,
    /// What remained of the definition, if this change deleted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub deleted: Option<Tombstone>,
}

/// What `POST /tick` carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tick {
    /// The steps of schedules that were due and are done now.
    pub done: Vec<DoneStep>,
    /// The steps that are due and cannot be done. They stay due.
    pub failed: Vec<FailedStep>,
}

/// A step of a schedule that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DoneStep {
    /// The namespace.
    pub namespace: String,
    /// The experiment.
    pub experiment: String,
    /// The step: `start`, `ramp[0]` or `stop`.
    pub step: String,
    /// The version of the definition that the step made.
    pub version: u64,
}

/// A step of a schedule that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct FailedStep {
    /// The namespace.
    pub namespace: String,
    /// The experiment.
    pub experiment: String,
    /// The step: `start`, `ramp[0]` or `stop`.
    pub step: String,
    /// Why, and what to do.
    pub reason: String,
}

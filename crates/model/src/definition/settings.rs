//! The settings of a namespace.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::UnitHash;

/// The settings of a namespace, as they are stored. Layers are documents of their own.
///
/// Unknown members are errors, so that an older version never drops what a newer one stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How units become buckets. Fixed after the first start of an experiment.
    #[serde(default)]
    pub hash: UnitHash,
    /// Which events are counted.
    #[serde(default)]
    pub accept: Accept,
    /// Members that definitions get if they omit them.
    #[serde(default)]
    pub defaults: Map<String, Value>,
}

/// Which events of a namespace are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Accept {
    /// All of them.
    #[default]
    Any,
    /// Only events of defined experiments, with declared variants and goals.
    Declared,
}

//! The settings of a namespace. The API writes these types, and the CLI reads them.

use abtest_model::definition::{Accept, UnitHash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What `GET /settings` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NamespaceSettings {
    /// The namespace.
    pub namespace: String,
    /// How units become buckets: `murmur3` or `growthbook`. Fixed after the first start of an
    /// experiment.
    #[schema(value_type = String)]
    pub hash: UnitHash,
    /// Which events are counted: `any`, or only those of `declared` experiments, variants and goals.
    pub accept: Accept,
    /// The layers, by name. Experiments of one layer never share a unit.
    pub layers: Vec<LayerSettings>,
    /// Members that definitions get if they omit them.
    #[schema(value_type = Object)]
    pub defaults: Map<String, Value>,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LayerSettings {
    /// Its name.
    pub name: String,
    /// The seed of its ring. It never changes.
    pub id: String,
    /// What it is for.
    pub description: Option<String>,
    /// The share of units that no experiment holds, in percent.
    pub free: f64,
    /// The experiments that hold slots, largest first.
    pub holders: Vec<LayerShare>,
}

/// The part of a layer that an experiment holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LayerShare {
    /// The experiment.
    pub experiment: String,
    /// Its traffic, in percent of all units.
    pub traffic: f64,
    /// Its slots, as half-open ranges from 0 to 10,000.
    pub slots: Vec<[u16; 2]>,
}

//! A layer: a ring that several experiments share without sharing a unit.

use abtest_model::definition::Seed;
use serde::{Deserialize, Serialize};

use crate::slots::SlotTable;

/// A layer, as it is stored. Its name is the key of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The seed of its ring. It never changes.
    pub id: Seed,
    /// What the layer is for, in a sentence.
    #[serde(default)]
    pub description: Option<String>,
    /// Which experiment holds which slots.
    #[serde(default)]
    pub slots: SlotTable,
}

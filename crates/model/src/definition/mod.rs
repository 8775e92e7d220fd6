//! The experiment document: what an operator plans, and how it changes.
//!
//! | module | holds |
//! |---|---|
//! | here | [`Definition`]: the members that an operator writes |
//! | [`read`] | [`Definition::parse`]: from JSON to a definition, or all [`Violations`] |
//! | [`goal`], [`analysis`], [`schedule`] | parts of a definition |
//! | [`status`] | [`Status`] and the legal transitions |
//! | [`document`] | [`Document`]: a definition with what the server adds |
//! | [`change`] | PUT and PATCH: from (current document, request, time) to a [`Change`] or a [`Refusal`] |
//! | [`surroundings`] | rules that span the namespace: unique ids and salts, existing layers |
//! | [`settings`] | [`Settings`] of a namespace |
//! | [`published`] | [`Published`]: what clients may read and evaluate |
//! | [`range`] | [`Range`]: buckets and slots of the ring |
//! | [`rule`], [`seed`], [`time`] | violations, ids and names, points in time |

pub mod analysis;
pub mod change;
pub mod document;
pub mod goal;
mod plain;
pub mod published;
pub mod range;
mod read;
pub mod rule;
pub mod schedule;
#[cfg(feature = "schema")]
pub mod schema;
pub mod seed;
pub mod settings;
pub mod status;
pub mod surroundings;
#[cfg(test)]
mod testing;
pub mod time;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

pub use analysis::{Analysis, AnalysisMethod, Bandit, MultipleTesting};
pub use change::{
    Change, Conflict, Current, Edit, Generated, LayerHolder, Outcome, Precondition, Refusal,
    Request, Writer,
};
pub use document::{
    Allocation, ChangeRecord, Disturbance, DisturbanceKind, Document, EarlierChange, FirstStart,
    Tombstone,
};
pub use goal::{Better, DefinedGoal, GoalKind, GoalRole, MAX_DECIMALS};
pub use published::{Published, PublishedExperiment, UnitHash};
pub use range::{BUCKETS, Range};
pub use read::MEMBERS;
pub use rule::{Violation, Violations};
pub use schedule::{RampStep, Schedule, ScheduledStep};
pub use seed::{NewName, Seed};
pub use settings::{Accept, LayerPatch, Settings, SettingsPatch};
pub use status::Status;
pub use surroundings::{Surroundings, Warning};
pub use time::Time;

use crate::name::{Goal, Uuid, Variant};
use crate::tally::Counting;

/// Most variants of an experiment.
pub const MAX_VARIANTS: usize = 100;
/// Most declared goals of an experiment.
pub const MAX_GOALS: usize = 100;
/// Most units that an experiment assigns by hand.
pub const MAX_OVERRIDES: usize = 100;
/// Largest payload of a variant, in bytes of compact JSON.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024;
/// Largest definition, in bytes of compact JSON without server-owned members.
pub const MAX_DEFINITION_BYTES: usize = 128 * 1024;

/// The members of an experiment document that an operator writes. All rules hold for it.
///
/// The JSON form has every member; absent optional members are `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Definition {
    /// What the experiment asks, in a sentence. At most 10,000 bytes. Never published.
    pub description: Option<String>,
    /// What is expected, and why. At most 10,000 bytes. Never published.
    pub hypothesis: Option<String>,
    /// The person or team to ask. At most 200 bytes. Never published.
    pub owner: Option<String>,
    /// Words to find the experiment by. At most 50. Never published.
    pub tags: Vec<String>,
    /// A page about the experiment, http or https. At most 2,000 bytes. Never published.
    pub url: Option<String>,
    /// Free texts by key for other programs. At most 50. Never published.
    pub labels: BTreeMap<String, String>,
    /// Where the experiment is in its life. Default: draft.
    pub status: Status,
    /// The alternatives, 1 to 100. Ranges of the first allocation follow this order.
    pub variants: Vec<DefinedVariant>,
    /// The share of each variant, relative to the sum: numbers from 0 to 1,000,000, not all 0.
    /// Default: 1 each.
    #[serde(serialize_with = "plain::map")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, f64>"))]
    pub weights: BTreeMap<Variant, f64>,
    /// The variant that the others are compared with. Default: the first variant.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub control: Variant,
    /// What units get that take no part. Default: the control.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub fallback: Variant,
    /// The share of all units that take part, in percent with at most two decimals. Default: 100.
    pub traffic: Traffic,
    /// The layer whose slots the experiment uses. Experiments of one layer never share a unit.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub layer: Option<NewName>,
    /// A condition on attributes of the unit, in GrowthBook's condition syntax. Default: all units.
    pub targeting: Option<Map<String, Value>>,
    /// Units that get a variant by hand, at most 100. They are public.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
    pub overrides: BTreeMap<Uuid, Variant>,
    /// Keeps the experiment out of documents that browsers can read.
    pub server_only: bool,
    /// What is measured, at most 100 goals. Never published.
    pub goals: Vec<DefinedGoal>,
    /// Attributes by which results are split, with their values. At most 10 with 50 values each.
    pub segments: BTreeMap<String, Vec<String>>,
    /// How results are analysed.
    pub analysis: Analysis,
    /// Lets the server move the weights towards the better variants.
    pub bandit: Option<Bandit>,
    /// Changes that the server makes by itself.
    pub schedule: Option<Schedule>,
    /// How visitors are counted. Default: the store's setting. Fixed after the first start.
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::CountingName>"))]
    pub counting: Option<Counting>,
    /// The seed of the experiment's own slots. Unique among experiments and layers of the
    /// namespace. Default: generated. Fixed after the first start.
    #[cfg_attr(feature = "schema", schemars(with = "schema::SeedText"))]
    pub id: Seed,
    /// The seed of the split into variants. Differs from all ids and other salts of the namespace.
    /// Default: generated. Fixed after the first start.
    #[cfg_attr(feature = "schema", schemars(with = "schema::SeedText"))]
    pub salt: Seed,
    /// The variant that all targeted units get once the experiment is completed.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub winner: Option<Variant>,
}

impl Definition {
    /// The definition as a JSON object.
    #[must_use]
    pub fn to_members(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(), // A struct of plain data always becomes an object.
        }
    }

    /// The names of the variants, in order.
    pub fn variant_names(&self) -> impl Iterator<Item = &Variant> {
        self.variants.iter().map(|variant| &variant.name)
    }

    /// Whether it has a variant of this name.
    #[must_use]
    pub fn has_variant(&self, name: &str) -> bool {
        self.variant_names().any(|variant| variant.as_str() == name)
    }

    /// Whether it has a goal of this name. Every definition has the participants.
    #[must_use]
    pub fn has_goal(&self, name: &str) -> bool {
        name == Goal::PARTICIPATE || self.goals.iter().any(|goal| goal.name.as_str() == name)
    }

    /// The declared goal with a name.
    #[must_use]
    pub fn goal(&self, name: &str) -> Option<&DefinedGoal> {
        self.goals.iter().find(|goal| goal.name.as_str() == name)
    }

    /// The primary goal, if one is declared.
    #[must_use]
    pub fn primary_goal(&self) -> Option<&DefinedGoal> {
        self.goals.iter().find(|goal| goal.role == GoalRole::Primary)
    }
}

/// Reads a stored definition. Use [`Definition::parse`] for input, which lists all violations.
impl<'de> Deserialize<'de> for Definition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::parse(&value, None).map_err(de::Error::custom)
    }
}

/// One alternative of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefinedVariant {
    /// The name that events carry.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    #[serde(deserialize_with = "plain::read_variant")]
    pub name: Variant,
    /// What the application needs to show the variant: JSON of at most 16 KiB. Either no variant
    /// has a payload, or all have payloads of one JSON type.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payload: Option<Value>,
}

/// A share of all units. One slot is 0.01%.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traffic {
    slots: u16,
}

impl Traffic {
    /// All units.
    pub const ALL: Self = Self { slots: BUCKETS };

    /// A share in percent: 0 to 100 with at most two decimals.
    #[must_use]
    pub fn from_percent(percent: f64) -> Option<Self> {
        let slots = (percent * 100.0).round();
        let exact = (slots / 100.0 - percent).abs() < 1e-9;
        (exact && (0.0..=100.0).contains(&percent)).then_some(Self { slots: slots as u16 })
    }

    /// The share in percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        f64::from(self.slots) / 100.0
    }

    /// The share in slots, 0 to 10,000.
    #[must_use]
    pub fn slots(self) -> u16 {
        self.slots
    }
}

impl Serialize for Traffic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        plain::number(&self.percent(), serializer)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Traffic {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Traffic".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "number", "minimum": 0, "maximum": 100, "multipleOf": 0.01
        })
    }
}

//! The stored document: a definition with what the server adds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::range::{BUCKETS, Range};
use super::time::Time;
use super::{Definition, Status, UnitHash, plain};
use crate::bucket::bucket;
use crate::name::{Goal, Uuid, Variant};

/// An experiment's document, as it is stored and as `GET …/definition` returns it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// What the operator wrote.
    #[serde(flatten)]
    pub definition: Definition,
    /// Counts the changes, from 1. A re-created name continues the count.
    pub version: u64,
    /// The slots of the ring that the experiment holds, in the order in which they were added.
    #[serde(default)]
    pub slots: Vec<Range>,
    /// The newest allocation. There is one exactly when the experiment was ever started.
    #[serde(default)]
    pub allocation: Option<Allocation>,
    /// The allocations before the newest, oldest first, without their ranges. The analysis compares
    /// the variants within each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_allocations: Vec<EarlierAllocation>,
    /// The first start, which fixes what the analysis decides on.
    #[serde(rename = "started", default)]
    pub first_start: Option<FirstStart>,
    /// When the first version of this definition was written.
    pub created: Time,
    /// When this version was written.
    pub updated: Time,
    /// The analysis at the moment of completion, as results show it.
    #[serde(default)]
    pub decision: Option<Value>,
    /// Changes that contaminated the groups, oldest first.
    #[serde(default)]
    pub disturbances: Vec<Disturbance>,
}

impl Document {
    /// Whether the experiment was ever started.
    #[must_use]
    pub fn started(&self) -> bool {
        self.allocation.is_some()
    }

    /// The newest allocation, if the weights changed since the first start.
    #[must_use]
    pub fn changed_allocation(&self) -> Option<&Allocation> {
        let (start, allocation) = (self.first_start.as_ref()?, self.allocation.as_ref()?);
        (start.allocation != allocation.number).then_some(allocation)
    }

    /// The variant that the newest allocation gives a unit which takes part. Whether the unit takes
    /// part (traffic, targeting) is not looked at.
    #[must_use]
    pub fn split(&self, hash: UnitHash, unit: &Uuid) -> Option<&Variant> {
        let bucket = bucket(hash, &self.definition.salt, unit);
        let ranges = &self.allocation.as_ref()?.ranges;
        let holds = |ranges: &[Range]| ranges.iter().any(|range| range.contains(bucket));
        ranges.iter().find(|(_, ranges)| holds(ranges)).map(|(variant, _)| variant)
    }

    /// The statuses that may follow the present one.
    #[must_use]
    pub fn allowed_next(&self) -> &'static [Status] {
        self.definition.status.allowed_next(self.started())
    }

    /// What differs between two versions: each changed member with its value before and after.
    /// `None` stands for a document that did not exist. Version and times are left out.
    #[must_use]
    pub fn changed(before: Option<&Self>, after: &Self) -> BTreeMap<String, [Value; 2]> {
        let members = |document: &Self| match serde_json::to_value(document) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(), // A struct of plain data always becomes an object.
        };
        let mut old = before.map(members).unwrap_or_default();
        let mut changed = BTreeMap::new();
        for (member, value) in members(after) {
            let previous = old.remove(&member).unwrap_or_default();
            let bookkeeping = matches!(
                member.as_str(),
                "version" | "created" | "updated" | "started" | "earlier_allocations"
            );
            if previous != value && !bookkeeping {
                changed.insert(member, [previous, value]);
            }
        }
        changed
    }
}

/// What the first start of an experiment fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstStart {
    /// When.
    pub at: Time,
    /// The goals that were declared then. Goals that are added later are shown and decide nothing.
    #[serde(deserialize_with = "plain::read_goals")]
    pub goals: Vec<Goal>,
    /// The number of the first allocation. Another number says that weights changed since.
    pub allocation: u64,
}

/// A split of the ring into variants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// Counts the allocations of the experiment, from 1.
    pub number: u64,
    /// When it came into force.
    pub from: Time,
    /// The weights that it realises.
    #[serde(serialize_with = "plain::map", deserialize_with = "plain::read_by_variant")]
    pub weights: BTreeMap<Variant, f64>,
    /// The buckets of each variant, ascending. A variant of weight 0 has an empty list.
    #[serde(deserialize_with = "plain::read_by_variant")]
    pub ranges: BTreeMap<Variant, Vec<Range>>,
    /// Who made it: a key's id, or `monitor`.
    pub by: String,
    /// Why, in the words of who made it.
    #[serde(default)]
    pub why: Option<String>,
}

impl Allocation {
    /// The share of the ring that each variant has, from 0 to 1.
    #[must_use]
    pub fn shares(&self) -> BTreeMap<Variant, f64> {
        let buckets =
            |ranges: &[Range]| ranges.iter().map(|one| f64::from(one.size())).sum::<f64>();
        let share = |(variant, ranges): (&Variant, &Vec<Range>)| {
            (variant.clone(), buckets(ranges) / f64::from(BUCKETS))
        };
        self.ranges.iter().map(share).collect()
    }

    /// What the document keeps of it when the next allocation replaces it.
    #[must_use]
    pub fn to_earlier(&self) -> EarlierAllocation {
        EarlierAllocation { number: self.number, from: self.from, shares: self.shares() }
    }
}

/// An allocation that a newer one replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlierAllocation {
    /// Its number.
    pub number: u64,
    /// When it came into force.
    pub from: Time,
    /// The share of the ring that each variant had, from 0 to 1.
    #[serde(serialize_with = "plain::map", deserialize_with = "plain::read_by_variant")]
    pub shares: BTreeMap<Variant, f64>,
}

/// A change that contaminated the groups: some counted units see something else since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disturbance {
    /// What happened.
    pub kind: DisturbanceKind,
    /// Since when.
    pub from: Time,
    /// Until when. Only a pause ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Time>,
    /// The version of the document that made the change.
    pub version: u64,
}

/// What contaminated the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DisturbanceKind {
    /// The targeting changed and may be narrower.
    Targeting,
    /// Less traffic.
    Traffic,
    /// A pause.
    Pause,
}

impl DisturbanceKind {
    /// What visitors see from now on, and what it does to the results. For the announcement before
    /// the change and for the results after it.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Targeting => {
                "Some counted visitors may no longer match the targeting and see the fallback; \
                 the effect is underestimated."
            }
            Self::Traffic => {
                "Some counted visitors see the fallback; the effect is underestimated."
            }
            Self::Pause => {
                "All visitors see the fallback while the experiment is paused; the effect is \
                 underestimated."
            }
        }
    }
}

/// What remains of a deleted definition, so that a re-created name continues its versions and never
/// reuses its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The deleted definition's id.
    pub id: super::Seed,
    /// The version of the deletion.
    pub version: u64,
    /// Its last allocation.
    #[serde(default)]
    pub allocation: Option<Allocation>,
}

/// What the history says about one change. The store adds the version and the time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// Who: a key's id or role, or `schedule` or `monitor` for the server itself.
    pub by: String,
    /// Which person or program, as the header `X-Abtest-Actor` says. It is not verified.
    #[serde(default)]
    pub actor: Option<String>,
    /// Why, in the words of who made it.
    #[serde(default)]
    pub why: Option<String>,
    /// Each changed member with its value before and after. The decision is left out: it is large,
    /// and the document keeps it.
    pub changed: BTreeMap<String, [Value; 2]>,
    /// What remains of the definition, if this change deleted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Tombstone>,
    /// The version of the document, where the store counts from another one: after an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// For an import: the changes in the other store, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierChange>,
}

/// A change that was made before the definition was imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlierChange {
    /// The version that it made.
    pub version: u64,
    /// When, in Unix milliseconds by the clock of the other store.
    pub at: u64,
    /// The change.
    pub record: ChangeRecord,
}

//! What clients may read: everything that an evaluation needs, and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::Document;
use super::range::Range;
use super::{DefinedVariant, Seed, Status, plain};
use crate::name::Variant;

/// Largest published document of a namespace, in bytes of compact JSON.
pub const MAX_PUBLISHED_BYTES: usize = 4_000_000;
/// The version of the published document's shape.
pub const FORMAT: u32 = 1;
/// How many of the largest experiments [`TooLarge`] lists.
const LISTED_LARGEST: usize = 5;

/// The published document of a namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The version of this shape: 1.
    pub format: u32,
    /// The namespace.
    pub namespace: String,
    /// The namespace's version. It only grows.
    pub version: u64,
    /// How units become buckets.
    pub hash: UnitHash,
    /// The experiments, in the order of their names.
    pub experiments: Vec<PublishedExperiment>,
}

/// How a unit becomes a bucket. All experiments of a namespace share one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitHash {
    /// MurmurHash3_x86_32.
    #[default]
    Murmur3,
    /// Hash version 2 of GrowthBook's SDKs.
    Growthbook,
}

/// An experiment as clients evaluate it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedExperiment {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Seed,
    /// The seed of the split into variants.
    pub salt: Seed,
    /// Its status.
    pub status: Status,
    /// The seed of the slots: the layer's id, or the experiment's.
    pub ring: Seed,
    /// The slots that it holds.
    pub slots: Vec<Range>,
    /// The newest allocation, if it was ever started.
    #[serde(default)]
    pub allocation: Option<PublishedAllocation>,
    /// The condition on attributes.
    #[serde(default)]
    pub targeting: Option<Map<String, Value>>,
    /// The variants with their payloads.
    pub variants: Vec<DefinedVariant>,
    /// What units get that take no part.
    #[serde(deserialize_with = "plain::read_variant")]
    pub fallback: Variant,
    /// What all targeted units get once the experiment is completed.
    #[serde(default, deserialize_with = "plain::read_optional_variant")]
    pub winner: Option<Variant>,
    /// Units that get a variant by hand.
    #[serde(default)]
    pub overrides: BTreeMap<String, String>,
    /// Abilities that a client needs. A client that does not know one treats the experiment as
    /// unknown.
    #[serde(default)]
    pub requires: Vec<String>,
    /// For each declared goal a number that does not tell its name (`goal_bucket` of
    /// `abtest-assign`). Clients send a goal only to experiments that declare it.
    #[serde(default)]
    pub goals: Vec<u16>,
}

/// The part of an allocation that an evaluation needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedAllocation {
    /// The allocation's number.
    pub number: u64,
    /// The buckets of each variant.
    #[serde(deserialize_with = "plain::read_by_variant")]
    pub ranges: BTreeMap<Variant, Vec<Range>>,
}

/// A namespace whose published document is too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the published document of the namespace would have {bytes} bytes, and {MAX_PUBLISHED_BYTES} \
     are allowed; the largest experiments are {}; archive one, or make payloads smaller",
    largest.iter().map(|(name, bytes)| format!("{name} ({bytes} bytes)")).collect::<Vec<_>>().join(", ")
)]
pub struct TooLarge {
    /// The size of the whole document.
    pub bytes: usize,
    /// The largest experiments with their sizes, largest first.
    pub largest: Vec<(String, usize)>,
}

impl Document {
    /// The experiment as clients evaluate it, or nothing if it is not published: an archived one, or
    /// a draft without overrides. `layer` is the id of the experiment's layer, if it has one.
    ///
    /// Experiments with `server_only` are included; leave them out of what browsers can read. `goals`
    /// is empty; `abtest-assign` fills it.
    #[must_use]
    pub fn publish(&self, name: &str, layer: Option<&Seed>) -> Option<PublishedExperiment> {
        match self.definition.status {
            Status::Archived => None,
            Status::Draft if self.definition.overrides.is_empty() => None,
            Status::Draft | Status::Running | Status::Paused | Status::Completed => {
                Some(self.evaluable(name, layer))
            }
        }
    }

    /// The experiment in the form of a published one, also if it is not published.
    #[must_use]
    pub fn evaluable(&self, name: &str, layer: Option<&Seed>) -> PublishedExperiment {
        let definition = &self.definition;
        PublishedExperiment {
            name: name.to_owned(),
            id: definition.id.clone(),
            salt: definition.salt.clone(),
            status: definition.status,
            ring: layer.unwrap_or(&definition.id).clone(),
            slots: self.slots.clone(),
            allocation: self.allocation.as_ref().map(|allocation| PublishedAllocation {
                number: allocation.number,
                ranges: allocation.ranges.clone(),
            }),
            targeting: definition.targeting.clone(),
            variants: definition.variants.clone(),
            fallback: definition.fallback.clone(),
            winner: definition.winner.clone(),
            overrides: definition
                .overrides
                .iter()
                .map(|(unit, variant)| (unit.to_string(), variant.to_string()))
                .collect(),
            requires: Vec::new(),
            goals: Vec::new(),
        }
    }
}

impl Published {
    /// The document of a namespace.
    #[must_use]
    pub fn new(
        namespace: impl Into<String>,
        version: u64,
        hash: UnitHash,
        mut experiments: Vec<PublishedExperiment>,
    ) -> Self {
        experiments.sort_by(|a, b| a.name.cmp(&b.name));
        Self { format: FORMAT, namespace: namespace.into(), version, hash, experiments }
    }

    /// Checks the size limit.
    ///
    /// # Errors
    /// The size and the largest experiments, if the document is larger than
    /// [`MAX_PUBLISHED_BYTES`].
    pub fn check_size(&self) -> Result<(), TooLarge> {
        let bytes = size(self);
        if bytes <= MAX_PUBLISHED_BYTES {
            return Ok(());
        }
        let mut largest: Vec<(String, usize)> = self
            .experiments
            .iter()
            .map(|experiment| (experiment.name.clone(), size(experiment)))
            .collect();
        largest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        largest.truncate(LISTED_LARGEST);
        Err(TooLarge { bytes, largest })
    }
}

fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::testing::{full, generated};
    use crate::definition::{Definition, Time};
    use serde_json::json;

    fn document(change: impl FnOnce(&mut Value)) -> Document {
        let mut value = full();
        change(&mut value);
        let now = Time::from_millis(0).unwrap();
        Document {
            definition: Definition::parse(&value, Some(&generated())).unwrap(),
            version: 1,
            slots: vec![Range::ALL],
            first_start: None,
            allocation: None,
            earlier_allocations: Vec::new(),
            created: now,
            updated: now,
            decision: None,
            disturbances: Vec::new(),
        }
    }

    #[test]
    fn only_what_an_evaluation_needs_is_published() {
        let layer: Seed = "layer-id".parse().unwrap();
        let published = document(|_| {}).publish("button", Some(&layer)).unwrap();
        let value = serde_json::to_value(&published).unwrap();
        let members: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [
            "name",
            "id",
            "salt",
            "status",
            "ring",
            "slots",
            "allocation",
            "targeting",
            "variants",
            "fallback",
            "winner",
            "overrides",
            "requires",
            "goals",
        ];
        expected.sort_unstable();
        let mut sorted = members.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected);
        assert_eq!(value["ring"], json!("layer-id"));
        let text = value.to_string();
        for secret in ["Does a green", "Green invites", "shop", "wiki", "purchase", "team"] {
            assert!(!text.contains(secret), "{secret}");
        }
        assert_eq!(serde_json::from_value::<PublishedExperiment>(value).unwrap(), published);
    }

    #[test]
    fn drafts_without_overrides_and_archived_experiments_are_not_published() {
        let unpublished = [
            document(|value| value["overrides"] = json!({})),
            document(|value| value["status"] = json!("archived")),
        ];
        for document in unpublished {
            assert_eq!(document.publish("button", None), None);
        }
    }

    #[test]
    fn a_namespace_over_4_mb_lists_its_largest_experiments() {
        let large = |name: &str, size: usize| {
            let document = document(|value| {
                value["targeting"] = json!({"id": {"$in": vec!["x".repeat(size); 100]}});
            });
            document.publish(name, None).unwrap()
        };
        let mut experiments: Vec<_> = (0..40).map(|n| large(&format!("e{n}"), 1_000)).collect();
        let published = Published::new("shop", 1, UnitHash::Murmur3, experiments.clone());
        let TooLarge { bytes, largest } = published.check_size().unwrap_err();
        assert!(bytes > MAX_PUBLISHED_BYTES && largest.len() == 5);
        experiments.truncate(10);
        experiments.push(large("largest", 1_100));
        let published = Published::new("shop", 1, UnitHash::Murmur3, experiments);
        assert_eq!(published.check_size(), Ok(()));
    }
}

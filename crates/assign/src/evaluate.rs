//! The answer for one unit and one experiment.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use abtest_model::definition::{
    BUCKETS, DefinedVariant, PublishedExperiment, Range, Seed, Status, UnitHash,
};
use abtest_model::{Uuid, Variant};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bucket::bucket;
use crate::slots::size;
use crate::targeting::{Condition, Groups};

/// A published experiment, prepared for many evaluations.
#[derive(Debug, Clone)]
pub struct Evaluated {
    name: Box<str>,
    id: Seed,
    salt: Seed,
    ring: Seed,
    hash: UnitHash,
    status: Status,
    supported: bool,
    variants: Box<[DefinedVariant]>,
    fallback: usize,
    winner: Option<usize>,
    overrides: Box<[(Box<str>, usize)]>,
    targeting: Option<Condition>,
    slots: Box<[Range]>,
    /// Ranges with the index of their variant.
    ranges: Box<[(Range, usize)]>,
    allocation: Option<u64>,
}

/// A published experiment that contradicts itself. Skip it, report it, and serve the others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored experiment {experiment} cannot be evaluated: {reason}")]
pub struct BrokenExperiment {
    /// The experiment's name.
    pub experiment: String,
    /// What is wrong.
    pub reason: String,
}

/// What is known about the unit that asks.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The unit. Without one every answer is the caller's default.
    pub unit: Option<&'a Uuid>,
    /// Its attributes. `bot: true` marks a program; the unit itself is the attribute `id`.
    pub attributes: &'a Map<String, Value>,
    /// What the client remembers of an earlier answer.
    pub remembered: Option<Remembered<'a>>,
}

/// An earlier answer for the same unit and experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered<'a> {
    /// The variant of that answer.
    pub variant: &'a str,
    /// The allocation of that answer.
    pub allocation: u64,
}

/// What a unit gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer<'e> {
    /// The variant with its payload. Nothing stands for the caller's default.
    pub variant: Option<&'e DefinedVariant>,
    /// Why.
    pub reason: Reason,
    /// The number of the allocation that the unit belongs to, if the answer is an exposure.
    pub allocation: Option<u64>,
}

/// Why a unit gets what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The unit is missing or breaks the rule of units.
    NoUnit,
    /// The experiment is not published, or needs an ability that this program does not have.
    Unknown,
    /// The unit is assigned by hand.
    Override,
    /// The experiment is a draft or paused.
    Disabled,
    /// A program asks.
    Bot,
    /// The targeting does not match.
    Targeting,
    /// The experiment is completed.
    Winner,
    /// The unit is not in the experiment's slots.
    Traffic,
    /// The unit takes part.
    Split,
    /// A client forced the variant, for a preview. The server never gives this reason.
    Forced,
}

impl Answer<'_> {
    /// Whether showing this answer is an exposure. Send `participate` only then.
    #[must_use]
    pub fn exposure(&self) -> bool {
        self.reason == Reason::Split
    }

    /// The caller's default.
    #[must_use]
    pub fn default_for(reason: Reason) -> Self {
        Self { variant: None, reason, allocation: None }
    }
}

impl Reason {
    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoUnit => "no_unit",
            Self::Unknown => "unknown",
            Self::Override => "override",
            Self::Disabled => "disabled",
            Self::Bot => "bot",
            Self::Targeting => "targeting",
            Self::Winner => "winner",
            Self::Traffic => "traffic",
            Self::Split => "split",
            Self::Forced => "forced",
        }
    }
}

static NO_ATTRIBUTES: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl<'a> Context<'a> {
    /// A unit without attributes and memory.
    #[must_use]
    pub fn of(unit: &'a Uuid) -> Self {
        Self { unit: Some(unit), attributes: &NO_ATTRIBUTES, remembered: None }
    }

    /// A unit with attributes.
    #[must_use]
    pub fn with(unit: &'a Uuid, attributes: &'a Map<String, Value>) -> Self {
        Self { unit: Some(unit), attributes, remembered: None }
    }

    fn is_bot(&self) -> bool {
        self.attributes.get("bot") == Some(&Value::Bool(true))
    }
}

impl Evaluated {
    /// Prepares a published experiment.
    ///
    /// # Errors
    /// When it contradicts itself, for example with a fallback that is not one of the variants.
    pub fn new(published: PublishedExperiment, hash: UnitHash) -> Result<Self, BrokenExperiment> {
        let broken =
            |reason: String| BrokenExperiment { experiment: published.name.clone(), reason };
        let index = |what: &str, name: &str| {
            let found = published.variants.iter().position(|variant| variant.name.as_str() == name);
            found.ok_or_else(|| broken(format!("{what} {name} is not one of its variants")))
        };
        let fallback = index("the fallback", published.fallback.as_str())?;
        let winner = match &published.winner {
            Some(winner) => Some(index("the winner", winner.as_str())?),
            None => None,
        };
        if winner.is_none() && published.status == Status::Completed {
            return Err(broken("it is completed and has no winner".to_owned()));
        }
        let overrides = published.overrides.iter().map(|(unit, variant)| {
            Ok((unit.as_str().into(), index("the overriding variant", variant)?))
        });
        let overrides = overrides.collect::<Result<Box<[(Box<str>, usize)]>, _>>()?;
        let empty = BTreeMap::<Variant, Vec<Range>>::new();
        let by_variant = published.allocation.as_ref().map_or(&empty, |found| &found.ranges);
        let mut ranges: Vec<(Range, usize)> = Vec::new();
        for (variant, own) in by_variant {
            let variant = index("the allocated variant", variant.as_str())?;
            ranges.extend(own.iter().map(|range| (*range, variant)));
        }
        ranges.sort_unstable();
        let next: Vec<Range> = ranges.iter().map(|(range, _)| *range).collect();
        if next.windows(2).any(|pair| pair[0].to() > pair[1].from()) {
            return Err(broken("the ranges of its variants overlap".to_owned()));
        }
        let targeting = published
            .targeting
            .as_ref()
            .map(|condition| Condition::lenient(condition, &Groups::new()).0);
        Ok(Self {
            supported: published.requires.is_empty(),
            name: published.name.into(),
            id: published.id,
            salt: published.salt,
            ring: published.ring,
            hash,
            status: published.status,
            variants: published.variants.into(),
            fallback,
            winner,
            overrides,
            targeting,
            slots: published.slots.into(),
            ranges: ranges.into(),
            allocation: published.allocation.map(|allocation| allocation.number),
        })
    }

    /// The experiment's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The experiment's id.
    #[must_use]
    pub fn id(&self) -> &Seed {
        &self.id
    }

    /// The answer for a unit: the first of these steps that decides.
    ///
    /// 1. An experiment that needs an unknown ability: the caller's default.
    /// 2. An override of this unit, in every status except completed.
    /// 3. Draft or paused: the fallback.
    /// 4. A bot: the fallback.
    /// 5. Targeting that does not match: the fallback.
    /// 6. Completed: the winner.
    /// 7. A unit outside of the slots: the fallback.
    /// 8. A remembered variant that still exists.
    /// 9. The variant whose ranges hold the unit's bucket.
    #[must_use]
    pub fn evaluate(&self, context: &Context<'_>) -> Answer<'_> {
        let Some(unit) = context.unit else { return Answer::default_for(Reason::NoUnit) };
        if !self.supported || self.status == Status::Archived {
            return Answer::default_for(Reason::Unknown);
        }
        if let Some(variant) = self.overriding(unit) {
            return self.answer(variant, Reason::Override);
        }
        if matches!(self.status, Status::Draft | Status::Paused) {
            return self.answer(self.fallback, Reason::Disabled);
        }
        if context.is_bot() {
            return self.answer(self.fallback, Reason::Bot);
        }
        if !self.targets(context) {
            return self.answer(self.fallback, Reason::Targeting);
        }
        if let (Status::Completed, Some(winner)) = (self.status, self.winner) {
            return self.answer(winner, Reason::Winner);
        }
        if !self.has_slot_of(unit) {
            return self.answer(self.fallback, Reason::Traffic);
        }
        if let Some((variant, allocation)) = self.remembered(context) {
            let allocation = Some(allocation);
            return Answer { allocation, ..self.answer(variant, Reason::Split) };
        }
        match self.variant_at(self.split_bucket(unit)) {
            Some(variant) => {
                Answer { allocation: self.allocation, ..self.answer(variant, Reason::Split) }
            }
            // Stored ranges cover the ring; a document edited by hand may have gaps.
            None => self.answer(self.fallback, Reason::Traffic),
        }
    }

    fn answer(&self, variant: usize, reason: Reason) -> Answer<'_> {
        Answer { variant: self.variants.get(variant), reason, allocation: None }
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }

    pub(crate) fn is_supported(&self) -> bool {
        self.supported
    }

    pub(crate) fn has_overrides(&self) -> bool {
        !self.overrides.is_empty()
    }

    pub(crate) fn has_targeting(&self) -> bool {
        self.targeting.is_some()
    }

    pub(crate) fn variant_name(&self, index: usize) -> &str {
        self.variants.get(index).map_or("", |variant| variant.name.as_str())
    }

    pub(crate) fn fallback_name(&self) -> &str {
        self.variant_name(self.fallback)
    }

    pub(crate) fn overriding(&self, unit: &Uuid) -> Option<usize> {
        if self.status == Status::Completed || self.overrides.is_empty() {
            return None;
        }
        let found = self.overrides.binary_search_by(|(known, _)| (**known).cmp(unit.as_str()));
        found.ok().map(|position| self.overrides[position].1)
    }

    pub(crate) fn targets(&self, context: &Context<'_>) -> bool {
        self.targeting.as_ref().is_none_or(|condition| {
            condition.matches(context.unit.map(Uuid::as_str), context.attributes)
        })
    }

    /// The unit's bucket on the ring of slots.
    pub(crate) fn ring_bucket(&self, unit: &Uuid) -> u16 {
        bucket(self.hash, &self.ring, unit)
    }

    /// The unit's bucket in the split.
    pub(crate) fn split_bucket(&self, unit: &Uuid) -> u16 {
        bucket(self.hash, &self.salt, unit)
    }

    pub(crate) fn slots(&self) -> &[Range] {
        &self.slots
    }

    pub(crate) fn ranges(&self) -> &[(Range, usize)] {
        &self.ranges
    }

    fn has_slot_of(&self, unit: &Uuid) -> bool {
        // Without a hash where the experiment holds the whole ring.
        if let [Range::ALL] = *self.slots {
            return true;
        }
        if self.slots.is_empty() {
            return false;
        }
        let bucket = self.ring_bucket(unit);
        self.slots.iter().any(|range| range.contains(bucket))
    }

    pub(crate) fn remembered(&self, context: &Context<'_>) -> Option<(usize, u64)> {
        let remembered = context.remembered?;
        let newest = self.allocation?;
        let variant = self.variants.iter().position(|v| v.name.as_str() == remembered.variant)?;
        Some((variant, remembered.allocation.clamp(1, newest)))
    }

    pub(crate) fn variant_at(&self, bucket: u16) -> Option<usize> {
        let position = self.ranges.partition_point(|(range, _)| range.to() <= bucket);
        let (range, variant) = self.ranges.get(position)?;
        range.contains(bucket).then_some(*variant)
    }

    /// The share of all units that have a slot, 0 to 1.
    #[must_use]
    pub fn traffic(&self) -> f64 {
        f64::from(size(&self.slots)) / f64::from(BUCKETS)
    }
}

#[cfg(test)]
mod tests;

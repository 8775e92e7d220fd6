//! Declared goals: what is measured, and which way is better.

use serde::{Deserialize, Serialize};

use super::plain;
use crate::amount::Amount;
use crate::name::Goal;

/// Most decimals of a value.
pub const MAX_DECIMALS: u8 = 4;

/// A goal of the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefinedGoal {
    /// The name that events carry. `participate` is reserved.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Goal,
    /// What the goal decides. Default: secondary. At most one goal is primary.
    pub role: GoalRole,
    /// What is measured per unit. Default: conversion.
    pub kind: GoalKind,
    /// Which direction is an improvement. Default: higher.
    pub better: Better,
    /// The unit of a value, for example EUR or ms. At most 20 bytes. Only with kind `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Decimals of a value that are kept exactly, 0 to 4. Only with kind `value`; there the default
    /// is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// The largest total of one unit that counts, above 0. Only with kind `value` or `count`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "plain::option")]
    pub cap: Option<f64>,
    /// The relative loss that a guardrail tolerates, above 0 and below 1. Only with role
    /// `guardrail`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "plain::option")]
    pub margin: Option<f64>,
}

impl DefinedGoal {
    /// The cap as an amount.
    #[must_use]
    pub fn cap_amount(&self) -> Option<Amount> {
        Amount::from_text(&self.cap?.to_string()).ok()
    }

    /// Whether events add to a total of each unit.
    #[must_use]
    pub fn is_summed(&self) -> bool {
        self.kind != GoalKind::Conversion
    }
}

/// What a goal decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GoalRole {
    /// The goal that the verdict follows.
    Primary,
    /// Tested together with the other secondary goals.
    #[default]
    Secondary,
    /// A goal that must not get worse.
    Guardrail,
}

/// What is measured per unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GoalKind {
    /// Whether the unit reached the goal.
    #[default]
    Conversion,
    /// How often the unit reached the goal.
    Count,
    /// The sum of the values that the unit's events carry.
    Value,
}

/// Which direction of a goal is an improvement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    #[default]
    Higher,
    /// Less is better.
    Lower,
}

//! The families of comparisons.

use serde::{Deserialize, Serialize};

/// A set of comparisons that share one error rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The primary goal's comparisons with the control.
    Primary,
    /// The comparisons of all other goals, without guardrails.
    Secondary,
    /// The guardrails' comparisons.
    Guardrail,
    /// Everything that was counted: there is neither a definition nor a primary goal.
    Counted,
    /// No family: the goal or the variant is not declared. It decides nothing.
    Exploratory,
}

/// A family in the report.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FamilyReport {
    /// The family.
    pub family: Family,
    /// m: how many comparisons share the error rate. Every declared pair counts, with or without data.
    pub comparisons: u64,
    /// Whether a definition fixed the comparisons. If not, they are what was counted, and new names widen the family.
    pub declared: bool,
    /// The family's error rate: 0.05 for a level of 95%.
    pub alpha: f64,
    /// N*: the number of participants at which always-valid intervals are narrowest.
    pub tuning: f64,
    /// rho^2: the constant that every always-valid interval and p-value of the family uses.
    pub rho_squared: f64,
}

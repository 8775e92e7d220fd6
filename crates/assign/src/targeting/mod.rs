//! Conditions on attributes, in GrowthBook's condition syntax (specification 0.12.0).
//!
//! A condition is compiled once and evaluated often. Two rules differ from JavaScript's SDK 1.8.0,
//! which follows an older specification: values of different types are never equal and have no
//! order (`"8"` is not above 5).
//!
//! | module | holds |
//! |---|---|
//! | [`compile`] | from JSON to a [`Condition`], with all [`Problem`]s |
//! | `compiled` | a condition in the form in which it is evaluated |
//! | [`matching`] | from a condition and attributes to an answer |
//! | [`attributes`] | values of attributes, and the way to them |
//! | [`pattern`] | regular expressions that mean the same in JavaScript |
//! | [`version`] | comparison of versions |

pub mod attributes;
pub mod compile;
mod compiled;
mod matching;
mod pattern;
mod version;

pub use attributes::{AttributesError, checked_attributes};
pub use compile::{Condition, Groups, Problem};

use abtest_model::definition::{Definition, Violation};

/// The rules that a definition's targeting breaks: the condition must compile. Check this when a
/// definition is saved, together with [`Definition::parse`].
#[must_use]
pub fn check(definition: &Definition) -> Vec<Violation> {
    let Some(targeting) = &definition.targeting else { return Vec::new() };
    match Condition::new(targeting) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|problem| {
                let member = format!("targeting{}", problem.path);
                Violation::new(member, &problem.value, problem.rule)
            })
            .collect(),
    }
}

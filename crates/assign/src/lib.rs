//! Which unit gets which variant. Pure functions: no clock, no input or output, no randomness.
//!
//! | module | holds |
//! |---|---|
//! | [`bucket`] | from a seed and a unit to one of 10,000 buckets |
//! | [`slots`] | the slots of a ring, and which experiment holds them |
//! | [`allocation`] | the buckets of each variant, and how they move when weights change |
//! | [`targeting`] | conditions on attributes, compiled once |
//! | [`evaluate`] | the answer for one unit and one experiment |
//! | [`explain`] | the same answer in words, step by step |
//! | [`layer`] | a ring that several experiments share |
//! | [`lifecycle`] | slots and allocation of a changed definition |
//! | [`moved`] | how many units a change moves |
//!
//! ```
//! use abtest_assign::{Context, Evaluated, Reason};
//! use abtest_model::Uuid;
//! use abtest_model::definition::{PublishedExperiment, UnitHash};
//!
//! let published: PublishedExperiment = serde_json::from_str(r#"{
//!     "name": "button", "id": "5f2b9c01", "salt": "c0ffee12", "status": "running",
//!     "ring": "5f2b9c01", "slots": [[0, 10000]],
//!     "allocation": {"number": 1, "ranges": {"control": [[0, 5000]], "green": [[5000, 10000]]}},
//!     "variants": [{"name": "control"}, {"name": "green"}], "fallback": "control"
//! }"#)?;
//! let experiment = Evaluated::new(published, UnitHash::Murmur3)?;
//! let unit = Uuid::new("visitor-1")?;
//! let answer = experiment.evaluate(&Context::of(&unit));
//! assert_eq!(answer.reason, Reason::Split);
//! assert!(answer.exposure());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use abtest_model::bucket;

pub mod allocation;
pub mod evaluate;
pub mod explain;
pub mod layer;
pub mod lifecycle;
pub mod moved;
pub mod slots;
pub mod targeting;

pub use evaluate::{Answer, BrokenExperiment, Context, Evaluated, Reason, Remembered};
pub use explain::Explanation;
pub use layer::Layer;
pub use moved::MovedUnits;
pub use slots::{FullRing, SlotTable};
pub use targeting::{Condition, check};

//! From counts to estimates, intervals, p-values and decisions: the statistics of A/B tests as pure functions.
//!
//! | module | answers |
//! |---|---|
//! | [`analysis`] | everything about one experiment, from its counts to a verdict: start here |
//! | [`calc`] | one question as JSON, one answer as JSON |
//! | [`proportion`] | one variant's rate, with Wilson's interval |
//! | [`two_proportion`] | difference, lift and test of two rates |
//! | [`bayes`] | the chance to beat, the chance of being best, the expected loss |
//! | [`score`] | score intervals, which agree with the z test |
//! | [`rate_ratio`] | goals that a visitor can reach many times |
//! | [`totals`] | revenue and other numbers: exact sums per participant, and when they can decide |
//! | [`mean`] | two means compared: difference and lift |
//! | [`welch`] | two samples by Welch's test |
//! | [`fieller`] | the lift of a mean |
//! | [`stratified`] | two variants over periods of constant weights |
//! | [`sample_ratio`] | whether the participants are split as declared |
//! | [`sample_size`] | how many participants, what power, how long |
//! | [`confidence_sequence`] | looking at any time |
//! | [`group_sequential`] | looking at recorded times |
//! | [`heterogeneity`] | whether an effect differs between segments |
//! | [`many_comparisons`] | Bonferroni, Benjamini and Hochberg, Holm |
//! | [`counter_error`] | the error that a HyperLogLog adds |
//! | [`level`], [`error`] | levels and intervals; errors in the input |
//! | [`words`] | numbers as text |
//! | [`normal`], [`student`] | distributions |
//!
//! No input panics, and no result is NaN or infinite. What the counts do not determine is `None`; an invalid input is an
//! [`Error`].
//!
//! ```
//! use abtest_stats::{level::Level, proportion::Proportion, two_proportion::two_proportion};
//!
//! let control = Proportion::from_counts(50, 1000)?;
//! let variant = Proportion::from_counts(65, 1000)?;
//! let seen = two_proportion(control, variant, Level::DEFAULT);
//! assert!((seen.lift.unwrap_or_default() - 0.3).abs() < 1e-12);
//! assert!(seen.test.is_some_and(|test| test.p_value > 0.05));
//! # Ok::<(), abtest_stats::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod analysis;
pub mod bayes;
pub mod calc;
pub mod confidence_sequence;
pub mod counter_error;
pub mod error;
mod exponential;
pub mod fieller;
pub mod group_sequential;
pub mod heterogeneity;
pub mod level;
pub mod many_comparisons;
pub mod mean;
pub mod normal;
mod posterior;
pub mod proportion;
mod quadrature;
pub mod rate_ratio;
pub mod sample_ratio;
pub mod sample_size;
pub mod score;
pub mod stratified;
pub mod student;
pub mod totals;
pub mod two_proportion;
pub mod welch;
pub mod words;

pub use error::Error;
pub use level::{Interval, Level};

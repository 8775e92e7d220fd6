//! The nouns of abtest, and the one place where the outside becomes typed.
//!
//! | module | holds |
//! |---|---|
//! | [`name`] | [`Namespace`], [`Experiment`], [`Variant`], [`Goal`], [`Uuid`]: strings that passed the rule |
//! | [`input`] | [`InputError`]: what can be wrong with a value that a caller sent |
//! | [`query`] | [`Query`]: a query string, strictly decoded |
//! | [`json`] | JSON without repeated members |
//! | [`event`] | [`Event`], from a query string or from JSON, and [`Batch`], a request's events |
//! | [`bucket`] | from a seed and a unit to one of 10,000 buckets |
//! | [`api_key`] | [`ApiKey`]: a key that is long enough and fits into a header |
//! | [`percentage`] | [`Percentage`]: `10%` or `0.1`, never a plain `10` |
//! | [`endpoint`] | [`ENDPOINTS`](endpoint::ENDPOINTS): every endpoint of the API |
//! | [`amount`] | [`Amount`]: an exact decimal number with up to four decimals |
//! | [`allocations`] | [`Allocations`]: how many uuids were new under each allocation |
//! | [`tally`] | [`Tally`]: what a store counted for one experiment |
//! | [`definition`] | [`Definition`](definition::Definition): the experiment document, its rules and its changes |
//! | [`handler`] | [`Handler`](handler::Handler): what an endpoint that wiring names does |
//! | [`look`] | [`Look`]: what was there when somebody looked |
//! | [`values`] | [`Values`]: sums over the totals of units, for goals with values |
//! | [`timeline`] | [`Timeline`]: how many uuids were new on each [`Day`] |
//! | [`results`] | [`ExperimentResults`]: the JSON that dashboards read, Gimel's members and ours |
//!
//! Nothing here does any input or output, and nothing past here validates again.

pub mod allocations;
pub mod amount;
pub mod api_key;
pub mod bucket;
pub mod definition;
pub mod endpoint;
pub mod event;
pub mod handler;
pub mod input;
pub mod json;
pub mod look;
pub mod name;
pub mod percentage;
pub mod query;
pub mod results;
pub mod secret;
pub mod tally;
pub mod timeline;
pub mod values;

pub use allocations::{AllocationNumber, AllocationResults, AllocationRow, Allocations, Stated};
pub use amount::Amount;
pub use api_key::{ApiKey, ApiKeyError, Role};
pub use event::{Batch, BatchError, Event};
pub use handler::{Handler, Method, Program};
pub use input::InputError;
pub use look::Look;
pub use name::{EventId, Experiment, Goal, Namespace, Uuid, Variant};
pub use percentage::Percentage;
pub use query::Query;
pub use results::ExperimentResults;
pub use secret::Secret;
pub use tally::{Baseline, Counting, Tally};
pub use timeline::{Day, Timeline, TimelineResults};
pub use values::{GoalValues, Sums, Values, VariantValues};

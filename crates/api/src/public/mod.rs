//! The endpoints that clients need, open to the world.
//!
//! | module | holds |
//! |---|---|
//! | `track_api` | [`TrackApi`]: records events |
//! | `track` | its endpoints |
//! | `assign_api` | [`AssignApi`]: says which unit gets which variant |
//! | `config` | `/config` |
//! | `assign` | `/assign` |
//! | `ofrep` | OpenFeature's remote evaluation protocol |
//! | `growthbook` | features for GrowthBook's SDKs |
//! | `growthbook_events` | the events of GrowthBook's tracking plugin |
//! | `stream` | server-sent events about changes |
//! | `subject` | the unit and the attributes that a request names |
//! | `refusals` | the refusals that `/openapi.json` lists |
//! | `measured` | what events add to the totals of units |
//! | `published` | what namespaces define, read at most every ten seconds |
//! | `view` | what clients may read of a namespace, prepared for evaluations |

#[cfg(feature = "assign")]
pub(crate) mod assign;
#[cfg(feature = "assign")]
mod assign_api;
#[cfg(feature = "assign")]
pub(crate) mod config;
#[cfg(feature = "assign")]
pub(crate) mod growthbook;
mod growthbook_events;
pub(crate) mod measured;
#[cfg(feature = "assign")]
pub(crate) mod ofrep;
pub(crate) mod published;
#[cfg(feature = "operator")]
mod refusals;
#[cfg(feature = "operator")]
pub(crate) mod stream;
#[cfg(feature = "assign")]
pub(crate) mod subject;
pub(crate) mod track;
mod track_api;
#[cfg(feature = "assign")]
pub(crate) mod view;

#[cfg(feature = "assign")]
pub use assign_api::AssignApi;
pub use track_api::TrackApi;

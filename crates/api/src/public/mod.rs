//! The endpoints that clients need, open to the world.
//!
//! | module | holds |
//! |---|---|
//! | `track_api` | [`TrackApi`]: records events |
//! | `track` | its endpoints |
//! | `assign_api` | [`AssignApi`]: says which unit gets which variant |
//! | `config` | `/config` |
//! | `assign` | `/assign` |
//! | `subject` | the unit and the attributes that a request names |
//! | `published` | what namespaces define, read at most every ten seconds |
//! | `view` | what clients may read of a namespace, prepared for evaluations |

#[cfg(feature = "assign")]
pub(crate) mod assign;
#[cfg(feature = "assign")]
mod assign_api;
#[cfg(feature = "assign")]
pub(crate) mod config;
pub(crate) mod published;
#[cfg(feature = "assign")]
pub(crate) mod subject;
pub(crate) mod track;
mod track_api;
#[cfg(feature = "assign")]
pub(crate) mod view;

#[cfg(feature = "assign")]
pub use assign_api::AssignApi;
pub use track_api::TrackApi;

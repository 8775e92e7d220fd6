//! The endpoints that browsers need, open to the world.

mod api;
pub(crate) mod published;
pub(crate) mod track;

pub use api::PublicApi;

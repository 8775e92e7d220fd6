//! The endpoints that are open to the world.

pub(crate) mod track;

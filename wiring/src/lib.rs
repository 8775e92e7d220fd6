//! What must exist in AWS, the plan against what exists, and applying it.
//!
//! | module | holds |
//! |---|---|
//! | [`endpoints`] | the endpoints and their functions: the built-in ones and the config's |
//! | [`account`] | who one is in AWS, and what a failed call means |
//! | [`artifacts`] | the functions' zips: found, checked, or built |
//! | [`blueprint`] | everything that must exist, worked out from config, place and artefacts |
//! | [`found`] | everything that exists |
//! | [`permissions`] | what the caller must be allowed |
//! | [`plan`] | the steps from what exists to what must exist, or to nothing |
//! | [`apply`] | taking the steps |
//! | [`operate`] | what is done with a deployment: roll back, replace the key |
//!
//! The way of a deployment: config → [`Endpoints`](endpoints::Endpoints) →
//! [`Blueprint`](blueprint::Blueprint); the account → [`Found`](found::Found); both →
//! [`Plan`](plan::Plan), which can be shown; and [`apply`] does nothing that the plan did not say.
//! A plan that was stopped half-way needs no memory: the next one starts from what exists then.

pub mod account;
pub mod apply;
pub mod artifacts;
pub mod blueprint;
pub mod endpoints;
pub mod found;
pub mod operate;
pub mod permissions;
pub mod plan;

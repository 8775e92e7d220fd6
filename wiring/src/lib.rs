//! Deploying to AWS: what must exist, what exists, the plan between them, and applying it.
//!
//! | module | holds |
//! |---|---|
//! | [`account`] | the caller's account and credentials, and what a failed call means |
//! | [`artifacts`] | the functions' zips: found, checked, or built |
//! | [`blueprint`] | everything that must exist, worked out from the config, the place and the artifacts |
//! | [`found`] | everything that exists |
//! | [`permissions`] | the permissions that the caller needs |
//! | [`plan`] | the steps from what exists to what must exist, or to nothing |
//! | [`apply`] | takes the steps |
//! | [`operate`] | operating a deployment: roll back, rotate the key, read the logs |
//!
//! A deploy: config → [`Endpoints`](abtest_config::Endpoints) →
//! [`Blueprint`](blueprint::Blueprint); the account → [`Found`](found::Found); both →
//! [`Plan`](plan::Plan), which can be printed. [`apply`] does only what the plan says. If it stops
//! half-way, the next plan starts from what exists then.

pub mod account;
pub mod apply;
pub mod artifacts;
pub mod blueprint;
pub mod found;
pub mod operate;
pub mod permissions;
pub mod plan;

//! The real parts that the tests use, each started on a free port with a folder of its own and
//! stopped when its value is dropped, also when a test fails.
//!
//! | module | is |
//! |---|---|
//! | [`aws`] | a mock of AWS, and a proxy that fails its calls |
//! | [`binaries`] | where the built binaries are |
//! | [`redis`] | Debian's redis-server |
//! | [`cluster`] | three of them as a Redis Cluster |
//! | [`raw`] | a client that sends any bytes |
//! | [`serve`] | `abtest serve`, and requests to it |
//! | [`browser`] | Chromium with the real AlephBet |
//! | [`shop`] | visitors of a shop that uses our client |
//! | [`reader`] | somebody who reads the dashboard in it |
//! | [`dashboard`] | `abtest dashboard`, and requests to it |
//! | [`document`] | the examples in a page of `docs` |
//! | [`gimel`] | the real gimel package, as an oracle |
//! | [`lambda`] | a Lambda runtime API (cargo-lambda) with our functions in it |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)] // a testbed that cannot start fails the test

pub mod aws;
pub mod binaries;
pub mod browser;
pub mod cluster;
pub mod dashboard;
pub mod document;
pub mod gimel;
pub mod lambda;
pub mod raw;
pub mod reader;
pub mod redis;
pub mod serve;
pub mod shop;

//! The real parts that the tests use, each started on a free port with a folder of its own and
//! stopped when its value is dropped, also when a test fails.
//!
//! | module | is |
//! |---|---|
//! | [`redis`] | Debian's redis-server |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)] // a testbed that cannot start fails the test

pub mod redis;

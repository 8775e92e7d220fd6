//! The whole product, from outside: the built binaries on real parts.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod allocations;
mod analysis;
mod assignment;
mod browser;
mod calc;
mod clients;
mod commands;
mod configure;
mod counting;
mod dashboard;
mod data;
mod definitions;
mod deploy;
mod editing;
mod failures;
mod faults;
mod gimel;
mod lambda;
mod list;
mod looks;
mod namespaces;
mod outages;
mod readiness;
mod results;
mod scanner;
mod schema;
mod serve;
mod servers;
mod service;
mod simulation;
mod stuffing;
mod values;

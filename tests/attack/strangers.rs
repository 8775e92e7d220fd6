//! Attacks from outside on the running product. Each ends with the service intact.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod floods;
mod shapes;

//! What the commands print, as whole outputs: the help texts, and the errors that people meet.
//!
//! After a change that is meant: `TRYCMD=overwrite cargo test --workspace --test snapshots`,
//! and read the difference.

use std::time::Duration;

#[test]
fn every_help_text_and_error_is_as_it_was_last_read() {
    trycmd::TestCases::new()
        .case("tests/snapshots/*.trycmd")
        // The width without a terminal, and no settings from the tester's environment.
        .env("COLUMNS", "100")
        .env("ABTEST_URL", "")
        .env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("XDG_STATE_HOME", "/nonexistent")
        .env("RUST_LOG", "error")
        // No machine of AWS's that would know a region.
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .timeout(Duration::from_secs(30));
}

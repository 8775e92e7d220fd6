//! The clients: ours, and those of others that abtest serves.

mod package;

use std::path::PathBuf;

use abtest_tests::binaries::tests;

/// The folder of the JavaScript client.
fn client() -> PathBuf {
    let folder = tests().with_file_name("clients").join("js");
    assert!(folder.join("node_modules").exists(), "node_modules is missing: run tests/install");
    folder
}

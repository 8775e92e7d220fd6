//! Where the release binaries and the installed tools are.

use std::path::{Path, PathBuf};

/// A release binary of this workspace, built by `tests/run` before the tests.
pub fn binary(name: &str) -> PathBuf {
    let path = target().join("release").join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --release --bins`, or tests/run",
        path.display()
    );
    path
}

/// A tool that `tests/install` put into the Python environment.
pub fn tool(name: &str) -> PathBuf {
    let path = target().join("testbed/python/bin").join(name);
    assert!(path.exists(), "{} is missing: run tests/install", path.display());
    path
}

/// The project's `tests` folder.
pub fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        // Cargo takes a relative one from where it was called: the project's folder.
        Some(target) => tests().parent().expect("tests is in the project").join(target),
        None => tests().parent().expect("tests is in the project").join("target"),
    }
}

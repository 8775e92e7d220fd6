//! Where the built binaries and the installed tools are.

use std::path::{Path, PathBuf};

/// A binary of this workspace: a function as it is deployed, the CLI as `cargo build` makes it.
pub fn binary(name: &str) -> PathBuf {
    let profile = if name == "abtest" { "debug" } else { "function" };
    let path = target().join(profile).join(name);
    assert!(path.exists(), "{} is missing: run tests/run", path.display());
    path
}

/// A tool that `tests/install` put into the Python environment.
pub fn tool(name: &str) -> PathBuf {
    let path = target().join("testbed/python/bin").join(name);
    assert!(path.exists(), "{} is missing: run tests/install", path.display());
    path
}

/// The program with OpenFeature's Rust SDK, which `tests/install` built from `tests/clients/rust`.
pub fn openfeature_rust() -> PathBuf {
    let path = target().join("testbed/openfeature-rust/debug/openfeature-rust");
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

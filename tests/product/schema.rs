//! The API does what `/openapi.json` says: Schemathesis sends what it allows and what it forbids, and
//! looks at every answer. New endpoints take part by themselves.

use std::path::Path;
use std::process::Command;

use abtest_tests::binaries::tool;
use abtest_tests::serve::Serve;

/// Requests that Schemathesis makes up for each endpoint, beside those for the edges of each rule.
const EXAMPLES: &str = "30";

#[test]
fn schemathesis_finds_nothing() {
    let serve = Serve::embedded();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(tool("schemathesis"))
        .arg("--config-file")
        .arg(rules.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/openapi.json", serve.url))
        .args(["--header", &format!("x-api-key: {}", serve.key)])
        .args(["--checks", "all", "--max-examples", EXAMPLES, "--seed", "1"])
        // A stream of events has no end.
        .args(["--exclude-path-regex", "/stream$|^/sub/"])
        // How long a machine takes to make up requests says nothing about the API.
        .args(["--suppress-health-check", "all"])
        .args(["--generation-database", "none", "--continue-on-failure", "--no-color"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &rules)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ABTEST_URL", &serve.url)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{found}{}", String::from_utf8_lossy(&output.stderr));
    let number = |label: &str| -> Option<usize> {
        let rest = found.split(label).nth(1)?;
        rest.split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty())?.parse().ok()
    };
    assert!(number("Tested:") >= Some(9), "{found}");
    assert_eq!(number("Tested:"), number("Selected:"), "{found}");
}

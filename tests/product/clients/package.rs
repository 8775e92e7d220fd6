//! The npm package of the JavaScript client.

use std::path::Path;
use std::process::Command;

use super::{client, run};

const CONSUMER: &str = r#"
import { createClient, type Client, type Answer } from "abtest-client";
import { exposureHook } from "abtest-client/openfeature";
import { snippet } from "abtest-client/snippet";
const client: Client = createClient({ url: "https://abtest.example.org", unit: 7, attributes: { country: "DE" } });
const variant: string | null = client.variant("button");
const answer: Answer = client.forUnit("ada").answer("button");
const color: string | null = client.payload("button", "red");
exposureHook({ url: "https://abtest.example.org" }).after({ context: {} }, {});
snippet(300);
// @ts-expect-error The address is required.
createClient({});
// @ts-expect-error A variant is a text.
const wrong: number = client.variant("button");
export { variant, answer, color, wrong };
"#;

/// Packs the client and installs the package in a new project.
fn install(project: &Path) {
    let packed = run(Command::new("npm")
        .args(["pack", "--json", "--pack-destination"])
        .arg(project)
        .current_dir(client()));
    let start = packed.find("[\n").unwrap();
    let packed: serde_json::Value = serde_json::from_str(&packed[start..]).unwrap();
    let archive = project.join(packed[0]["filename"].as_str().unwrap());
    run(Command::new("npm")
        .args(["install", "--offline", "--no-audit", "--no-fund"])
        .arg(archive)
        .current_dir(project));
}

#[test]
fn the_package_works_in_node_has_types_and_takes_less_than_5_kb() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    std::fs::write(project.join("package.json"), r#"{"type": "module"}"#).unwrap();
    install(project);
    let program = r#"
        import { createClient } from "abtest-client";
        const client = createClient({ url: "http://127.0.0.1:1", unit: "ada" });
        await client.ready;
        console.log(client.variant("button", "fallback"));
        await client.close();
    "#;
    let printed = run(Command::new("node")
        .args(["--input-type=module", "--eval", program])
        .current_dir(project));
    assert_eq!(printed, "fallback\n");
    std::fs::write(project.join("consumer.ts"), CONSUMER).unwrap();
    run(Command::new(client().join("node_modules/.bin/tsc"))
        .args(["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"])
        .args(["--lib", "es2022,dom", "consumer.ts"])
        .current_dir(project));
    let minified = std::fs::read(project.join("node_modules/abtest-client/dist/index.js")).unwrap();
    assert!(minified.len() < 15_000, "{} bytes, not minified", minified.len());
}

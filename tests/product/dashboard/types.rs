//! The page's types (`dashboard/types.js`) and the API's description of itself agree.

use std::process::Command;

use abtest_tests::binaries::tests;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

/// The differences between the page's types and a description.
fn differences(openapi: &Value) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, openapi.to_string()).unwrap();
    let output = Command::new("node")
        .arg("types.mjs")
        .arg(&file)
        .current_dir(tests().join("browser"))
        .output()
        .unwrap();
    let lines: Vec<String> =
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    let passed = output.status.success();
    assert_eq!(passed, lines.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    lines
}

#[test]
fn the_pages_types_are_those_of_openapi_json() {
    let openapi = Serve::embedded().request("GET", "/openapi.json", &[], &[]).json();
    assert_eq!(differences(&openapi), [""; 0]);

    let changed = |path: &str, value: Value| {
        let mut changed = openapi.clone();
        *changed.pointer_mut(path).unwrap() = value;
        differences(&changed)
    };
    let remark = "/components/schemas/Remark/properties";
    let more = json!({"code": {"$ref": "#/components/schemas/RemarkCode"},
                      "message": {"type": "string"}, "new": {"type": "string"}});
    assert!(changed(remark, more)[0].ends_with(".new: only in openapi.json"));
    let less = json!({"code": {"$ref": "#/components/schemas/RemarkCode"}});
    assert!(changed(remark, less)[0].ends_with(".message: only in types.js"));
    let other = changed(&format!("{remark}/message"), json!({"type": "integer"}));
    assert!(other[0].ends_with(".message: number in openapi.json, string in types.js"));
    let member = changed("/components/schemas/Outcome/enum", json!(["better"]));
    assert!(member[0].contains("\"better\" in openapi.json"), "{member:?}");
}

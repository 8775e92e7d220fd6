//! The functions' zips, and how they are built.

use std::process::Command;

use abtest_tests::aws::Aws;
use abtest_tests::binaries::{binary, tests};
use serde_json::json;

use super::{Laptop, artifacts, succeeded};

#[test]
fn artefacts_are_the_same_bytes_each_time_and_run_on_lambdas_glibc() {
    let zips = || {
        ["track.zip", "assign.zip", "experiments.zip"]
            .map(|name| std::fs::read(artifacts().join(name)).unwrap())
    };
    let first = zips();
    let folder = artifacts();
    let config = folder.join("config.json");
    std::fs::write(&config, r#"{"aws": {"architecture": "x86_64"}}"#).unwrap();
    let output = Command::new(binary("abtest"))
        .args(["build", "--config"])
        .arg(&config)
        .env("ABTEST_SOURCE", tests().parent().unwrap())
        .output()
        .unwrap();
    succeeded(&output);
    assert!(first == zips());
    std::fs::remove_file(config).unwrap();
    for program in ["track", "assign", "experiments"] {
        let output = Command::new("objdump").arg("-T").arg(binary(program)).output().unwrap();
        let symbols = String::from_utf8_lossy(&output.stdout).into_owned();
        let newest = symbols
            .split("GLIBC_2.")
            .skip(1)
            .filter_map(|rest| {
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
            })
            .max()
            .unwrap();
        assert!(newest <= 34, "{program} needs GLIBC_2.{newest}");
    }
}

#[test]
fn arm64_is_built_with_cargo_lambda_and_nothing_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::create_dir_all(source.join("functions/track")).unwrap();
    std::fs::write(source.join("functions/track/Cargo.toml"), "").unwrap();
    let tools = folder.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    // An arm64 program is not to be had here: a builder that writes its arguments down, and the
    // head of one (64-bit, little-endian, AArch64, no sections).
    let builder = r#"#!/bin/sh
echo "$@" > arguments
for name in track assign experiments; do
  mkdir -p target/lambda/$name
  printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\003\0\267\0\001\0\0\0\0\0\0\0\0\0\0\0' > target/lambda/$name/bootstrap
  printf '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\070\0\0\0\100\0\0\0\0\0' >> target/lambda/$name/bootstrap
done
"#;
    let path = tools.join("cargo-lambda");
    std::fs::write(&path, builder).unwrap();
    let status = Command::new("chmod").arg("+x").arg(&path).status().unwrap();
    assert!(status.success());
    let search = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let aws = Aws::start();
    let mut laptop = Laptop::new(6379);
    laptop.change(|config| config["aws"]["architecture"] = "arm64".into());
    let environment = [
        ("PATH", search.as_str()),
        ("ABTEST_SOURCE", source.to_str().unwrap()),
        ("CARGO_TARGET_DIR", "target"),
    ];
    let deploy = ["deploy", "--yes", "--no-preflight"];
    succeeded(&aws.abtest_with(laptop.path(), &deploy, &environment));
    let arguments = std::fs::read_to_string(source.join("arguments")).unwrap();
    assert_eq!(
        arguments.trim(),
        "lambda build --skip-target-check --target aarch64-unknown-linux-gnu.2.34 --profile \
         function --locked -p track -p assign -p experiments"
    );
    let live = aws.account()["functions"]["abtest-track"]["live"]["live"].clone();
    assert_eq!(live["Architectures"], json!(["arm64"]));
    laptop.change(|config| config["aws"]["architecture"] = "x86_64".into());
    let folder = source.join("target/artifacts/arm64");
    let wrong = ["deploy", "--yes", "--no-preflight", "--artifacts", folder.to_str().unwrap()];
    let output = aws.abtest(laptop.path(), &wrong);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("it is built for arm64"), "{errors}");
}

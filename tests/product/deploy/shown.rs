//! What the commands of a deployment's life print, as whole outputs.
//!
//! After a change that is meant: `SNAPSHOTS=overwrite tests/run`, and read the difference in
//! `shown.txt`.

use abtest_tests::aws::Aws;
use serde_json::json;

use super::{Laptop, artifacts, wiring};

#[test]
fn a_deployments_life_is_shown_as_it_was_last_read() {
    let (aws, mut laptop) = (Aws::start(), Laptop::new(1));
    let folder = artifacts();
    let folder = folder.to_str().unwrap();
    let mut shown = String::new();
    let run = |laptop: &Laptop, shown: &mut String, command: &str| {
        let output = match command {
            "deploy" | "deploy --plan" => {
                let more = ["--yes", "--no-preflight", "--artifacts", folder];
                let arguments: Vec<&str> = command.split(' ').chain(more).collect();
                aws.abtest(laptop.path(), &arguments)
            }
            _ => aws.abtest(laptop.path(), &command.split(' ').collect::<Vec<_>>()),
        };
        *shown += &format!("$ abtest {command}\n");
        *shown += &String::from_utf8_lossy(&output.stdout);
        *shown += &String::from_utf8_lossy(&output.stderr);
        *shown += &format!("(exit code {})\n\n", output.status.code().unwrap());
    };
    for command in ["status", "deploy --plan", "deploy", "deploy"] {
        run(&laptop, &mut shown, command);
    }
    let mut secrets: Vec<(String, &str)> =
        aws.api_ids().into_iter().map(|api| (api, "[API]")).collect();
    laptop.change(|config| {
        config["redis"]["password"] = "hush".into();
        config["extra_wiring"] = json!([wiring("shop", "gimel.track", "cart")]);
    });
    for command in ["deploy", "status", "key", "key --rotate", "key --retire", "snippet"] {
        run(&laptop, &mut shown, command);
        secrets.extend(aws.key_values().into_iter().map(|key| (key, "[KEY]")));
    }
    for command in [
        "rollback",
        "rollback --yes",
        "status",
        "deploy",
        "destroy",
        "destroy --yes",
        "destroy --yes",
    ] {
        run(&laptop, &mut shown, command);
    }
    assert!(!shown.contains("hush"));
    for (secret, name) in secrets {
        shown = shown.replace(&secret, name);
    }
    let folded = shown.lines().map(without_what_is_random);
    let shown: String = folded.map(|line| line + "\n").collect();
    snapbox::assert_data_eq!(shown, snapbox::file!["shown.txt"]);
}

/// A line without ids of deployments, and without dates.
fn without_what_is_random(line: &str) -> String {
    let words = line.split(' ');
    let mut words: Vec<&str> = words.collect();
    for position in 1..words.len() {
        let (before, word) = (words[position - 1], words[position]);
        if before == "deployment" && word.len() == 10 {
            words[position] = "[ID]";
        } else if word.starts_with("20") && word.contains('T') {
            words[position] = "[DATE]";
        }
    }
    words.join(" ")
}

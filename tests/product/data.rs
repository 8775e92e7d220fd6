//! `abtest data`: a damaged data folder is checked and repaired.

use std::path::Path;
use std::process::{Command, Output};

use abtest_tests::binaries::binary;
use abtest_tests::serve::Serve;
use serde_json::Value;

fn data(folder: &Path, arguments: &[&str]) -> Output {
    let command = Command::new(binary("abtest"))
        .arg("data")
        .args(arguments)
        .arg("--data")
        .arg(folder)
        .output();
    command.unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_damaged_folder_is_refused_checked_repaired_and_served_again() {
    let mut serve = Serve::embedded();
    for uuid in 0..20 {
        assert_eq!(serve.track("button", "red", "participate", &uuid.to_string()), 200);
    }
    let folder = serve.data();
    let in_use = data(&folder, &["check"]);
    assert_eq!(in_use.status.code(), Some(1));
    assert!(text(&in_use).contains("in use by another abtest"), "{}", text(&in_use));
    assert!(serve.terminate().success());

    let whole = data(&folder, &["check"]);
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole));
    assert!(text(&whole).contains("1 counters, 20 uuids"), "{}", text(&whole));
    let nothing = data(&folder, &["repair"]);
    assert!(text(&nothing).contains("nothing was changed"), "{}", text(&nothing));

    let journal = folder.join("counters/0.jnl");
    let mut bytes = std::fs::read(&journal).unwrap();
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[written / 2] ^= 1;
    std::fs::write(&journal, &bytes).unwrap();
    let refused = serve.try_restart().unwrap_err();
    assert!(refused.contains("0.jnl is damaged"), "{refused}");
    assert!(refused.contains("abtest data repair"), "{refused}");

    let damaged = data(&folder, &["check"]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(text(&damaged).contains("abtest data repair --data"), "{}", text(&damaged));
    let damaged = data(&folder, &["check", "--json"]);
    assert_eq!(damaged.status.code(), Some(1));
    let found = json(&damaged);
    assert_eq!(found["damaged"], true);
    assert_eq!(found["findings"][0]["file"], "0.jnl");

    let unconfirmed = data(&folder, &["repair"]);
    assert_eq!(unconfirmed.status.code(), Some(2), "{}", text(&unconfirmed));
    assert!(text(&unconfirmed).contains("--yes"), "{}", text(&unconfirmed));
    assert!(std::fs::read(&journal).unwrap() == bytes, "nothing was changed");
    let repaired = data(&folder, &["repair", "--yes", "--json"]);
    assert_eq!(repaired.status.code(), Some(0), "{}", text(&repaired));
    let repaired = json(&repaired);
    assert_eq!(repaired["saved"]["uuids"], 20);
    assert_eq!(repaired["forgotten_uuids"], 1);
    let set_aside = Path::new(repaired["set_aside"].as_str().unwrap());
    assert!(std::fs::read(set_aside.join("0.jnl")).unwrap() == bytes);

    assert_eq!(data(&folder, &["check"]).status.code(), Some(0));
    serve.try_restart().unwrap();
    assert_eq!(serve.count("button", "participate", "red"), 20);
}

//! `abtest configure` with a person before a terminal, whose editor makes mistakes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use abtest_tests::binaries::binary;

/// An editor that writes the next of these texts each time it is opened.
fn editor(folder: &Path, texts: &[&str]) -> String {
    for (number, text) in texts.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}.json")), text).unwrap();
    }
    let path = folder.join("editor");
    let script = format!(
        "#!/bin/sh\ncd '{}'\nnumber=$(cat opened 2>/dev/null || echo 0)\ncp $number.json \"$1\"\n\
         echo $((number + 1)) > opened\n",
        folder.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// Runs `abtest configure` on a terminal of its own, answers its questions, and returns what was
/// shown.
fn configure(home: &Path, editor: &str, answers: &str) -> (String, bool) {
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{} configure", binary("abtest").display()))
        .arg("/dev/null")
        .current_dir(home)
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("VISUAL")
        .env("EDITOR", editor)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(terminal.stdin.as_mut().unwrap(), answers.as_bytes()).unwrap();
    let output = terminal.wait_with_output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

const WRONG: &str = "{\n  \"redis\": {\"host\": \"r\",\n    \"prot\": 6379}\n}\n";
const RIGHT: &str = "{\n  \"redis\": {\"host\": \"r\",\n    \"port\": 6379}\n}\n";

#[test]
fn a_mistake_is_shown_with_its_place_and_the_editor_opens_again() {
    let (home, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let editor = editor(scratch.path(), &[WRONG, RIGHT]);
    let (shown, succeeded) = configure(home.path(), &editor, "y\n");
    assert!(succeeded, "{shown}");
    assert!(
        shown.contains("unknown field `prot`") && shown.contains("line 3 column 10"),
        "{shown}"
    );
    assert!(shown.contains("Edit it again?") && shown.contains("is valid"), "{shown}");
    let config = home.path().join(".abtest/config.json");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), RIGHT);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&config), 0o600);
    assert_eq!(mode(config.parent().unwrap()), 0o700);
}

#[test]
fn a_person_who_stops_editing_is_told_what_is_wrong() {
    let (home, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let editor = editor(scratch.path(), &[WRONG]);
    let (shown, succeeded) = configure(home.path(), &editor, "n\n");
    assert!(!succeeded, "{shown}");
    assert!(shown.contains("is still wrong"), "{shown}");
}

#[test]
fn a_config_of_gimel_is_taken_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".gimel");
    std::fs::create_dir(&folder).unwrap();
    let config = folder.join("config.json");
    std::fs::write(&config, r#"{"redis": {"host": "r", "port": 6379, "password": "x"}}"#).unwrap();
    let (shown, succeeded) = configure(home.path(), "true", "");
    assert!(succeeded && shown.contains(".gimel/config.json is valid"), "{shown}");
    let mode = std::fs::metadata(&config).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

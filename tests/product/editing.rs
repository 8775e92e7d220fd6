//! `abtest experiments edit` with editors that are scripts.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use abtest_tests::binaries::binary;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};
use tempfile::TempDir;

const JSON: (&str, &str) = ("content-type", "application/json");

fn path() -> &'static str {
    "/experiments/button/definition"
}

/// A server with one experiment.
fn serve() -> Serve {
    let serve = Serve::embedded();
    let body = json!({"variants": [{"name": "a"}, {"name": "b"}], "traffic": 60, "owner": "shop"});
    let headers = [("x-api-key", &*serve.key), JSON];
    let created = serve.request("PUT", path(), &headers, body.to_string().as_bytes());
    assert_eq!(created.status, 201, "{}", created.text);
    serve
}

/// An editor that runs the next of these shell lines each time it opens `$1`.
fn editor(folder: &TempDir, lines: &[&str]) -> PathBuf {
    for (number, line) in lines.iter().enumerate() {
        std::fs::write(folder.path().join(format!("line{number}")), line).unwrap();
    }
    let path = folder.path().join("editor");
    let script = format!(
        "#!/bin/sh\nset -e\ncd '{}'\nnumber=$(cat opened 2>/dev/null || echo 0)\n\
         echo $((number + 1)) > opened\n. ./line$number\n",
        folder.path().display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A line of an editor in which somebody else changes the experiment.
fn elsewhere(serve: &Serve, body: &str) -> String {
    format!(
        "curl -sf -X PATCH '{}{}' -H 'x-api-key: {}' -H 'content-type: application/json' \
         -H 'x-abtest-actor: yann' -d '{body}' > /dev/null\n",
        serve.url,
        path(),
        serve.key
    )
}

fn command(serve: &Serve, editor: &Path, folder: &TempDir, mut command: Command) -> Command {
    command
        .env("ABTEST_URL", &serve.url)
        .env("ABTEST_API_KEY", &serve.key)
        .env("TMPDIR", folder.path())
        .env("VISUAL", "")
        .env("EDITOR", editor)
        .env("USER", "zoe");
    command
}

fn edit(serve: &Serve, editor: &Path, folder: &TempDir, more: &[&str]) -> Output {
    let mut abtest = Command::new(binary("abtest"));
    abtest.args(["experiments", "edit", "button"]).args(more).stdin(Stdio::null());
    command(serve, editor, folder, abtest).output().unwrap()
}

/// The same on a terminal, with answers to its questions.
fn edit_on_terminal(
    serve: &Serve,
    editor: &Path,
    folder: &TempDir,
    answers: &str,
) -> (bool, String) {
    let mut terminal = Command::new("script");
    terminal
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{} experiments edit button", binary("abtest").display()))
        .arg("/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut terminal = command(serve, editor, folder, terminal).spawn().unwrap();
    std::io::Write::write_all(terminal.stdin.as_mut().unwrap(), answers.as_bytes()).unwrap();
    let output = terminal.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// The file that a message names as the place of the typed text.
fn kept(message: &str) -> PathBuf {
    let after = message.split("your text is in ").nth(1).unwrap_or_else(|| panic!("{message}"));
    PathBuf::from(after.split(';').next().unwrap())
}

fn traffic_and_owner(serve: &Serve) -> (Value, Value) {
    let definition = serve.get(path()).json();
    (definition["traffic"].clone(), definition["owner"].clone())
}

#[test]
fn the_editor_shows_what_a_person_writes_and_a_saved_change_is_made() {
    let (serve, folder) = (serve(), tempfile::tempdir().unwrap());
    let editor = editor(&folder, &["cp \"$1\" seen", "sed -i 's/: 60/: 70/' \"$1\""]);
    let (said, _) = texts(&edit(&serve, &editor, &folder, &[]));
    assert!(said.contains("nothing was changed"), "{said}");
    let seen = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    let members: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(members["$schema"], format!("{}/schemas/experiment.json", serve.url));
    assert_eq!((&members["name"], &members["namespace"]), (&json!("button"), &json!("alephbet")));
    assert!(seen.find("\"owner\"") < seen.find("\"variants\""), "{seen}");
    assert!(members["version"].is_null() && members["tags"].is_null(), "{seen}");
    let schema = serve.request("GET", "/schemas/experiment.json", &[], &[]).json();
    for member in members.as_object().unwrap().keys() {
        assert!(schema["properties"][member].is_object(), "{member} is not in the schema");
    }

    let (said, errors) = texts(&edit(&serve, &editor, &folder, &["--why", "more", "--json"]));
    let edited: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{errors}"));
    assert_eq!(edited["changed"], json!({"traffic": [60, 70]}));
    assert_eq!(traffic_and_owner(&serve), (json!(70), json!("shop")));
    let history = serve.get("/experiments/button/history").json();
    assert_eq!((&history[1]["actor"], &history[1]["why"]), (&json!("zoe"), &json!("more")));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "no file is left");
}

#[test]
fn a_refused_text_stays_in_a_file_that_apply_takes() {
    let (serve, folder) = (serve(), tempfile::tempdir().unwrap());
    for (line, reason) in [
        ("sed -i 's/: 60/: 600/' \"$1\"", "traffic must be"),
        ("sed -i 's/: 60/: 6O/' \"$1\"", "this is not JSON"),
        ("sed -i 's/\"button\"/\"other\"/' \"$1\"", "abtest experiments copy"),
        ("sed -i -e '/owner/d' -e 's/: 60/: 600/' \"$1\"", "set owner to null, and correct it"),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let output = edit(&serve, &editor(&scratch, &[line]), &folder, &[]);
        let (_, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(reason), "{errors}");
        assert!(errors.contains("correct it, then run `abtest experiments apply /"), "{errors}");
        let text = std::fs::read_to_string(kept(&errors)).unwrap();
        assert!(text.contains("\"variants\""), "{text}");
    }
    assert_eq!(serve.get(path()).json()["version"], 1);
}

#[test]
fn the_second_editor_sees_what_changed_and_keeps_the_text() {
    let (serve, folder) = (serve(), tempfile::tempdir().unwrap());
    let other = elsewhere(&serve, r#"{"owner": "ads", "why": "moved"}"#);
    let line = other + "sed -i 's/: 60/: 70/' \"$1\"";
    let output = edit(&serve, &editor(&folder, &[&line]), &folder, &[]);
    let (_, errors) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    for part in ["somebody else changed", "yann (key: edit): moved", "owner: shop → ads"] {
        assert!(errors.contains(part), "{errors}");
    }
    assert_eq!(traffic_and_owner(&serve), (json!(60), json!("ads")));
    let file = kept(&errors);
    let next_step = format!("; to apply it, run `abtest experiments apply {}`", file.display());
    assert!(errors.contains(&next_step), "{errors}");
    let mut apply = Command::new(binary("abtest"));
    apply.args(["experiments", "apply", "--yes"]).arg(&file).stdin(Stdio::null());
    let applied = command(&serve, Path::new("false"), &folder, apply).output().unwrap();
    assert!(applied.status.success(), "{:?}", texts(&applied));
    assert_eq!(serve.get(path()).json()["traffic"], 70);
}

#[test]
fn on_a_terminal_the_editor_opens_again_on_top_of_the_other_change() {
    let (serve, folder) = (serve(), tempfile::tempdir().unwrap());
    let other = elsewhere(&serve, r#"{"owner": "ads", "traffic": 65}"#);
    let first = other + "sed -i 's/: 60/: 700/' \"$1\"";
    let lines = [&*first, "cp \"$1\" merged", "sed -i 's/: 700/: 70/' \"$1\""];
    let (done, shown) = edit_on_terminal(&serve, &editor(&folder, &lines), &folder, "y\ny\ny\n");
    assert!(done, "{shown}");
    assert!(shown.contains("the text has your values: traffic"), "{shown}");
    assert!(shown.contains("traffic must be"), "{shown}");
    assert_eq!(traffic_and_owner(&serve), (json!(70), json!("ads")));
}

#[test]
fn a_person_who_stops_editing_keeps_the_text() {
    let (serve, folder) = (serve(), tempfile::tempdir().unwrap());
    let editor = editor(&folder, &["sed -i 's/: 60/: 700/' \"$1\""]);
    let (done, shown) = edit_on_terminal(&serve, &editor, &folder, "n\n");
    assert!(!done && kept(&shown).exists(), "{shown}");
    assert_eq!(serve.get(path()).json()["version"], 1);
}

//! The unit of systemd in `docs/abtest.service`: its commands start the real program.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use abtest_tests::binaries::binary;
use abtest_tests::redis::Redis;

const PROGRAM: &str = "/usr/local/bin/abtest";

fn unit() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/abtest.service");
    std::fs::read_to_string(file).unwrap()
}

/// The values of a setting, also of one that is offered in a comment.
fn values<'a>(unit: &'a str, setting: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = unit.lines().map(|line| line.trim_start_matches(['#', ' ']));
    lines.filter_map(move |line| line.strip_prefix(setting)?.strip_prefix('='))
}

/// Starts a command of the unit as systemd would, with a folder in place of /var/lib and any free port.
/// Returns what `/readyz` answers.
fn readiness(command: &str, folder: &Path, config: &Path) -> String {
    let unit = unit();
    let here = |text: &str| text.replace("%S", folder.to_str().unwrap());
    let words = here(command).replace("127.0.0.1:8080", "127.0.0.1:0");
    let words = words.replace("/etc/abtest/config.json", config.to_str().unwrap());
    let mut words = words.split_whitespace();
    assert_eq!(words.next(), Some(PROGRAM));
    let directory = here(values(&unit, "WorkingDirectory").next().unwrap());
    std::fs::create_dir_all(&directory).unwrap();
    let variables: HashMap<String, String> = values(&unit, "Environment")
        .map(|variable| variable.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), here(value)))
        .collect();
    let mut child = Command::new(binary("abtest"))
        .args(words)
        .args(["--metrics-listen", "off"])
        .env_clear()
        .envs(variables)
        .current_dir(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url = lines.into_iter().find_map(|line| {
        line.strip_prefix("listening on ").map(|url| url.split(' ').next().unwrap().to_owned())
    });
    let answer = url.map(|url| {
        let answer = ureq::get(format!("{url}/readyz")).call().unwrap();
        answer.into_body().read_to_string().unwrap()
    });
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(child.wait().unwrap().success());
    answer.unwrap()
}

#[test]
fn the_commands_of_the_systemd_unit_start_a_strict_server() {
    let unit = unit();
    let commands: Vec<&str> =
        values(&unit, "ExecStart").filter(|command| !command.is_empty()).collect();
    assert_eq!(commands.len(), 2, "one is offered for Redis: {commands:?}");
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, format!(r#"{{"redis": {{"url": "{}"}}}}"#, redis.url())).unwrap();
    for command in commands {
        assert!(command.contains(" --strict"), "{command}");
        let ready = readiness(command, folder.path(), &config);
        assert!(ready.contains(r#""status":"ok""#), "{command}: {ready}");
    }
    // The key is where the comment says.
    assert!(folder.path().join("abtest/data/api-key").exists());
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("abtest.service");
    let program = binary("abtest");
    std::fs::write(&file, unit().replace(PROGRAM, program.to_str().unwrap())).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&file).output();
    let verified = verified.expect("systemd-analyze: run tests/install");
    // It succeeds with warnings, too.
    assert_eq!(String::from_utf8(verified.stderr).unwrap(), "");
    assert!(verified.status.success());
}

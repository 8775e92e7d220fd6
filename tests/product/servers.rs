//! What `abtest serve` prints and to whom, and how other commands find it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use abtest_tests::binaries::binary;
use abtest_tests::redis::{free_port, signal};
use abtest_tests::serve::Serve;

/// Runs a command as the user whose state folder this is.
fn abtest(state: &Path, arguments: &[&str], key: Option<&str>, input: &str) -> (i32, String) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary("abtest"));
    command.args(arguments).current_dir(&home).env("HOME", home.path());
    command.env("XDG_STATE_HOME", state).env_remove("ABTEST_URL").env_remove("ABTEST_API_KEY");
    if let Some(key) = key {
        command.env("ABTEST_API_KEY", key);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may be gone.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn it_serves_with_nobody_who_reads_what_it_prints() {
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    for (output, errors) in [(full(), full()), (closed(), closed())] {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut child = Command::new(binary("abtest"))
            .args(["serve", "-v", "--listen", &port.to_string(), "--metrics-listen", "off"])
            .current_dir(&folder)
            .env("XDG_STATE_HOME", folder.path())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap();
        let start = Instant::now();
        let url = format!("http://127.0.0.1:{port}/track?experiment=e&variant=v&event=g&uuid=1");
        while ureq::get(&url).call().is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(30) && child.try_wait().unwrap().is_none()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        signal(&child, "TERM");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_command_whose_reader_is_gone_ends_quietly_and_a_full_disk_is_an_error() {
    let run = |output: Stdio| {
        let child = Command::new(binary("abtest"))
            .args(["completions", "bash"])
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn();
        let output = child.unwrap().wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(run(writer.into()), (0, String::new()));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (code, text) = run(full.into());
    assert_eq!(code, 1);
    assert!(text.starts_with("error: cannot write to standard output:"), "{text}");
}

#[test]
fn metrics_have_a_listener_of_their_own_and_a_taken_port_does_not_stop_the_server() {
    let port = free_port().to_string();
    let serve = Serve::start(&["--metrics-listen", &port]);
    let metrics = format!("http://127.0.0.1:{port}");
    let text = ureq::get(&format!("{metrics}/metrics")).call().unwrap();
    assert!(text.into_body().read_to_string().unwrap().contains("abtest_build_info"));
    assert!(ureq::get(&format!("{metrics}/experiments")).call().is_err());
    assert_eq!(serve.request("GET", "/metrics", &[], &[]).status, 401);
    assert_eq!(serve.get("/metrics").status, 200);

    // Another server on this machine may hold the usual port and release it at any moment. Then try again.
    loop {
        let taken = TcpListener::bind("127.0.0.1:9090");
        let serve = Serve::embedded();
        assert_eq!(serve.get("/metrics").status, 200);
        let start = Instant::now();
        let limit = Duration::from_secs(if taken.is_ok() { 30 } else { 3 });
        while start.elapsed() < limit {
            if serve.log.lock().unwrap().contains("cannot serve metrics on 127.0.0.1:9090") {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(taken.is_err(), "{}", serve.log.lock().unwrap());
    }
}

#[test]
fn an_address_for_all_is_printed_as_one_that_a_browser_can_open() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(binary("abtest"))
        .args(["serve", "--listen", "0.0.0.0:0", "--json", "--metrics-listen", "off"])
        .current_dir(&folder)
        .env("XDG_STATE_HOME", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    let greeting: serde_json::Value = serde_json::from_str(&line).unwrap();
    let url = greeting["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{line}");
    assert!(ureq::get(url).call().unwrap().status().is_success());
    assert!(greeting["api_key_file"].as_str().unwrap().ends_with("abtest-data/api-key"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn other_commands_find_the_server_that_runs_and_only_while_it_runs() {
    let mut serve = Serve::embedded();
    assert_eq!(serve.track("found", "v", "participate", "1"), 200);
    let file = || std::fs::read_dir(serve.state().join("abtest")).unwrap().next().unwrap().unwrap();
    assert_eq!(file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let list = || abtest(&serve.state(), &["experiments", "list"], None, "");
    let (code, text) = list();
    assert!(code == 0 && text.contains("found"), "{text}");

    // A crash leaves the file behind. It is ignored.
    serve.kill();
    let state = serve.state();
    let (code, text) = abtest(&state, &["experiments", "list"], Some("key"), "");
    assert_eq!(code, 1);
    assert!(text.contains("http://127.0.0.1:8080"), "{text}");
    serve.restart();
    assert_eq!(abtest(&state, &["experiments", "list"], None, "").0, 0);
    let other = Serve::embedded();
    let both = abtest(&state, &["experiments", "list", "--url", &other.url], Some(&other.key), "");
    assert_eq!(both.0, 0, "{}", both.1);
    assert!(serve.terminate().success());
    assert_eq!(std::fs::read_dir(state.join("abtest")).unwrap().count(), 0);
}

#[test]
fn a_flag_overrides_the_environment_and_a_saved_login_is_used_without_either() {
    let (serve, home) = (Serve::embedded(), tempfile::tempdir().unwrap());
    assert_eq!(serve.track("saved", "v", "participate", "1"), 200);
    let run = |arguments: &[&str], key, input: &str| abtest(home.path(), arguments, key, input);
    let (code, text) = run(&["login", "--url", &serve.url], None, "wrong\n");
    assert!(code == 1 && text.contains("refuses the API key"), "{text}");
    let (code, text) = run(&["login", "--url", &serve.url], None, &format!("{}\n", serve.key));
    assert!(code == 0 && text.contains("accepts the key"), "{text}");
    let file = home.path().join("abtest/login.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (code, text) = run(&["experiments", "list"], None, "");
    assert!(code == 0 && text.contains("saved"), "{text}");
    // The environment overrides what was saved, and the flag the environment.
    assert_eq!(run(&["experiments", "list"], Some("wrong"), "").0, 1);
    let key = serve.data().join("api-key");
    let flag = ["experiments", "list", "--api-key-file", key.to_str().unwrap()];
    assert_eq!(run(&flag, Some("wrong"), "").0, 0);
    assert_eq!(run(&["login", "--forget"], None, "").0, 0);
    assert!(!file.exists());
}

#[test]
fn a_wrong_address_is_answered_with_what_would_work() {
    let serve = Serve::embedded();
    let host = serve.url.strip_prefix("http://").unwrap();
    let list = |url: &str| {
        let folder = serve.data();
        abtest(&folder, &["experiments", "list", "--url", url], Some(&serve.key), "")
    };
    assert_eq!(list(host).0, 0);
    for (url, hint) in [
        (format!("https://{host}"), format!("write --url http://{host}")),
        (format!("http://{host}/prod"), format!("try --url http://{host}")),
        ("http://no-such-host.invalid".to_owned(), "is unknown".to_owned()),
        (format!("127.0.0.1:{}", free_port()), "nothing listens at http://127.0.0.1:".to_owned()),
    ] {
        let (code, text) = list(&url);
        assert!(code == 1 && text.contains(&hint), "{url}: {text}");
    }
    let (code, text) = list("ftp://x");
    assert!(code == 2 && text.contains("is neither http nor https"), "{text}");
    let arguments = ["results", "no such experiment", "--url", &format!("{}/prod", serve.url)];
    let (code, text) = abtest(&serve.data(), &arguments, Some(&serve.key), "");
    assert!(code == 1 && text.contains("there is no abtest at"), "{text}");
}

#[test]
fn a_folder_in_use_is_not_opened_and_a_new_one_is_created() {
    let (serve, new) = (Serve::embedded(), tempfile::tempdir().unwrap());
    assert_eq!(serve.track("moved", "v", "participate", "1"), 200);
    let (data, url) = (serve.data().display().to_string(), serve.url.clone());
    let file = new.path().join("moved.json").display().to_string();
    let export = ["export", "moved", "--data", &data, "--output", &file];
    let state = serve.state();
    let (code, text) = abtest(&state, &export, None, "");
    assert!(code == 1 && text.contains(&url) && text.contains("stop it"), "{text}");
    drop(serve);
}

#[test]
fn an_import_creates_its_folder() {
    let (mut serve, new) = (Serve::embedded(), tempfile::tempdir().unwrap());
    assert_eq!(serve.track("moved", "v", "participate", "1"), 200);
    assert!(serve.terminate().success());
    let path = |name: &str| new.path().join(name).display().to_string();
    let (file, data, state) =
        (path("moved.json"), serve.data().display().to_string(), serve.state());
    let export = ["export", "moved", "--data", &data, "--output", &file];
    assert_eq!(abtest(&state, &export, None, "").0, 0);
    let import = ["import", &file, "--data", &path("new"), "--json"];
    let (code, text) = abtest(&state, &import, None, "");
    assert_eq!(code, 0, "{text}");
    let imported: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(imported["experiment"], "moved");
    let (code, text) = abtest(&state, &["results", "--data", &path("new"), "--json"], None, "");
    assert!(code == 0 && text.contains("moved"), "{text}");
}

#[test]
fn a_raised_alarm_survives_export_and_import() {
    let (mut serve, new) = (Serve::embedded(), tempfile::tempdir().unwrap());
    let events = (0..500).map(|uuid| {
        let variant = if uuid < 100 { "a" } else { "b" };
        serde_json::json!({"experiment": "moved", "variant": variant, "event": "participate",
            "uuid": uuid.to_string()})
    });
    let events = serde_json::Value::Array(events.collect()).to_string();
    assert_eq!(serve.call("POST", "/track", Some(&events)).status, 200);
    let raised = |text: &str| {
        let results: serde_json::Value = serde_json::from_str(text).unwrap();
        results.pointer("/analysis/sample_ratio/raised").cloned().unwrap_or_default()
    };
    let before = raised(&serve.get("/experiments/moved").text);
    assert!(before["at"].is_string(), "{before}");
    assert!(serve.terminate().success());

    let path = |name: &str| new.path().join(name).display().to_string();
    let (file, data) = (path("moved.json"), serve.data().display().to_string());
    let run = |arguments: &[&str]| {
        let (code, text) = abtest(&serve.state(), arguments, None, "");
        assert_eq!(code, 0, "{text}");
        text
    };
    run(&["export", "moved", "--data", &data, "--output", &file]);
    run(&["import", &file, "--data", &path("new")]);
    let after = run(&["results", "moved", "--data", &path("new"), "--json"]);
    assert_eq!(raised(&after), before);
}

#[test]
fn without_a_server_a_command_says_that_nothing_runs_and_localhost_finds_the_key() {
    let state = tempfile::tempdir().unwrap();
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let (code, text) = abtest(state.path(), &["results", "--url", &nowhere], None, "");
    assert!(code == 1 && text.contains("nothing listens at"), "{text}");
    let (code, text) = abtest(state.path(), &["results"], None, "");
    assert!(code == 1 && text.contains("no `abtest serve` of yours runs here"), "{text}");

    let serve = Serve::embedded();
    assert_eq!(serve.track("found", "v", "participate", "1"), 200);
    let url = serve.url.replace("127.0.0.1", "localhost");
    let (code, text) = abtest(&serve.state(), &["results", "--url", &url], None, "");
    assert!(code == 0 && text.contains("found"), "{text}");
}

#[test]
fn the_dashboard_is_for_the_server_that_runs_and_refuses_what_it_cannot_read() {
    let (serve, folder) = (Serve::embedded(), tempfile::tempdir().unwrap());
    let page = folder.path().join("public").display().to_string();
    let export = ["dashboard", "--export", &page];
    let (code, text) = abtest(&serve.state(), &export, None, "");
    assert!(code == 0 && text.contains(&serve.url), "{text}");
    // Its own page is replaced; another page is not.
    assert_eq!(abtest(&serve.state(), &export, None, "").0, 0);
    let index = folder.path().join("public/index.html");
    std::fs::write(&index, "my shop").unwrap();
    let (code, text) = abtest(&serve.state(), &export, None, "");
    assert!(code == 2 && text.contains("--yes"), "{text}");
    assert_eq!(std::fs::read_to_string(&index).unwrap(), "my shop");

    let dashboard = |url: &str| {
        abtest(&serve.state(), &["dashboard", "--port", "0", "--url", url], Some("wrong"), "")
    };
    let (code, text) = dashboard(&serve.url);
    assert!(code == 1 && text.contains("refuses the API key"), "{text}");
    let (code, text) = dashboard(&format!("http://127.0.0.1:{}", free_port()));
    assert!(code == 1 && text.contains("nothing listens at"), "{text}");
}

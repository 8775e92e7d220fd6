//! `abtest dashboard` serves the page on this machine for a remote API.

use std::process::{Command, Stdio};

use abtest_tests::binaries::{binary, tool};
use abtest_tests::dashboard::Dashboard;
use abtest_tests::reader::Screen;
use abtest_tests::redis::free_port;
use abtest_tests::serve::Serve;

use super::{link, server_with_experiments};

fn start(serve: &Serve) -> Dashboard {
    let mut command = Command::new(binary("abtest"));
    command.args(["dashboard", "--port", "0", "--url", &serve.url]);
    command.env("ABTEST_API_KEY", &serve.key);
    Dashboard::start(command)
}

#[test]
fn its_link_works_once_and_shows_the_experiments_of_the_api() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let dashboard = start(&serve);
    let reader = screen.read(&dashboard.link);
    reader.see_text("ol.rows h2", "button color");
    assert_eq!(reader.url().split('#').next().unwrap(), format!("{}/", dashboard.address()));
    reader.go(&link("split"));
    reader.see_text(".answer", "Sample ratio mismatch");
    reader.choose("select[name=control]", "two");
    reader.see_text("#status", "Saved with the experiment.");
    reader.click("#delete");
    reader.fill("#deletion-name", "split");
    reader.click("dialog button.danger");
    reader.see_text("h1", "Experiments");
    assert_eq!(serve.get("/experiments/split").status, 404);
    // Changes reach the API with their conditions.
    reader.go("#/new");
    reader.fill("[name=name]", "price");
    reader.click("#save:enabled");
    reader.click("#step-start");
    reader.click("dialog .ends .main:enabled");
    reader.see_text("#definition .status", "running");
    assert_eq!(serve.get("/experiments/price/definition").json()["status"], "running");
    assert!(!reader.kept().contains(&serve.key));
    assert!(reader.requests().iter().all(|request| !request.to_string().contains(&serve.key)));
    assert!(reader.complaints().is_empty());

    reader.click("#log-out");
    reader.see_text("h1", "This link was already used");
    let stranger = screen.read(&dashboard.link);
    stranger.see_text("h1", "This link was already used");
    stranger.picture("used-link");
}

#[test]
fn with_a_read_key_the_page_shows_nothing_that_changes_and_a_change_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("read-key");
    std::fs::write(&file, "a-key-that-reads-and-changes-nothing").unwrap();
    let mut serve = Serve::start(&["--read-key-file", file.to_str().unwrap()]);
    assert_eq!(serve.track("button color", "red", "participate", "1"), 200);
    serve.key = "a-key-that-reads-and-changes-nothing".to_owned();
    let (dashboard, screen) = (start(&serve), Screen::start());
    let cookie = dashboard.open();
    let page = |method: &str, path: &str| {
        let request = dashboard.at(path).header("cookie", &cookie).header("x-abtest-page", "1");
        dashboard.ask(request.method(method))
    };
    assert!(page("GET", "/session").1.contains(r#""role":"read""#));
    let (status, text) = page("DELETE", "/experiments/button%20color");
    assert!(status == 403 && text.contains("The key of this dashboard may only read."), "{text}");

    let (exported, host) = exported_page(&serve);
    let reader = screen.read(&host.url);
    reader.fill("#key", &serve.key);
    reader.click("#login button");
    reader.see_text("ol.rows h2", "button color");
    assert!(reader.texts("#new").is_empty());
    reader.go("#/layers");
    reader.see_text("h1", "Layers");
    assert!(reader.texts("#settings, #new-layer").is_empty());
    drop(exported);
}

#[test]
fn a_list_of_several_answers_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let limits = r#"{"limits": {"experiments": 2000, "counters": 5000, "experiments_per_hour": 2000, "counters_per_hour": 5000}}"#;
    std::fs::write(&config, limits).unwrap();
    let serve = Serve::start(&["--config", config.to_str().unwrap()]);
    let event = |number| {
        serde_json::json!({"experiment": format!("experiment {number}"), "variant": "a",
                           "event": "participate", "uuid": "1"})
    };
    super::send(&serve, &(0..1_001).map(event).collect::<Vec<_>>());
    let (dashboard, screen) = (start(&serve), Screen::start());
    screen.read(&dashboard.link).see_text(".title p", "1,001 experiments");
}

#[test]
fn only_its_own_page_gets_an_answer() {
    let serve = server_with_experiments();
    let dashboard = start(&serve);
    let status = |request| dashboard.ask(request).0;
    let at = |path: &str| dashboard.at(path);
    assert_eq!(status(at("/experiments")), 401);
    // Another host name that resolves to this machine.
    assert_eq!(status(at("/").header("host", "evil.example")), 403);
    assert_eq!(status(at("/").header("origin", "http://evil.example")), 403);
    let cookie = dashboard.open();
    let with_cookie = |path: &str| at(path).header("cookie", &cookie);
    // A cookie alone is not enough: a page on another port sends it too.
    assert_eq!(status(with_cookie("/experiments")), 401);
    let page = |path: &str| with_cookie(path).header("x-abtest-page", "1");
    assert_eq!(status(page("/experiments")), 200);
    assert_eq!(status(page("/experiments").header("sec-fetch-site", "same-site")), 401);
    assert_eq!(status(page("/track?experiment=a")), 404);
}

/// A web server of a folder, which stops when it is dropped.
struct Host {
    server: std::process::Child,
    url: String,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The page, exported to a folder and served from there.
fn exported_page(serve: &Serve) -> (tempfile::TempDir, Host) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary("abtest"))
        .args(["dashboard", "--url", &serve.url, "--export"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let port = free_port();
    let server = Command::new(tool("python3"))
        .args(["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut host = Host { server, url: format!("http://127.0.0.1:{port}/") };
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(matches!(host.server.try_wait(), Ok(None)), "the web server ended");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    (folder, host)
}

#[test]
fn an_exported_page_asks_for_the_key_and_reads_from_its_api() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let (_folder, host) = exported_page(&serve);
    let reader = screen.read(&host.url);
    reader.see_text("h1", "Enter the API key");
    reader.fill("#key", &serve.key);
    reader.click("#login button");
    reader.see_text("ol.rows h2", "button color");
    assert!(!reader.kept().contains(&serve.key));
    let allowed = [format!("{}/", serve.url), host.url.clone()];
    for request in reader.requests() {
        let url = request["url"].as_str().unwrap();
        assert!(allowed.iter().any(|host| url.starts_with(host.as_str())), "{url}");
    }
}

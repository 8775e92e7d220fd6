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
fn a_list_of_several_answers_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, r#"{"limits": {"experiments": 2000, "counters": 5000}}"#).unwrap();
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

#[test]
fn an_exported_page_asks_for_the_key_and_reads_from_its_api() {
    let (serve, screen) = (server_with_experiments(), Screen::start());
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary("abtest"))
        .args(["dashboard", "--url", &serve.url, "--export"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let port = free_port();
    let mut host = Command::new(tool("python3"))
        .args(["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(matches!(host.try_wait(), Ok(None)), "the web server ended");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let reader = screen.read(&format!("http://127.0.0.1:{port}/"));
    reader.see_text("h1", "Enter the API key");
    reader.fill("#key", &serve.key);
    reader.click("#login button");
    reader.see_text("ol.rows h2", "button color");
    assert!(!reader.kept().contains(&serve.key));
    let allowed = [format!("{}/", serve.url), format!("http://127.0.0.1:{port}/")];
    for request in reader.requests() {
        let url = request["url"].as_str().unwrap();
        assert!(allowed.iter().any(|host| url.starts_with(host.as_str())), "{url}");
    }
    host.kill().unwrap();
    host.wait().unwrap();
}

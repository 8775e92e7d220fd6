//! `abtest serve` as an operator meets it.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use abtest_tests::binaries::{binary, tool};
use abtest_tests::serve::Serve;

#[test]
fn the_demo_shows_who_wins_goes_on_and_leaves_nothing_behind() {
    let mut serve = Serve::start(&["--demo"]);
    let verdict = |experiment: &str| {
        let path = format!("/experiments/{}", abtest_tests::serve::encode(experiment));
        let analysis = serve.get(&path.replace('+', "%20")).json()["analysis"].clone();
        let verdict = analysis["verdict"].clone();
        (verdict["outcome"].as_str().unwrap().to_owned(), verdict)
    };
    let (outcome, winner) = verdict("button color");
    assert_eq!(
        (&*outcome, &winner["goal"], &winner["variant"]),
        ("better", &"signup".into(), &"red".into()),
        "{winner}"
    );
    // Visitors send the same uuid with all events, so nothing looks like stuffed votes.
    let notes = serve.get("/experiments/button%20color").json()["analysis"]["notes"].to_string();
    assert!(!notes.contains("goals_have_other_units"), "{notes}");
    let (outcome, tie) = verdict("checkout layout");
    assert_eq!((&*outcome, &tie["goal"]), ("no_difference", &"order".into()), "{tie}");
    let (outcome, mismatch) = verdict("search box");
    assert_eq!(outcome, "unsound", "{mismatch}");
    let live = "price: monthly or yearly first?";
    let (outcome, running) = verdict(live);
    assert_eq!((&*outcome, &running["goal"]), ("keep_running", &"purchase".into()), "{running}");
    let trials =
        || serve.count(live, "participate", "monthly") + serve.count(live, "participate", "yearly");
    let (before, start) = (trials(), Instant::now());
    while trials() == before {
        assert!(start.elapsed() < Duration::from_secs(30), "the demo does not move");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(serve.terminate().success());
    // It played in a folder of its own, which is gone.
    let left: Vec<_> = std::fs::read_dir(serve.data().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != "state")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_key_is_kept_for_its_owner_and_given_by_environment_or_file() {
    let mut serve = Serve::embedded();
    let mode = serve.data().join("api-key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = serve.key.clone();
    serve.kill();
    serve.restart();
    assert_eq!(serve.key, key);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "the key from a file\n").unwrap();
    let serve = Serve::start(&["--api-key-file", file.to_str().unwrap()]);
    let answer = serve.request("GET", "/experiments", &[("x-api-key", "the key from a file")], &[]);
    assert_eq!(answer.status, 200);
}

#[test]
fn metrics_tell_what_happened() {
    let serve = Serve::embedded();
    assert_eq!(serve.track("<secret>", "v", "participate", "1"), 200);
    assert_eq!(serve.track("e", "", "participate", "1"), 400);
    assert_eq!(serve.request("GET", "/readyz", &[], &[]).status, 200);
    assert_eq!(serve.request("GET", "/metrics", &[], &[]).status, 401);
    let metrics = serve.get("/metrics").text;
    for line in [
        r#"abtest_events_total{outcome="accepted"} 1"#,
        r#"abtest_events_total{outcome="invalid"} 1"#,
        r#"abtest_requests_total{operation="track",status="200"} 1"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(!metrics.contains("secret"));
}

#[test]
fn the_description_is_openapi() {
    let serve = Serve::embedded();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, serve.request("GET", "/openapi.json", &[], &[]).text).unwrap();
    let output = Command::new(tool("openapi-spec-validator")).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_page_needs_the_link_once_or_the_key() {
    let serve = Serve::embedded();
    let same_origin = ("sec-fetch-site", "same-origin");
    assert_eq!(serve.request("GET", "/session", &[same_origin], &[]).status, 401);
    let page = serve.request("GET", "/", &[], &[]);
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(!page.text.contains(&serve.key));
    assert_eq!(serve.request("POST", "/session", &[], b"wrong").status, 401);
    let opened = serve.request("POST", "/session", &[], serve.key.as_bytes());
    assert_eq!(opened.status, 204);
    let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(opened.header("set-cookie").contains("HttpOnly; SameSite=Strict"));
    assert!(!cookie.contains(&serve.key));
    let with =
        |site| serve.request("GET", "/experiments", &[("cookie", &cookie), site], &[]).status;
    assert_eq!(with(same_origin), 200);
    assert_eq!(with(("sec-fetch-site", "cross-site")), 401);
}

#[test]
fn a_page_of_another_site_cannot_use_up_the_wrong_keys_of_its_reader() {
    let serve = Serve::start(&["--wrong-keys-per-minute", "3"]);
    // Programs on this machine have no rate, so the reader comes through a proxy.
    let reader = ("x-forwarded-for", "192.0.2.1");
    let evil = ("origin", "https://evil.example");
    for other_site in [("sec-fetch-site", "cross-site"), evil] {
        for _ in 0..5 {
            let refused = serve.request("POST", "/session", &[reader, other_site], b"wrong");
            assert_eq!(refused.status, 403);
        }
    }
    // A page of another site may use a key, but its wrong keys count apart.
    let guess = [reader, evil, ("x-api-key", "wrong")];
    let guesses: Vec<u16> =
        (0..5).map(|_| serve.request("GET", "/experiments", &guess, &[]).status).collect();
    assert_eq!(guesses, [401, 401, 401, 429, 429]);
    let right = [reader, ("x-api-key", &*serve.key)];
    assert_eq!(serve.request("GET", "/experiments", &right, &[]).status, 200);
    assert_eq!(serve.request("POST", "/session", &[reader], serve.key.as_bytes()).status, 204);
}

#[test]
fn behind_tls_the_page_has_its_public_address_and_its_cookie_is_secure() {
    let serve = Serve::start(&["--public-url", "https://abtest.example/"]);
    assert!(serve.page.starts_with("https://abtest.example/?token="), "{}", serve.page);
    let opened = serve.request("POST", "/session", &[], serve.key.as_bytes());
    assert!(opened.header("set-cookie").ends_with("; Secure"), "{}", opened.header("set-cookie"));
    let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    let delete = |origin: &str| {
        let headers = [("cookie", &*cookie), ("sec-fetch-site", "same-origin"), ("origin", origin)];
        serve.request("DELETE", "/experiments/unknown", &headers, &[]).status
    };
    assert_eq!(delete("https://evil.example"), 401);
    assert_eq!(delete("https://abtest.example"), 404);
    let page = [("cookie", &*cookie), ("sec-fetch-site", "same-origin")];
    let session = serve.request("GET", "/session", &page, &[]).json();
    assert_eq!(session["track"], "https://abtest.example/track");
    let closed = serve.request("DELETE", "/session", &page, &[]);
    assert_eq!(closed.status, 204);
    assert!(closed.header("set-cookie").contains("Max-Age=0; Secure"));
    assert_eq!(serve.request("GET", "/experiments", &page, &[]).status, 401);
}

#[test]
fn what_operators_read_is_compressed_and_what_visitors_send_is_not() {
    let serve = Serve::embedded();
    let gzip = [("accept-encoding", "gzip, br"), ("x-api-key", &*serve.key)];
    let head = |path: &str| serve.request("HEAD", path, &gzip, &[]);
    for path in ["/openapi.json", "/style.css"] {
        let answer = head(path);
        assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
        assert_eq!(answer.header("vary"), "accept-encoding", "{path}");
    }
    // A client that does not take it, and a small answer.
    assert_eq!(serve.get("/openapi.json").header("content-encoding"), "");
    assert_eq!(head("/experiments").header("content-encoding"), "");
    let event = "/track?experiment=e&variant=v&event=participate&uuid=1";
    let strange = [("accept-encoding", "identity;q=0, gzip")];
    let tracked = serve.request("GET", event, &strange, &[]);
    assert_eq!((tracked.status, tracked.header("content-encoding")), (200, ""));
}

#[test]
fn head_is_answered_like_get_and_records_nothing() {
    let serve = Serve::embedded();
    let head = |path: &str| serve.request("HEAD", path, &[], &[]);
    let event = "/track?experiment=e&variant=v&event=participate&uuid=1";
    assert_eq!(head(event).status, 200);
    assert_eq!(head("/track?experiment=e").status, 400);
    assert_eq!(serve.count("e", "participate", "v"), 0);
    assert_eq!(serve.request("GET", event, &[], &[]).status, 200);
    assert_eq!(serve.count("e", "participate", "v"), 1);
    for path in ["/", "/main.js", "/healthz", "/openapi.json"] {
        let answer = head(path);
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
    }
    let keyed = |path: &str| serve.request("HEAD", path, &[("x-api-key", &*serve.key)], &[]);
    for path in ["/experiments", "/experiments/e", "/metrics"] {
        assert_eq!((head(path).status, keyed(path).status), (401, 200), "{path}");
    }
    assert_eq!(head("/session").status, 401);
}

#[test]
fn extra_wiring_of_a_gimel_config_works_here_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let wiring = r#"{"redis": {"host": "unused", "port": 6379, "password": "..."}, "extra_wiring": [
        {"lambda": {"FunctionName": "gimel-track", "Handler": "gimel.track", "MemorySize": 128,
                    "Timeout": 3},
         "api_gateway": {"pathPart": "kcart", "method": {"httpMethod": "GET",
            "apiKeyRequired": false, "requestParameters": {}}}}]}"#;
    std::fs::write(&config, wiring).unwrap();
    let serve = Serve::start(&["--config", config.to_str().unwrap()]);
    let path = "/kcart?experiment=e&variant=v&event=participate&uuid=1";
    assert_eq!(serve.request("GET", path, &[], &[]).status, 200);
    assert_eq!(serve.count("e", "participate", "v"), 1);
    let posted = serve.request("POST", "/kcart", &[], b"[]");
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[test]
fn experiments_are_listed_and_deleted_from_the_command_line() {
    let serve = Serve::embedded();
    for experiment in ["kept", "<script>alert(1)</script>", "../../etc/passwd", "a\u{202e}b"] {
        assert_eq!(serve.track(experiment, "v", "participate", "1"), 200);
    }
    let abtest = |arguments: &[&str]| {
        let output = Command::new(binary("abtest"))
            .arg("experiments")
            .args(arguments)
            .args(["--url", &serve.url])
            .env("ABTEST_API_KEY", &serve.key)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, list) = abtest(&["list"]);
    assert_eq!(code, Some(0));
    assert!(list.contains("a\\u{202e}b") && list.contains("<script>"), "{list}");
    let (code, shown) = abtest(&["delete", "--match", "*<script*", "--match", "*../*"]);
    assert_eq!(code, Some(2));
    assert!(shown.contains("2 experiments") && shown.contains("--yes"), "{shown}");
    assert_eq!(serve.count("../../etc/passwd", "participate", "v"), 1);
    let (code, shown) = abtest(&["delete", "--match", "*<script*", "--match", "*../*", "--yes"]);
    assert_eq!((code, shown.lines().last()), (Some(0), Some("deleted 2")));
    let (_, json) = abtest(&["list", "--json"]);
    let names: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(names.as_array().unwrap().len(), 2);
    assert_eq!(abtest(&["delete", "kept", "--yes"]).0, Some(0));
    assert_eq!(abtest(&["delete", "kept", "--yes"]).0, Some(1));
}

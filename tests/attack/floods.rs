//! More than a server can take at once: sockets, bodies, requests and guesses.

use std::time::{Duration, Instant};

use abtest_tests::raw::Raw;
use abtest_tests::serve::{Answer, Serve, track_path};

/// How long a condition may take to become true.
const PATIENCE: Duration = Duration::from_secs(30);

fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < PATIENCE, "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_served(serve: &Serve) -> bool {
    let path = track_path("alephbet", "e", "v", "participate", "1");
    matches!(serve.try_request("GET", &path, &[], &[]), Ok(Answer { status: 200, .. }))
}

#[test]
fn idle_sockets_do_not_stop_the_service() {
    // The sockets of this side.
    rlimit::increase_nofile_limit(8_192).unwrap();
    let serve = Serve::start_with_files(1_024, &[]);
    for beginning in
        ["", "GET /track?expe", "POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"]
    {
        let mut sockets = Vec::new();
        for _ in 0..1_030 {
            let mut raw = Raw::connect(&serve.url).unwrap();
            raw.send(beginning.as_bytes());
            sockets.push(raw);
        }
        wait_for("served beside idle sockets", || is_served(&serve));
        assert!((0..20).all(|_| is_served(&serve)), "{beginning}");
    }
    let log = serve.log.lock().unwrap().clone();
    assert!(!log.contains("cannot accept"), "{log}");
}

#[test]
fn one_address_cannot_take_all_connections() {
    let serve = Serve::start(&["--trusted-proxies", "none", "--connections-per-address", "5"]);
    let request = b"POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{";
    let mut busy = Vec::new();
    for _ in 0..5 {
        let mut raw = Raw::connect(&serve.url).unwrap();
        raw.send(request);
        busy.push(raw);
    }
    // Those that wait for a body have a second before they make room.
    let mut refused = Vec::new();
    wait_for("the address is refused or has room again", || {
        let mut raw = Raw::connect(&serve.url).unwrap();
        raw.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        refused.push(raw.rest().status());
        refused.last() == Some(&200)
    });
    assert!(refused.iter().all(|status| [200, 503, 0].contains(status)), "{refused:?}");
}

#[test]
fn unfinished_bodies_stay_within_their_memory() {
    let serve = Serve::start(&["--body-memory-mib", "16"]);
    rlimit::increase_nofile_limit(8_192).unwrap();
    let before = peak_mib(&serve);
    let piece = vec![b' '; 1_000_000];
    let mut attackers = Vec::new();
    let mut attack = |count| {
        for _ in 0..count {
            let mut raw = Raw::connect(&serve.url).unwrap();
            raw.send(b"POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
            raw.send(&piece);
            attackers.push(raw);
        }
    };
    attack(500);
    assert!(is_served(&serve));
    let small = r#"{"experiment":"e","variant":"v","event":"participate","uuid":"2"}"#;
    assert_eq!(serve.call("POST", "/track", Some(small)).status, 200);
    let large = || serve.call("POST", "/track", Some(&" ".repeat(1_000_000)));
    wait_for("a large body is refused", || {
        let refused = large();
        assert!([400, 503].contains(&refused.status), "{}", refused.text);
        assert_eq!(refused.header("retry-after"), if refused.status == 503 { "1" } else { "" });
        // On a slow machine, the first attackers may have been cut off already.
        attack(10);
        refused.status == 503
    });
    // 16 MiB of bodies, and for each connection its buffers and the free first 16 KiB.
    let grown = peak_mib(&serve) - before;
    println!("500 unfinished bodies of 1 MB take {grown} MiB");
    assert!(grown < 16 + 500 / 8 + 40, "{grown} MiB");
    drop(attackers);
    wait_for("the memory is free again", || large().status == 400);
    let metrics = serve.get("/metrics").text;
    assert!(!metrics.contains(r#"abtest_refused_total{reason="body_memory"} 0"#), "{metrics}");
}

#[test]
fn clients_that_read_no_answer_take_little_memory() {
    let serve = Serve::embedded();
    assert!(is_served(&serve));
    let before = peak_mib(&serve);
    let requests = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500);
    let mut deaf = Vec::new();
    for _ in 0..50 {
        let mut raw = Raw::connect(&serve.url).unwrap();
        raw.send_some(requests.as_bytes());
        deaf.push(raw);
    }
    assert!((0..20).all(|_| is_served(&serve)));
    // The answers to all of them are more than a gigabyte.
    let grown = peak_mib(&serve) - before;
    assert!(grown < 60, "{grown} MiB");
}

/// The most memory that it had so far, in MiB.
fn peak_mib(serve: &Serve) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serve.process())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").trim().parse::<usize>().unwrap() / 1024
}

#[test]
fn an_address_that_asks_too_often_is_told_when_to_come_again() {
    let serve = Serve::start(&["--trusted-proxies", "none", "--requests-per-second", "1"]);
    let track = |uuid: usize| {
        let path = track_path("alephbet", "e", "v", "participate", &uuid.to_string());
        // Without a trusted proxy this header means nothing.
        let forged = [("x-forwarded-for", &*format!("192.0.2.{}", uuid % 250))];
        serve.request("GET", &path, &forged, &[])
    };
    let answers: Vec<Answer> = (0..200).map(track).collect();
    let counted = answers.iter().filter(|answer| answer.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(counted + refused.len(), 200);
    // Ten seconds' worth at once, and what was allowed meanwhile.
    assert!(counted >= 10 && refused.len() > 100, "{counted} counted");
    for answer in refused {
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    // With the key there is no such limit, and what was answered with 200 is stored.
    assert_eq!(serve.count("e", "participate", "v"), counted as u64);
    let metrics = serve.get("/metrics").text;
    let line = format!(r#"abtest_refused_total{{reason="requests_of_address"}} {}"#, 200 - counted);
    assert!(metrics.contains(&line), "{metrics}");
}

#[test]
fn a_large_batch_counts_as_many_requests() {
    let serve = Serve::start(&["--trusted-proxies", "none", "--requests-per-second", "2"]);
    let event = r#"{"experiment":"e","variant":"v","event":"participate","uuid":"1"}"#;
    let batch = format!("[{}]", vec![event; 500].join(","));
    let json = [("content-type", "application/json")];
    let post = || serve.request("POST", "/track", &json, batch.as_bytes()).status;
    assert_eq!((post(), post()), (200, 429));
}

#[test]
fn clients_behind_a_trusted_proxy_have_limits_of_their_own() {
    let serve = Serve::start(&["--requests-per-second", "1", "--wrong-keys-per-minute", "3"]);
    let track = |client: &str| {
        let path = track_path("alephbet", "e", "v", "participate", "1");
        serve.request("GET", &path, &[("x-forwarded-for", client)], &[]).status
    };
    // One request per second is allowed, so some of several are refused.
    let is_limited = |client: &str| (0..30).any(|_| track(client) == 429);
    assert!(is_limited("192.0.2.1"));
    assert_eq!(track("192.0.2.2"), 200);
    assert!(is_limited("192.0.2.1"));
    // All of an IPv6 network is one client, and the proxy itself has no limit.
    assert!(is_limited("2001:db8::1"));
    assert_eq!(track("2001:db8:0:1::1"), 200);
    assert!((0..3).any(|_| track("[2001:db8::2]:80") == 429));
    assert!((0..50).all(|_| is_served(&serve)));
}

#[test]
fn keys_cannot_be_guessed_in_a_row() {
    let serve = Serve::start(&["--wrong-keys-per-minute", "3"]);
    let with = |client: &str, key: &str| {
        let headers = [("x-forwarded-for", client), ("x-api-key", key)];
        serve.request("GET", "/experiments", &headers, &[])
    };
    let guesses: Vec<u16> =
        (0..6).map(|_| with("192.0.2.1", "a wrong key of 24 bytes").status).collect();
    assert_eq!(guesses, [401, 401, 401, 429, 429, 429]);
    let right = with("192.0.2.1", &serve.key);
    assert_eq!(right.status, 429, "a guess after the limit tells nothing");
    assert!((1..=60).contains(&right.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(with("192.0.2.2", &serve.key).status, 200);
    let forwarded = [("x-forwarded-for", "192.0.2.1")];
    let session = serve.request("POST", "/session", &forwarded, serve.key.as_bytes());
    assert_eq!(session.status, 429);
    let metrics = [("x-forwarded-for", "192.0.2.1"), ("x-api-key", &*serve.key)];
    assert_eq!(serve.request("GET", "/metrics", &metrics, &[]).status, 429);
    // Tracking needs no key, so a wrong one changes nothing there.
    let path = track_path("alephbet", "e", "v", "participate", "1");
    let headers = [("x-forwarded-for", "192.0.2.1"), ("x-api-key", "old key")];
    assert_eq!(serve.request("GET", &path, &headers, &[]).status, 200);
    // A request without a key is no guess.
    assert_eq!(with("192.0.2.3", "").status, 401);
}

#[test]
fn a_body_that_stalls_is_cut_off() {
    let serve = Serve::embedded();
    let mut raw = Raw::connect(&serve.url).unwrap();
    raw.send(b"POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{");
    let reply = raw.rest();
    assert_eq!(reply.status(), 408, "{}", reply.text);
    assert!(reply.text.contains("application/problem+json"), "{}", reply.text);
}

#[test]
fn slow_clients_do_not_delay_a_stop() {
    let mut serve = Serve::embedded();
    let mut sockets = Vec::new();
    for beginning in
        ["", "GET /track?expe", "POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"]
    {
        for _ in 0..5 {
            let mut raw = Raw::connect(&serve.url).unwrap();
            raw.send(beginning.as_bytes());
            sockets.push(raw);
        }
    }
    assert!(is_served(&serve));
    let start = Instant::now();
    assert!(serve.terminate().success());
    // The grace is 2 seconds. It used to be 10.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert!(!serve.log.lock().unwrap().contains("took too long"));
}

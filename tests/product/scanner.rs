//! A vulnerability scanner is a normal visitor of an open endpoint: 20,000 requests with
//! injection strings as names. The real experiments go on counting, the store stays within its
//! limits, an operator's new experiment still fits, and one command removes the rubbish.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use abtest_tests::binaries::binary;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{Serve, track_path};

const REQUESTS: u64 = 20_000;

const INJECTIONS: [&str; 16] = [
    "' OR '1'='1",
    "1; DROP TABLE users--",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "../../../../etc/passwd",
    "..%2f..%2fetc/passwd",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "$(sleep 5)",
    "`id`",
    "|| ping -c 1 127.0.0.1",
    "%0d%0aSet-Cookie: a=b",
    "\u{202e}txt.exe",
    "*:*:*",
    "counter_keys",
    "alephbet:experiments",
];

/// The n-th request: an injection, made different by a number, in one of the parameters.
fn attack(number: u64) -> String {
    let text = format!("{} {number}", INJECTIONS[number as usize % INJECTIONS.len()]);
    let value = |position: u64, usual: &'static str| {
        if number % 5 == position { text.clone() } else { usual.to_owned() }
    };
    track_path(
        &value(0, "alephbet"),
        &value(1, "real"),
        &value(2, "red"),
        &value(3, "participate"),
        &value(4, "scanner"),
    )
}

/// Returns the statuses that the scanner saw, and how often.
fn scan(serve: &Serve) -> [u64; 600] {
    let next = AtomicU64::new(0);
    let statuses = [const { AtomicU64::new(0) }; 600];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        break;
                    }
                    let status = serve.request("GET", &attack(number), &[], &[]).status;
                    statuses[usize::from(status)].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Real visitors all the while, one in each thousand requests.
        for visitor in 0..REQUESTS / 1_000 {
            while next.load(Ordering::Relaxed) < visitor * 1_000 {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(serve.track("real", "blue", "participate", &visitor.to_string()), 200);
            assert_eq!(serve.track("real", "blue", "signup", &visitor.to_string()), 200);
        }
    });
    statuses.map(AtomicU64::into_inner)
}

fn withstand(serve: &Serve) {
    // The real experiment was there first.
    assert_eq!(serve.track("real", "blue", "signup", "0"), 200);
    let statuses = scan(serve);
    assert_eq!(statuses[200] + statuses[429], REQUESTS);
    assert!(statuses[429] > 0);
    let visitors = REQUESTS / 1_000;
    assert_eq!(serve.count("real", "participate", "blue"), visitors);
    assert_eq!(serve.count("real", "signup", "blue"), visitors);

    let results = serve.get("/experiments").json();
    let listed = results.as_array().unwrap().len() - 1;
    // The scanner made new names up to the limit of an hour, and a few more while it ran.
    assert!((100..150).contains(&listed), "{listed}");
    let definition = r#"{"variants": [{"name": "a"}, {"name": "b"}], "status": "running"}"#;
    let headers = [("x-api-key", &*serve.key), ("content-type", "application/json")];
    for space in ["alephbet", "operators"] {
        let path = format!("/experiments/mine/definition?namespace={space}");
        let created = serve.request("PUT", &path, &headers, definition.as_bytes());
        assert_eq!(created.status, 201, "{}", created.text);
        let event = track_path(space, "mine", "a", "participate", "1");
        assert_eq!(serve.request("GET", &event, &[], &[]).status, 200);
    }

    let deletion = Command::new(binary("abtest"))
        .args(["experiments", "delete", "--match", "*[!e]", "--at-most", "1", "--yes"])
        .args(["--url", &serve.url])
        .env("ABTEST_API_KEY", &serve.key)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(deletion.status.success(), "{}", String::from_utf8_lossy(&deletion.stderr));
    let left = serve.get("/experiments").json();
    let left: Vec<&str> = left.as_array().unwrap()[1..]
        .iter()
        .map(|one| one["experiment"].as_str().unwrap())
        .collect();
    assert_eq!(left, ["mine", "real"]);
    assert_eq!(serve.count("real", "participate", "blue"), visitors);
    assert_eq!(serve.track("new", "v", "participate", "1"), 200);
}

#[test]
fn the_embedded_store_withstands_a_scanner() {
    withstand(&Serve::embedded());
}

#[test]
fn redis_withstands_a_scanner_within_its_limits() {
    let redis = Redis::start();
    withstand(&Serve::redis(&redis.url()));
    // 8 namespaces and the operator's, in the attacked one 1,000 counters of the real experiment.
    let memory = redis.command(&["INFO", "memory"]);
    let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let used: u64 = used.trim().parse().unwrap();
    assert!(used < 32 * 1024 * 1024, "Redis uses {used} bytes");
    assert_eq!(redis.command(&["SCARD", "abtest:namespaces"]), "9");
    assert_eq!(redis.command(&["SCARD", "alephbet:real:counter_keys"]), "1000");
}

//! Hostile HTTP: what a server reads in another way than the proxy in front of it lets one client
//! speak for another ("request smuggling").

use abtest_tests::raw::{Raw, Reply};
use abtest_tests::serve::Serve;

/// Sends bytes, then reads until the server closes.
fn exchange(serve: &Serve, bytes: &[u8]) -> Reply {
    let mut raw = Raw::connect(&serve.url).unwrap();
    raw.send(bytes);
    raw.end();
    raw.rest()
}

const EVENT: &str = r#"{"experiment":"e","variant":"v","event":"participate","uuid":"smuggled"}"#;

#[test]
fn a_request_whose_end_is_in_doubt_is_the_last_of_its_connection() {
    let serve = Serve::embedded();
    let smuggled = "GET /track?experiment=e&variant=v&event=participate&uuid=1 HTTP/1.1\r\n\
                    Host: a\r\n\r\n";
    let chunked = format!("{:x}\r\n{EVENT}\r\n0\r\n\r\n", EVENT.len());
    for (name, framing, body) in [
        ("length, then chunked", "Content-Length: 4\r\nTransfer-Encoding: chunked", &*chunked),
        ("chunked, then length", "Transfer-Encoding: chunked\r\nContent-Length: 4", &chunked),
        ("chunked alone", "Transfer-Encoding: chunked", &chunked),
        ("two lengths", "Content-Length: 4\r\nContent-Length: 5", "[]  "),
        ("a list of lengths", "Content-Length: 4, 5", "[]  "),
        ("a length with a sign", "Content-Length: +4", "[]  "),
        ("a negative length", "Content-Length: -4", "[]  "),
        ("a length with a letter", "Content-Length: 4a", "[]  "),
        ("an endless length", "Content-Length: 99999999999999999999", "[]  "),
        ("an unknown coding", "Transfer-Encoding: gzip", "[]  "),
        ("chunked inside", "Transfer-Encoding: chunked, gzip", &chunked),
        ("a coding that looks like chunked", "Transfer-Encoding: xchunked", &chunked),
        ("a size that is no number", "Transfer-Encoding: chunked", "zz\r\n[]\r\n0\r\n\r\n"),
        ("a negative size", "Transfer-Encoding: chunked", "-2\r\n[]\r\n0\r\n\r\n"),
        ("a size past all memory", "Transfer-Encoding: chunked", "fffffffffffffffff\r\n[]\r\n"),
        ("a size with a prefix", "Transfer-Encoding: chunked", "0x2\r\n[]\r\n0\r\n\r\n"),
        ("a chunk longer than its size", "Transfer-Encoding: chunked", "1\r\n[]\r\n0\r\n\r\n"),
        ("a space before the colon", "Content-Length : 4", "[]  "),
        ("a folded header", "X: a\r\n Content-Length: 4", "[]  "),
        ("a bare CR in a header", "X: a\rContent-Length: 4", "[]  "),
        ("a zero byte in a header", "X: a\0b\r\nContent-Length: 4", "[]  "),
    ] {
        let request =
            format!("POST /track HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}{smuggled}");
        let reply = exchange(&serve, request.as_bytes());
        let statuses = reply.statuses();
        // The valid ones are answered, the others refused; nothing after them is read as a request.
        let is_valid = name.contains("chunked")
            && body == chunked
            && !name.contains("inside")
            && !name.contains("looks like");
        let expected = if is_valid { 200 } else { 400 };
        assert_eq!(statuses, [expected], "{name}: {}", reply.text);
    }
    assert_eq!(serve.count("e", "participate", "v"), 1, "a smuggled request was counted");
}

#[test]
fn a_request_names_its_host_once() {
    let serve = Serve::embedded();
    for (name, head, status) in [
        ("one host", "GET /healthz HTTP/1.1\r\nHost: a", 200),
        ("no host", "GET /healthz HTTP/1.1\r\nX: y", 400),
        ("two hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b", 400),
        ("the same host twice", "GET /healthz HTTP/1.1\r\nHost: a\r\nhost: a", 400),
        ("a list of hosts", "GET /healthz HTTP/1.1\r\nHost: a, b", 400),
        ("a path as host", "GET /healthz HTTP/1.1\r\nHost: a/b", 400),
        ("a user in the host", "GET /healthz HTTP/1.1\r\nHost: u@a", 400),
        ("an old client", "GET /healthz HTTP/1.0\r\nX: y", 200),
        ("an absolute address", "GET http://b.example/healthz HTTP/1.1\r\nHost: a", 200),
        ("another server's address", "GET https://b.example/x HTTP/1.1\r\nHost: a", 404),
        ("two slashes", "GET //b.example/healthz HTTP/1.1\r\nHost: a", 404),
        ("a tunnel", "CONNECT b.example:80 HTTP/1.1\r\nHost: a", 404),
        ("the whole server", "OPTIONS * HTTP/1.1\r\nHost: a", 404),
        ("an unknown method", "BREW /track HTTP/1.1\r\nHost: a", 405),
        ("an unknown version", "GET /healthz HTTP/3.0\r\nHost: a", 400),
        ("no version", "GET /healthz", 400),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0", 400),
    ] {
        let reply = exchange(&serve, format!("{head}\r\nConnection: close\r\n\r\n").as_bytes());
        assert_eq!(reply.statuses(), [status], "{name}: {}", reply.text);
    }
    // HTTP/2 is not spoken, and its client sees that.
    let preface = exchange(&serve, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(preface.text, "");
}

#[test]
fn a_head_has_a_limit() {
    let serve = Serve::embedded();
    let long = "x".repeat(100_000);
    let many: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    for (name, request, statuses) in [
        ("a long header", format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), [431]),
        ("many headers", format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), [431]),
        ("a long address", format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), [431]),
    ] {
        let mut raw = Raw::connect(&serve.url).unwrap();
        raw.send(request.as_bytes());
        let found = raw.answer().statuses();
        assert_eq!(found, statuses, "{name}");
    }
}

#[test]
fn requests_in_one_piece_are_answered_in_their_order() {
    let serve = Serve::embedded();
    let requests: String = (0..50)
        .map(|number| {
            let (path, close) = if number % 2 == 0 { ("/healthz", "") } else { ("/nothing", "") };
            format!("GET {path} HTTP/1.1\r\nHost: a\r\n{close}\r\n")
        })
        .collect();
    let expected: Vec<u16> =
        (0..50).map(|number| if number % 2 == 0 { 200 } else { 404 }).collect();
    assert_eq!(exchange(&serve, requests.as_bytes()).statuses(), expected);
}

#[test]
fn a_client_that_has_sent_all_it_will_send_gets_its_answer() {
    let serve = Serve::embedded();
    let length = EVENT.len();
    let request =
        format!("POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{EVENT}");
    assert_eq!(exchange(&serve, request.as_bytes()).status(), 200);
    // One that breaks off in the middle of a body has sent nothing.
    let cut = request.len() - 5;
    assert_eq!(exchange(&serve, &request.as_bytes()[..cut]).status(), 400);
    assert_eq!(serve.count("e", "participate", "v"), 1);
}

#[test]
fn random_requests_break_nothing() {
    let serve = Serve::embedded();
    let seeds = [
        format!(
            "POST /track HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{EVENT}",
            EVENT.len()
        ),
        "GET /track?experiment=e&variant=v&event=g&uuid=1 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        format!(
            "PUT /experiments/e/control?control=v HTTP/1.1\r\nHost: a\r\nx-api-key: {}\r\n\r\n",
            serve.key
        ),
        "POST /track HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
            .to_owned(),
    ];
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..2_000 {
        let mut bytes = seeds[round % seeds.len()].clone().into_bytes();
        for _ in 0..random.usize(1..6) {
            let position = random.usize(0..bytes.len());
            match random.u8(0..4) {
                0 => bytes[position] = random.u8(..),
                1 => bytes.truncate(position.max(1)),
                2 => bytes.insert(position, random.u8(..)),
                _ => {
                    let copy = bytes[position..].to_vec();
                    bytes.extend(copy);
                }
            }
        }
        let reply = exchange(&serve, &bytes);
        let broken = reply.statuses().into_iter().find(|status| *status >= 500);
        assert_eq!(broken, None, "{}: {}", String::from_utf8_lossy(&bytes), reply.text);
    }
    assert_eq!(serve.request("GET", "/healthz", &[], &[]).status, 200);
    let log = serve.log.lock().unwrap().clone();
    assert!(!log.contains("panicked"), "{log}");
}

//! Assignment by `serve`: several processes, streams, compression.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use abtest_tests::redis::Redis;
use abtest_tests::serve::Serve;
use serde_json::{Value, json};

/// Creates or replaces a definition.
fn define(serve: &Serve, name: &str, definition: &Value) {
    let path = format!("/experiments/{name}/definition");
    let answer = serve.call("PUT", &path, Some(&definition.to_string()));
    assert_eq!(answer.status, 201, "{}", answer.text);
}

fn running() -> Value {
    json!({"status": "running", "variants": [{"name": "control"}, {"name": "green"}]})
}

/// A stream of server-sent events.
struct EventStream(BufReader<TcpStream>);

impl EventStream {
    fn open(serve: &Serve, path: &str) -> Self {
        let address = serve.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        let mut stream = Self(BufReader::new(stream));
        let status = stream.line().unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        assert!(stream.until("content-type:").contains("text/event-stream"));
        stream
    }

    /// The next line; `None` at the end of the connection.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    /// The next line that begins so.
    fn until(&mut self, start: &str) -> String {
        loop {
            let line = self.line().unwrap();
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// The version of the next event.
    fn version(&mut self) -> u64 {
        self.until("event: config");
        let data = self.until("data: ");
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        data["version"].as_u64().unwrap()
    }
}

fn version(serve: &Serve) -> u64 {
    serve.get("/config").json()["version"].as_u64().unwrap()
}

#[test]
fn a_change_reaches_the_streams_of_every_process_on_one_redis() {
    let redis = Redis::start();
    let [one, other] = [Serve::redis(&redis.url()), Serve::redis(&redis.url())];
    define(&one, "button", &running());
    let mut streams =
        [EventStream::open(&one, "/config/stream"), EventStream::open(&other, "/config/stream")];
    let first = version(&one);
    assert_eq!(streams.each_mut().map(EventStream::version), [first, first]);
    let pause = json!({"status": "paused"}).to_string();
    let path = "/experiments/button/definition";
    assert_eq!(one.call("PATCH", path, Some(&pause)).status, 200);
    let second = version(&one);
    assert!(second > first);
    assert_eq!(streams.each_mut().map(EventStream::version), [second, second]);
    // The process that heard of the change answers with it.
    assert_eq!(version(&other), second);
}

#[test]
fn a_process_that_stops_ends_its_streams() {
    let mut serve = Serve::embedded();
    let mut streams: Vec<EventStream> =
        (0..3).map(|_| EventStream::open(&serve, "/config/stream")).collect();
    for stream in &mut streams {
        stream.version();
    }
    assert!(serve.terminate().success());
    for stream in &mut streams {
        while stream.line().is_some() {}
    }
}

#[test]
fn streams_leave_connections_for_other_requests() {
    let serve = Serve::start(&["--connections", "4"]);
    let _streams = [(); 2].map(|()| {
        let mut stream = EventStream::open(&serve, "/config/stream");
        stream.version();
        stream
    });
    let refused = serve.get("/ofrep/v1/stream");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.text);
    assert_eq!(serve.get("/config").status, 200);
}

#[test]
fn the_published_document_is_compressed() {
    let serve = Serve::embedded();
    for number in 0..10 {
        define(&serve, &format!("button-{number}"), &running());
    }
    let plain = serve.request("GET", "/config", &[], &[]);
    assert_eq!(plain.header("content-encoding"), "");
    let address = serve.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "GET /config HTTP/1.1\r\naccept-encoding: gzip\r\nconnection: close";
    write!(stream, "{head}\r\nhost: {address}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut answer).unwrap();
    assert!(answer.len() < plain.text.len() / 2, "{} of {}", answer.len(), plain.text.len());
    let head = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(head.contains("content-encoding: gzip") && head.contains("vary: accept-encoding"));
}

//! Between abtest and the mock: counts calls, fails the calls that a test chooses, and corrects one
//! answer in which the mock differs from AWS. One request per connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// AWS is busy; nothing was done.
    Throttled,
    /// A server's error; nothing was done.
    ServerError,
    /// Not allowed; nothing was done.
    Denied,
    /// The connection is gone before the call arrived.
    DroppedBefore,
    /// The call was carried out, and the connection is gone before its answer.
    DroppedAfter,
}

type Faults = Box<dyn Fn(usize) -> Option<Fault> + Send + Sync>;

pub(super) struct Proxy {
    port: u16,
    state: Arc<State>,
}

struct State {
    target: u16,
    calls: AtomicUsize,
    /// What each call asked for since the faults were last set.
    kinds: Mutex<Vec<String>>,
    faults: Mutex<Faults>,
}

impl Proxy {
    pub(super) fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let faults: Faults = Box::new(|_| None);
        let state = Arc::new(State {
            target,
            calls: AtomicUsize::new(0),
            kinds: Mutex::default(),
            faults: Mutex::new(faults),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // The client may have gone away; ignore the error.
                    let _ = state.pass(client);
                });
            }
        });
        Self { port, state }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn calls(&self) -> usize {
        self.state.calls.load(Ordering::SeqCst)
    }

    pub(super) fn kinds(&self) -> Vec<String> {
        self.state.kinds.lock().unwrap().clone()
    }

    /// Sets the faults, and counts from 1 again.
    pub(super) fn fail(&self, faults: impl Fn(usize) -> Option<Fault> + Send + Sync + 'static) {
        *self.state.faults.lock().unwrap() = Box::new(faults);
        self.state.calls.store(0, Ordering::SeqCst);
        self.state.kinds.lock().unwrap().clear();
    }
}

impl State {
    fn pass(&self, mut client: TcpStream) -> std::io::Result<()> {
        let Some(request) = read_request(&mut client)? else { return Ok(()) };
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.kinds.lock().unwrap().push(kind(&request));
        let fault = self.faults.lock().unwrap()(call);
        let answer = match fault {
            Some(Fault::DroppedBefore) => return Ok(()),
            Some(Fault::DroppedAfter) => {
                self.forward(&request)?;
                return Ok(());
            }
            Some(Fault::Throttled) => refusal(&request, 429, "ThrottlingException"),
            Some(Fault::ServerError) => refusal(&request, 500, "InternalFailure"),
            Some(Fault::Denied) => refusal(&request, 403, "AccessDeniedException"),
            None => as_aws(self.forward(&request)?),
        };
        client.write_all(&answer)
    }

    fn forward(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(("127.0.0.1", self.target))?;
        let line = request.windows(2).position(|end| end == b"\r\n").unwrap() + 2;
        server.write_all(&request[..line])?;
        server.write_all(b"connection: close\r\n")?;
        server.write_all(&request[line..])?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

fn read_request(client: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut request = Vec::new();
    let mut buffer = [0; 65_536];
    loop {
        let end = request.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if request.len() >= end + 4 + length {
                return Ok(Some(request));
            }
        }
        match client.read(&mut buffer)? {
            0 => return Ok(None),
            read => request.extend_from_slice(&buffer[..read]),
        }
    }
}

/// What a request asks for: its method and the words of its path, or the action in its body.
fn kind(request: &[u8]) -> String {
    const WORDS: [&str; 19] = [
        "account",
        "aliases",
        "apikeys",
        "code",
        "configuration",
        "deployments",
        "functions",
        "integration",
        "keys",
        "methods",
        "policy",
        "resources",
        "responses",
        "restapis",
        "stages",
        "tags",
        "usageplans",
        "usage",
        "versions",
    ];
    let text = String::from_utf8_lossy(request);
    if let Some((_, action)) = text.split_once("Action=") {
        return action.split('&').next().unwrap_or_default().to_owned();
    }
    let line = text.lines().next().unwrap_or_default();
    let mut parts = line.split([' ', '?']);
    let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let word = |part: &str| if WORDS.contains(&part) { part.to_owned() } else { "*".to_owned() };
    let words: Vec<String> = path.split('/').skip(1).map(word).collect();
    format!("{method} {}", words.join("/"))
}

/// A refusal in the words of the service that was called.
fn refusal(request: &[u8], status: u16, code: &str) -> Vec<u8> {
    let head = String::from_utf8_lossy(request);
    let speaks_xml = head.contains("/iam/aws4_request") || head.contains("/sts/aws4_request");
    let (kind, body) = if speaks_xml {
        let error = format!("<Code>{code}</Code><Message>as the test wants it</Message>");
        let body =
            format!("<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>");
        ("text/xml", body)
    } else {
        let body = format!(r#"{{"__type": "{code}", "message": "as the test wants it"}}"#);
        ("application/json", body)
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Refused\r\ncontent-type: {kind}\r\nx-amzn-errortype: {code}\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The mock gives a key's stages back as it was given them; AWS gives texts, `API/STAGE`.
fn as_aws(answer: Vec<u8>) -> Vec<u8> {
    const MEMBER: &[u8] = b"\"stageKeys\": [{";
    if !answer.windows(MEMBER.len()).any(|part| part == MEMBER) {
        return answer;
    }
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut body: serde_json::Value = serde_json::from_str(body).unwrap();
    for key in body["item"].as_array_mut().unwrap() {
        for stage in key["stageKeys"].as_array_mut().unwrap() {
            let words = ["restApiId", "stageName"].map(|name| stage[name].as_str().unwrap());
            *stage = words.join("/").into();
        }
    }
    let body = body.to_string();
    let head: Vec<&str> =
        head.lines().filter(|line| !line.to_lowercase().starts_with("content-length")).collect();
    format!("{}\r\ncontent-length: {}\r\n\r\n{body}", head.join("\r\n"), body.len()).into_bytes()
}

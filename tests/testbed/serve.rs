//! `abtest serve`, and requests to it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::binary;
use crate::redis::signal;

/// A running `abtest serve`.
pub struct Serve {
    child: Child,
    arguments: Vec<String>,
    folder: Arc<TempDir>,
    /// Its address, such as `http://127.0.0.1:4567`.
    pub url: String,
    /// The link to its page, which works once.
    pub page: String,
    /// Its API key.
    pub key: String,
    /// What it logged.
    pub log: Arc<Mutex<String>>,
    agent: ureq::Agent,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: ureq::http::HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Serve {
    /// Starts it on the embedded store.
    pub fn embedded() -> Self {
        Self::start(&[])
    }

    /// Starts it on a Redis.
    pub fn redis(url: &str) -> Self {
        Self::start(&["--redis", url])
    }

    /// Starts it with arguments, on a free port and with a data folder of its own.
    pub fn start(arguments: &[&str]) -> Self {
        Self::spawn(new_folder(), texts(arguments), "127.0.0.1:0", Command::new(binary("abtest")))
    }

    /// Starts it as a process that may open so many files and sockets.
    pub fn start_with_files(files: usize, arguments: &[&str]) -> Self {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={files}:{files}")).arg(binary("abtest"));
        Self::spawn(new_folder(), texts(arguments), "127.0.0.1:0", command)
    }

    /// Starts it on the embedded store, on a disk of a few megabytes that only this server sees.
    pub fn on_small_disk() -> Self {
        let folder = new_folder();
        let command = small_disk(&folder);
        Self::spawn(folder, Vec::new(), "127.0.0.1:0", command)
    }

    fn spawn(folder: Arc<TempDir>, arguments: Vec<String>, listen: &str, command: Command) -> Self {
        Self::try_spawn(folder, arguments, listen, command)
            .unwrap_or_else(|log| panic!("serve ended: {log}"))
    }

    /// What it logged, if it ends instead of starting.
    fn try_spawn(
        folder: Arc<TempDir>,
        arguments: Vec<String>,
        listen: &str,
        mut command: Command,
    ) -> Result<Self, String> {
        command.args(["serve", "--listen", listen]).args(&arguments);
        if !arguments.iter().any(|argument| argument == "--demo") {
            command.arg("--data").arg(folder.path().join("data"));
        }
        let mut child = command
            .env_remove("ABTEST_API_KEY")
            .env("XDG_STATE_HOME", state(&folder))
            .env("TMPDIR", folder.path())
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let followed = follow(child.stderr.take().unwrap(), Arc::clone(&log));
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut find = |start: &str| loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(rest) = line.strip_prefix(start) {
                return Some(rest.split_whitespace().next().unwrap().to_owned());
            }
        };
        let found = (|| Some((find("listening on ")?, find("page ")?, find("api key ")?)))();
        let Some((url, page, key)) = found else {
            child.wait().unwrap();
            followed.join().unwrap();
            let text = log.lock().unwrap().clone();
            return Err(text);
        };
        // A new key is printed; an old one is in its file.
        let key = match key {
            word if word == "in" => {
                let given = arguments.iter().skip_while(|argument| *argument != "--api-key-file");
                let kept = folder.path().join("data/api-key");
                let file = given.skip(1).map(std::path::PathBuf::from).next().unwrap_or(kept);
                std::fs::read_to_string(file).unwrap().trim().to_owned()
            }
            key => key,
        };
        // The rest is read, too, or the pipe would fill.
        follow(output, Arc::default());
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(30)))
            .build();
        Ok(Self { child, arguments, folder, url, page, key, log, agent: config.into() })
    }

    /// Stops it as an operator does.
    pub fn terminate(&mut self) -> ExitStatus {
        signal(&self.child, "TERM");
        self.child.wait().unwrap()
    }

    /// Stops it as a power cut does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, after it was stopped, at the same address with the same data.
    pub fn restart(&mut self) {
        let address = self.url.strip_prefix("http://").unwrap().to_owned();
        let command = Command::new(binary("abtest"));
        *self = Self::spawn(Arc::clone(&self.folder), self.arguments.clone(), &address, command);
    }

    /// Starts it again at another address. If it refuses to start, this is what it logged.
    pub fn try_restart(&mut self) -> Result<(), String> {
        let command = Command::new(binary("abtest"));
        let (folder, arguments) = (Arc::clone(&self.folder), self.arguments.clone());
        *self = Self::try_spawn(folder, arguments, "127.0.0.1:0", command)?;
        Ok(())
    }

    /// Starts it again with other arguments.
    pub fn restart_with(&mut self, arguments: &[&str]) {
        self.arguments = texts(arguments);
        self.restart();
    }

    /// The number of its process.
    pub fn process(&self) -> String {
        self.child.id().to_string()
    }

    /// The state folder where it tells other commands its address.
    pub fn state(&self) -> std::path::PathBuf {
        state(&self.folder)
    }

    /// Its data folder.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Sends a request with the API key.
    pub fn call(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let headers = [("x-api-key", &*self.key), ("content-type", "application/json")];
        let headers = if body.is_some() { &headers[..] } else { &headers[..1] };
        self.request(method, path, headers, body.unwrap_or_default().as_bytes())
    }

    /// GET with the API key.
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    /// Sends any request.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.try_request(method, path, headers, body).unwrap()
    }

    /// Sends any request to a server that may be gone.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = self.agent.run(request.body(body.to_vec()).unwrap())?;
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string()?;
        Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), text })
    }

    /// Tracks an event of the default namespace by GET, and tells the status.
    pub fn track(&self, experiment: &str, variant: &str, event: &str, uuid: &str) -> u16 {
        self.request("GET", &track_path("alephbet", experiment, variant, event, uuid), &[], &[])
            .status
    }

    /// A variant's trials, or a goal's successes; 0 where there is none.
    pub fn count(&self, experiment: &str, goal: &str, variant: &str) -> u64 {
        let results = self.get("/experiments").json();
        count(&results, experiment, goal, variant)
    }
}

fn new_folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

fn texts(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(ToString::to_string).collect()
}

/// abtest with a small disk in memory as its data folder, as the root of its own user namespace.
fn small_disk(folder: &TempDir) -> Command {
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mount = r#"mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]);
    command.arg(data).arg(binary("abtest"));
    command
}

fn state(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("state")
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path that tracks an event as AlephBet encodes it.
pub fn track_path(
    namespace: &str,
    experiment: &str,
    variant: &str,
    event: &str,
    uuid: &str,
) -> String {
    let parameters = [
        ("experiment", experiment),
        ("uuid", uuid),
        ("variant", variant),
        ("event", event),
        ("namespace", namespace),
    ];
    let query: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("/track?{}", query.join("&"))
}

/// Percent-encodes every byte that is not a letter or digit.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// A count in the results of `GET /experiments`.
pub fn count(results: &Value, experiment: &str, goal: &str, variant: &str) -> u64 {
    let named = |value: &&Value, member: &str, name: &str| value[member] == name;
    let find = |list: &Value, member: &str, name: &str| -> Value {
        let found = list.as_array().and_then(|list| list.iter().find(|v| named(v, member, name)));
        found.cloned().unwrap_or_default()
    };
    let experiment = find(results, "experiment", experiment);
    let count = if goal == "participate" {
        find(&experiment["variants"], "label", variant)["trials"].clone()
    } else {
        let goal = find(&experiment["goals"], "goal", goal);
        find(&goal["results"], "label", variant)["successes"].clone()
    };
    count.as_u64().unwrap_or(0)
}

/// Reads a child's output to its end, into a text, in a thread of its own.
pub fn follow(
    mut output: impl Read + Send + 'static,
    text: Arc<Mutex<String>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut piece) {
            text.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    })
}

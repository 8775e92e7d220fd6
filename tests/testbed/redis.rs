//! A Redis server of a test's own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running Redis server, empty at first.
pub struct Redis {
    folder: TempDir,
    port: u16,
    options: Vec<String>,
    child: Child,
}

impl Redis {
    /// Starts a server on a free port.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with options, such as `--requirepass`, `secret`.
    pub fn start_with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        let port = free_port();
        let child = spawn(&folder, port, &options);
        let mut redis = Self { folder, port, options, child };
        redis.wait();
        redis
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address as a URL, without a password.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Runs a command through redis-cli and returns what it prints.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port.to_string(), "--raw"]);
        if let Some(position) = self.options.iter().position(|option| option == "--requirepass") {
            cli.args(["--no-auth-warning", "-a", &self.options[position + 1]]);
        }
        let output = cli.args(arguments).output().expect("redis-cli: run tests/install");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// How many reads [`reads`](Self::reads) itself adds to the next answer: its question, and the end
    /// of its connection.
    pub const ASKING: u64 = 2;

    /// How many times the server has read from a connection so far. A pipeline of a few kilobytes is
    /// one read, so the reads of one client count its round trips.
    pub fn reads(&self) -> u64 {
        let statistics = self.command(&["INFO", "stats"]);
        let reads = statistics.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
        reads.unwrap().trim().parse().unwrap()
    }

    /// Every key.
    pub fn keys(&self) -> Vec<String> {
        self.command(&["KEYS", "*"]).lines().map(str::to_owned).collect()
    }

    /// Stops the server, saving its data.
    pub fn stop(&mut self) {
        self.command(&["SHUTDOWN", "SAVE"]);
        let _ = self.child.wait();
    }

    /// Kills the server without saving.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port with the data that it saved.
    pub fn restart(&mut self) {
        self.child = spawn(&self.folder, self.port, &self.options);
        self.wait();
    }

    /// Lets it hang: connections stay, answers don't come.
    pub fn pause(&self) {
        signal(&self.child, "STOP");
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        signal(&self.child, "CONT");
    }

    fn wait(&mut self) {
        let start = Instant::now();
        while self.command(&["PING"]) != "PONG" {
            assert!(matches!(self.child.try_wait(), Ok(None)), "redis-server ended; port in use?");
            assert!(start.elapsed() < Duration::from_secs(20), "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(folder: &TempDir, port: u16, options: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(folder.path())
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server: run tests/install")
}

/// Sends a signal by its name.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

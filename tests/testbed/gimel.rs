//! The real gimel package (PyPI) as an oracle, on a Redis of the test's.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::{tests, tool};
use crate::redis::Redis;

/// A Python process with Gimel's handlers.
pub struct Gimel {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Gimel {
    /// Starts it on a Redis.
    pub fn start(redis: &Redis) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({"redis": {"host": "127.0.0.1", "port": redis.port()}});
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let mut child = Command::new(tool("python"))
            .args(["-W", "ignore"])
            .arg(tests().join("gimel/oracle.py"))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output, _folder: folder }
    }

    /// Calls a handler (`track`, `all`, `experiment`, `delete`) with each of the arguments.
    pub fn call(&mut self, handler: &str, arguments: &[Value]) -> Vec<Value> {
        writeln!(self.input, "{}", json!({"call": handler, "events": arguments})).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("gimel.{handler} failed: {line}"))
    }
}

impl Drop for Gimel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Chromium with the real AlephBet, controlled through playwright (`tests/browser`).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binaries::tests;

/// A running browser.
pub struct Browser {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Browser {
    /// Starts a browser.
    pub fn start() -> Self {
        let folder = tests().join("browser");
        assert!(folder.join("node_modules").exists(), "node_modules is missing: run tests/install");
        let mut child = Command::new("node")
            .arg("drive.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node: run tests/install");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    /// Runs a command of `drive.mjs` and returns its result.
    pub fn run(&mut self, command: &Value) -> Value {
        writeln!(self.input.as_ref().unwrap(), "{command}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{command}: {line}"));
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer["ok"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes Chromium when its input ends. Kill a driver that hangs.
        self.input = None;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) && matches!(self.child.try_wait(), Ok(None))
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

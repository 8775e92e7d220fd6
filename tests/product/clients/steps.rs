//! A script that does one step for each line of standard input, and answers each with a line of JSON.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A running script. It is killed when it is dropped.
pub(super) struct Steps {
    process: Child,
    steps: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Steps {
    /// Starts a script.
    pub(super) fn start(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let steps = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, steps, answers }
    }

    /// Does a step, and returns the answer.
    pub(super) fn step(&mut self, step: &str) -> Value {
        writeln!(self.steps, "{step}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{step}: {error}: {line}"))
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

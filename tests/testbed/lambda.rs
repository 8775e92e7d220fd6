//! A Lambda runtime API (cargo-lambda's, which AWS's tools for Rust use) with our functions
//! in it.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::{binary, tool};
use crate::redis::free_port;
use crate::serve::follow;

/// The runtime API, and the functions that were started in it.
pub struct Lambda {
    runtime: Child,
    port: u16,
    functions: HashMap<String, Child>,
    /// What the functions logged.
    pub log: Arc<Mutex<String>>,
    agent: ureq::Agent,
    _folder: TempDir,
}

impl Lambda {
    /// Starts the runtime API for functions of these names.
    pub fn start(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It only serves functions that a project names as its binaries, though it builds none.
        let mut manifest = "[package]\nname = \"none\"\nversion = \"0.0.0\"\n".to_owned();
        for name in names {
            manifest += &format!("[[bin]]\nname = \"{name}\"\npath = \"main.rs\"\n");
        }
        std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        std::fs::write(folder.path().join("main.rs"), "fn main() {}\n").unwrap();
        let port = free_port();
        let runtime = Command::new(tool("cargo-lambda"))
            .args(["lambda", "watch", "--only-lambda-apis", "-A", "127.0.0.1", "--disable-cors"])
            .args(["-P", &port.to_string()])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "cargo-lambda does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        Self {
            runtime,
            port,
            functions: HashMap::new(),
            log: Arc::default(),
            agent: config.into(),
            _folder: folder,
        }
    }

    /// Starts one of our programs under a function's name, with an environment.
    pub fn deploy(&mut self, name: &str, program: &str, environment: &[(&str, &str)]) {
        self.deploy_program(name, &binary(program), environment);
    }

    /// Starts a program under a function's name, with an environment.
    pub fn deploy_program(&mut self, name: &str, program: &Path, environment: &[(&str, &str)]) {
        let mut child = Command::new(program)
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{}/.rt/{name}", self.port))
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env_remove("ABTEST_API_KEY")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        follow(child.stdout.take().unwrap(), Arc::clone(&self.log));
        follow(child.stderr.take().unwrap(), Arc::clone(&self.log));
        self.functions.insert(name.to_owned(), child);
    }

    /// The function URL of a function.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/lambda-url/{name}", self.port)
    }

    /// Invokes a function with an event, and returns what it answers.
    pub fn invoke(&self, name: &str, event: &Value) -> Value {
        let url = format!("http://127.0.0.1:{}/2015-03-31/functions/{name}/invocations", self.port);
        let mut answer = self.agent.post(&url).send(event.to_string()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{name} answered {text}"))
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        for child in self.functions.values_mut().chain([&mut self.runtime]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

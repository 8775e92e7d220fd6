//! A mock of AWS (moto, as a server of its own), with a proxy in front that can fail single calls.

mod proxy;

pub use proxy::Fault;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binaries::{binary, tests, tool};
use crate::redis::free_port;
use proxy::Proxy;

/// The region that everything happens in.
pub const REGION: &str = "eu-west-1";

/// A mock account.
pub struct Aws {
    moto: Child,
    port: u16,
    proxy: Proxy,
}

impl Aws {
    /// Starts an empty account.
    pub fn start() -> Self {
        let port = free_port();
        let moto = Command::new(tool("python3"))
            .arg(tests().join("aws/mock.py"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "moto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        let aws = Self { moto, port, proxy: Proxy::start(port) };
        aws.reset();
        aws
    }

    /// Empties the account.
    pub fn reset(&self) {
        let post = |path: &str, body: &str| {
            let url = format!("http://127.0.0.1:{}/moto-api/{path}", self.port);
            ureq::post(&url).header("content-type", "application/json").send(body).unwrap();
        };
        post("reset", "");
        // No Docker: functions are kept, not run.
        post("config", r#"{"lambda": {"use_docker": false}}"#);
    }

    /// Fails one call from now on: the `number`th, counted from 1.
    pub fn fail(&self, number: usize, fault: Fault) {
        self.proxy.fail(move |call| (call == number).then_some(fault));
    }

    /// Fails each call that `faults` gives a fault, by its number.
    pub fn fail_each(&self, faults: impl Fn(usize) -> Option<Fault> + Send + Sync + 'static) {
        self.proxy.fail(faults);
    }

    /// Stops failing calls.
    pub fn heal(&self) {
        self.proxy.fail(|_| None);
    }

    /// How many calls there were since the faults were last set.
    pub fn calls(&self) -> usize {
        self.proxy.calls()
    }

    /// What each of these calls asked for: calls of one kind differ in names only.
    pub fn kinds_of_calls(&self) -> Vec<String> {
        self.proxy.kinds()
    }

    /// The variables that lead AWS's own libraries here.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.proxy.port())),
            ("AWS_REGION", REGION.into()),
            ("AWS_DEFAULT_REGION", REGION.into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }

    /// Runs `abtest` in a folder, against this account.
    pub fn abtest(&self, folder: &Path, arguments: &[&str]) -> Output {
        self.abtest_with(folder, arguments, &[])
    }

    /// Runs `abtest` with more environment variables.
    pub fn abtest_with(
        &self,
        folder: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Output {
        self.abtest_command(folder, arguments).envs(environment.iter().copied()).output().unwrap()
    }

    /// `abtest`, not yet started, with nothing of the environment that could matter.
    pub fn abtest_command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let kept = ["PATH", "CARGO_TARGET_DIR", "CARGO_HOME", "RUSTUP_HOME"];
        let mut command = Command::new(binary("abtest"));
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| kept.contains(&name.as_str())))
            .env("HOME", folder)
            .envs(self.environment())
            .stdin(Stdio::null());
        command
    }

    /// What is in the account, without ids and dates.
    pub fn account(&self) -> Value {
        let output = self.python("account.py", Path::new("."));
        serde_json::from_slice(&output).unwrap()
    }

    /// The ids of the APIs, which are part of their addresses.
    pub fn api_ids(&self) -> Vec<String> {
        self.identities("apis")
    }

    /// The values of the API keys.
    pub fn key_values(&self) -> Vec<String> {
        self.identities("keys")
    }

    fn identities(&self, kind: &str) -> Vec<String> {
        let output = self.python("identities.py", Path::new("."));
        let mut identities: Value = serde_json::from_slice(&output).unwrap();
        serde_json::from_value(identities[kind].take()).unwrap()
    }

    /// Deploys the real Gimel from the `config.json` of a folder.
    pub fn deploy_gimel(&self, folder: &Path) {
        self.python("gimel_deployment.py", folder);
    }

    /// Gives all functions one role, as earlier versions of abtest did.
    pub fn share_one_role(&self) {
        self.python("shared_role.py", Path::new("."));
    }

    /// Writes lines to a function's logs.
    pub fn log(&self, function: &str, lines: &[&str]) {
        self.python_with("log.py", &[&[function], lines].concat(), Path::new("."));
    }

    /// Keeps a text in Secrets Manager, and returns its ARN.
    pub fn store_secret(&self, name: &str, text: &str) -> String {
        self.store("secret", name, text)
    }

    /// Keeps a text in Parameter Store, and returns its ARN.
    pub fn store_parameter(&self, name: &str, text: &str) -> String {
        self.store("parameter", name, text)
    }

    fn store(&self, kind: &str, name: &str, text: &str) -> String {
        let output = self.python_with("store_secret.py", &[kind, name, text], Path::new("."));
        String::from_utf8(output).unwrap().trim().to_owned()
    }

    /// Runs a script of `tests/aws` against the account.
    fn python(&self, script: &str, folder: &Path) -> Vec<u8> {
        self.python_with(script, &[], folder)
    }

    fn python_with(&self, script: &str, arguments: &[&str], folder: &Path) -> Vec<u8> {
        let output = Command::new(tool("python3"))
            .arg(tests().join("aws").join(script))
            .args(arguments)
            .current_dir(folder)
            .envs(self.environment())
            // Faults are for abtest.
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {errors}");
        output.stdout
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.moto.kill();
        let _ = self.moto.wait();
    }
}

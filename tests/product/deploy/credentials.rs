//! Credentials and regions that do not work: one line that says what is wrong and what to do, from
//! AWS's real libraries.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use abtest_tests::binaries::binary;
use tempfile::TempDir;

/// The promise is 3 seconds. A busy machine may take longer, but never as long as the libraries'
/// own 40 seconds.
const LONGEST: Duration = Duration::from_secs(20);

/// A machine with a home folder, and nothing else that AWS's libraries look at.
struct Machine {
    home: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs `abtest status` and returns its error without `error: `.
    fn error(&self, environment: &[(&str, &str)]) -> String {
        let start = Instant::now();
        let output = Command::new(binary("abtest"))
            .arg("status")
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors.lines().count(), 1, "{errors}");
        for rust in [" { ", "Some(", "Error(", "Err(", "::"] {
            assert!(!errors.contains(rust), "a Rust value: {errors}");
        }
        errors.trim().strip_prefix("error: ").unwrap().to_owned()
    }
}

const KEY: [(&str, &str); 3] =
    [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

#[test]
fn without_credentials_the_error_says_where_abtest_looked() {
    let machine = Machine::new();
    // A metadata service that takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let metadata = format!("http://{}", silent.local_addr().unwrap());
    let error = machine
        .error(&[("AWS_REGION", "eu-west-1"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata)]);
    assert_eq!(
        error,
        "no AWS credentials found; abtest looked in the environment (AWS_ACCESS_KEY_ID), the \
         profile `default` (~/.aws/config, ~/.aws/credentials) and the metadata of this machine; run `aws configure` or `aws sso login`, or set AWS_PROFILE, or \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    );
    let error = machine.error(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata)]);
    assert!(error.starts_with("no AWS region is set; set aws.region in the config"), "{error}");
    let named = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_PROFILE", "work"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let error = machine.error(&named);
    assert!(error.contains("the profile `work`") && !error.contains("metadata"), "{error}");
}

#[test]
fn a_region_that_does_not_exist_is_named_with_the_one_that_was_meant() {
    let mut environment = KEY;
    environment[0] = ("AWS_REGION", "eu-west-1a");
    assert_eq!(
        Machine::new().error(&environment),
        "`eu-west-1a` (from AWS_REGION or AWS_DEFAULT_REGION) is not an AWS region; did you mean \
         `eu-west-1`?"
    );
}

#[test]
fn an_endpoint_that_does_not_answer_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{closed}");
    let error = Machine::new().error(&[&KEY[..], &[("AWS_ENDPOINT_URL", &endpoint)]].concat());
    assert!(error.starts_with(&format!("cannot reach AWS at {endpoint}: ")), "{error}");
    assert!(error.ends_with("check AWS_ENDPOINT_URL, or remove it to use AWS itself"), "{error}");
}

#[test]
fn an_expired_single_sign_on_says_how_to_log_in_again() {
    let machine = Machine::new();
    machine.write(
        ".aws/config",
        "[profile work]\nregion = eu-west-1\nsso_session = company\n\
         sso_account_id = 123456789012\nsso_role_name = admin\n\
         [sso-session company]\nsso_region = eu-west-1\n\
         sso_start_url = https://company.awsapps.com/start\n",
    );
    // The file's name is the SHA-1 of the session's name.
    machine.write(
        ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json",
        r#"{"startUrl": "https://company.awsapps.com/start", "region": "eu-west-1",
            "accessToken": "token", "expiresAt": "2020-01-01T00:00:00Z"}"#,
    );
    let expired = machine.error(&[("AWS_PROFILE", "work")]);
    let start = "cannot load the AWS credentials of the profile `work`: ";
    assert!(expired.starts_with(start), "{expired}");
    assert!(expired.contains("expired"), "{expired}");
    assert!(expired.ends_with("; run `aws sso login --profile work`"), "{expired}");
    std::fs::remove_dir_all(machine.home.path().join(".aws/sso")).unwrap();
    let absent = machine.error(&[("AWS_PROFILE", "work")]);
    assert!(absent.ends_with("; run `aws sso login --profile work`"), "{absent}");
}

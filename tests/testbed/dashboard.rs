//! A running `abtest dashboard`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The command on a free port. It stops when it is dropped.
pub struct Dashboard {
    child: Child,
    /// The API's URL that it printed.
    pub shows: String,
    /// The link that it printed.
    pub link: String,
}

impl Dashboard {
    /// Starts the command and waits for its link.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut second_word = |start: &str| {
            let line = lines.find(|line| line.starts_with(start)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        let (shows, link) = (second_word("shows "), second_word("page "));
        Self { child, shows, link }
    }

    /// The page's URL without the token.
    pub fn address(&self) -> &str {
        self.link.split("/?").next().unwrap()
    }

    /// Opens the link and returns the cookie.
    pub fn open(&self) -> String {
        let opened = agent().run(http::Request::get(&self.link).body(()).unwrap()).unwrap();
        let cookie = opened.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// A request at a path.
    pub fn at(&self, path: &str) -> http::request::Builder {
        http::Request::get(format!("{}{path}", self.address()))
    }

    /// Sends a request. Returns the status and the body of the answer.
    pub fn ask(&self, request: http::request::Builder) -> (u16, String) {
        let mut answer = agent().run(request.body(()).unwrap()).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
}

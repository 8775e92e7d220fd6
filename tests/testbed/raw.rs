//! A client that sends any bytes, also those that no HTTP library would send.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Longer than any time limit of the server.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to a server.
pub struct Raw(TcpStream);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Everything, as text.
    pub text: String,
}

impl Raw {
    /// Connects to the server at an address such as `http://127.0.0.1:4567`.
    ///
    /// # Errors
    /// When it does not accept.
    pub fn connect(url: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap_or(url))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self(stream))
    }

    /// Sends bytes. Returns whether the server still took them.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Sends as many of the bytes as the server takes within a second.
    pub fn send_some(&mut self, bytes: &[u8]) {
        let _ = self.0.set_write_timeout(Some(Duration::from_secs(1)));
        let _ = self.0.write_all(bytes);
        let _ = self.0.set_write_timeout(Some(TIMEOUT));
    }

    /// Says that nothing more will be sent.
    pub fn end(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Reads one answer with its body.
    pub fn answer(&mut self) -> Reply {
        let mut read = Vec::new();
        let mut byte = [0];
        while !read.ends_with(b"\r\n\r\n") && matches!(self.0.read(&mut byte), Ok(1)) {
            read.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&read).to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
        let _ = self.0.read_exact(&mut body);
        read.extend(body);
        Reply { text: String::from_utf8_lossy(&read).into_owned() }
    }

    /// Reads until the server closes the connection.
    pub fn rest(&mut self) -> Reply {
        let mut read = Vec::new();
        // A reset is an end, too.
        let _ = self.0.read_to_end(&mut read);
        Reply { text: String::from_utf8_lossy(&read).into_owned() }
    }
}

impl Reply {
    /// The statuses of all answers in it.
    pub fn statuses(&self) -> Vec<u16> {
        let after_version = self.text.split("HTTP/1.").skip(1);
        after_version.filter_map(|rest| rest.get(2..5)?.parse().ok()).collect()
    }

    /// The status of the only answer, or 0 if there is not one answer.
    pub fn status(&self) -> u16 {
        match self.statuses().as_slice() {
            [status] => *status,
            _ => 0,
        }
    }
}

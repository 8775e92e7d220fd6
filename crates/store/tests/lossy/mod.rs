//! A way to Redis that loses an answer, as a network does when a connection breaks.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Passes connections on to a port. On request it drops an answer and closes the connection.
pub(crate) struct LossyProxy {
    port: u16,
    drops_next: Arc<AtomicBool>,
}

impl LossyProxy {
    /// A proxy in front of a port of this machine.
    pub(crate) fn new(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let drops_next = Arc::new(AtomicBool::new(false));
        let drops = Arc::clone(&drops_next);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let (requests, answers) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass_on(requests, server, &AtomicBool::new(false)));
                let drops = Arc::clone(&drops);
                thread::spawn(move || pass_on(answers, client, &drops));
            }
        });
        Self { port, drops_next }
    }

    /// Where it listens, as a URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Drops the next answer.
    pub(crate) fn drop_next_answer(&self) {
        self.drops_next.store(true, Ordering::SeqCst);
    }

    /// Whether the answer was dropped.
    pub(crate) fn has_dropped(&self) -> bool {
        !self.drops_next.load(Ordering::SeqCst)
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, drops_next: &AtomicBool) {
    let mut piece = [0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if drops_next.swap(false, Ordering::SeqCst) || to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

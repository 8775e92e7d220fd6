//! Senders that know which events were acknowledged.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abtest_tests::serve::Serve;
use serde_json::{Value, json};

use crate::outcome::Outcome;

/// How many senders send at the same time.
const SENDERS: u64 = 8;

/// Events in one request.
const BATCH: u64 = 20;

/// How long a service may take until it acknowledges again.
const PATIENCE: Duration = Duration::from_secs(60);

/// The experiment that all events belong to.
pub(crate) const EXPERIMENT: &str = "attack";

/// What was sent over all rounds.
#[derive(Default)]
pub(crate) struct Load {
    /// Uuids are numbers; all below this one were sent.
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<u64>>,
    stopped: AtomicBool,
}

impl Load {
    /// Sends events, each of them new, while `attack` runs. Answers other than 200 and broken connections
    /// are part of the attack: their events are not acknowledged.
    pub(crate) fn during<T>(&self, serve: &Serve, attack: impl FnOnce() -> T) -> T {
        self.stopped.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| self.send(serve));
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(attack));
            self.stopped.store(true, Ordering::Relaxed);
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn send(&self, serve: &Serve) {
        while !self.stopped.load(Ordering::Relaxed) {
            let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
            let uuids = first..first + BATCH;
            let headers = [("content-type", "application/json")];
            match serve.try_request("POST", "/track", &headers, batch(uuids.clone()).as_bytes()) {
                Ok(answer) if answer.status == 200 => {
                    self.acknowledged.lock().unwrap().extend(uuids);
                }
                // The service is down or refuses.
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// How many events were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.lock().unwrap().len() as u64
    }

    /// Waits until this many more events were acknowledged.
    pub(crate) fn wait_for(&self, more: u64) {
        let (wanted, start) = (self.acknowledged() + more, Instant::now());
        while self.acknowledged() < wanted {
            assert!(start.elapsed() < PATIENCE, "nothing is acknowledged any more");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Compares what is counted with what was sent.
    pub(crate) fn outcome(&self, serve: &Serve, rounds: u64) -> Outcome {
        let acknowledged = self.acknowledged();
        let counted = count(serve);
        // Every event that was sent is sent again: then all must be counted, each once.
        let sent = self.next.load(Ordering::Relaxed);
        let mut wrong = Vec::new();
        for first in (0..sent).step_by(500) {
            let body = batch(first..sent.min(first + 500));
            let answer = serve.call("POST", "/track", Some(&body));
            if answer.status != 200 {
                wrong.push(format!("sent again, {}: {}", answer.status, answer.text));
            }
        }
        let again = count(serve);
        let lost = acknowledged.saturating_sub(counted) + sent.saturating_sub(again);
        let double = again.saturating_sub(sent) + counted.saturating_sub(sent);
        Outcome { rounds, acknowledged: Some(acknowledged), lost, double, wrong, remark: None }
    }
}

/// How many participants are counted.
fn count(serve: &Serve) -> u64 {
    serve.count(EXPERIMENT, "participate", "v")
}

/// The body of a request with events.
pub(crate) fn batch(uuids: std::ops::Range<u64>) -> String {
    let event = |uuid: u64| json!({"experiment": EXPERIMENT, "variant": "v", "event": "participate", "uuid": uuid.to_string()});
    Value::Array(uuids.map(event).collect()).to_string()
}

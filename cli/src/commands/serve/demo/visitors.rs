//! Live visitors of the demo. They send events to the server's own endpoints as browsers with
//! AlephBet do.
//!
//! Events wait in a queue. Each new event and each page load sends the whole queue, until each event
//! is answered with 200. Some answers get lost, and some pages get closed. So most events arrive
//! more than once, and must count once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abtest_model::Namespace;
use fastrand::Rng;
use uuid::Uuid;

use super::experiments::{PLAYED, SECOND_RATE};

/// Time between two visitors of a sender.
const PACE: Duration = Duration::from_millis(400);

/// How many events were sent.
#[derive(Default)]
pub(super) struct Sent {
    different: AtomicU64,
    times: AtomicU64,
}

impl Sent {
    /// Writes the totals to the log.
    pub(super) fn log(&self) {
        let different = self.different.load(Ordering::Relaxed);
        let times = self.times.load(Ordering::Relaxed);
        tracing::info!("demo: {different} different events sent {times} times");
    }
}

/// Sends visitors one after the other until `stopped`.
pub(super) fn play(network: &Http, seed: u64, stopped: &AtomicBool, sent: &Sent) {
    let mut random = Rng::with_seed(seed);
    let mut away: Vec<Browser> = Vec::new();
    let mut logged = Instant::now();
    while !stopped.load(Ordering::Relaxed) {
        // Sometimes a visitor comes back, and the page load sends what was left.
        if !away.is_empty() && random.f64() < 0.3 {
            let mut browser = away.swap_remove(random.usize(..away.len()));
            browser.load_page(network, &mut random, sent);
            keep(&mut away, browser);
        }
        let mut browser = Browser::new();
        visit(&mut browser, network, &mut random, sent);
        keep(&mut away, browser);
        std::thread::sleep(PACE);
        if seed == 0 && logged.elapsed() > Duration::from_secs(10) {
            sent.log();
            logged = Instant::now();
        }
    }
    // At the end every visitor comes back once more. Events without an answer stay unsent.
    for mut browser in away {
        browser.load_page(network, &mut random, sent);
    }
}

fn keep(away: &mut Vec<Browser>, browser: Browser) {
    if !browser.queue.is_empty() && away.len() < 1_000 {
        away.push(browser);
    }
}

/// One visit to the live experiment.
fn visit(browser: &mut Browser, network: &impl Network, random: &mut Rng, sent: &Sent) {
    let played = &PLAYED[PLAYED.len() - 1];
    let (variant, rate) = played.variants[random.usize(..played.variants.len())];
    // One visitor in five is logged in, so the page makes the uuid from the user. All events of a
    // visitor have the same uuid.
    let uuid = match random.f64() < 0.2 {
        true => {
            let user = format!("{}.{}", played.experiment, browser.visitor);
            Uuid::new_v5(&Uuid::NAMESPACE_OID, user.as_bytes())
        }
        false => browser.visitor,
    };
    let event =
        |goal| Event { experiment: played.experiment, variant, goal, uuid: uuid.to_string() };
    browser.track(event("participate"), network, random, sent);
    if random.f64() < rate {
        browser.track(event(played.goal), network, random, sent);
    }
    if let Some(goal) = played.second.filter(|_| random.f64() < SECOND_RATE) {
        browser.track(event(goal), network, random, sent);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Event {
    experiment: &'static str,
    variant: &'static str,
    goal: &'static str,
    uuid: String,
}

/// Sends events to the server.
trait Network {
    /// Sends an event, and tells whether it was answered 200.
    fn send(&self, event: &Event) -> bool;
}

/// A browser with AlephBet's queue in its storage.
struct Browser {
    /// A fresh visitor id per run.
    visitor: Uuid,
    queue: Vec<Event>,
}

impl Browser {
    fn new() -> Self {
        Self { visitor: Uuid::new_v4(), queue: Vec::new() }
    }

    fn track(&mut self, event: Event, network: &impl Network, random: &mut Rng, sent: &Sent) {
        self.queue.push(event);
        sent.different.fetch_add(1, Ordering::Relaxed);
        self.load_page(network, random, sent);
    }

    /// Sends the whole queue; what is answered 200 leaves it.
    fn load_page(&mut self, network: &impl Network, random: &mut Rng, sent: &Sent) {
        self.queue.retain(|event| {
            sent.times.fetch_add(1, Ordering::Relaxed);
            let answered = network.send(event);
            // Some answers never reach the page: it was closed, or the connection broke.
            let lost = random.f64() < 0.15;
            lost || !answered
        });
    }
}

/// The network of the demo: HTTP to the server.
pub(super) struct Http {
    agent: ureq::Agent,
    url: String,
    namespace: String,
}

impl Http {
    pub(super) fn new(address: SocketAddr, namespace: &Namespace) -> Self {
        let agent =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build();
        Self {
            agent: agent.into(),
            url: format!("http://{address}/track"),
            namespace: namespace.to_string(),
        }
    }
}

impl Network for Http {
    fn send(&self, event: &Event) -> bool {
        let request = self
            .agent
            .get(&self.url)
            .query("experiment", event.experiment)
            .query("variant", event.variant)
            .query("event", event.goal)
            .query("uuid", &event.uuid)
            .query("namespace", &self.namespace);
        match request.call() {
            Ok(mut answer) => {
                // Read the whole body, so that the connection can be used again.
                let _ = answer.body_mut().read_to_string();
                answer.status() == 200
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::HashSet;

    /// A network that loses requests and answers, and remembers what arrived.
    #[derive(Default)]
    struct Lossy {
        arrived: RefCell<Vec<Event>>,
        calls: RefCell<u64>,
    }

    impl Network for Lossy {
        fn send(&self, event: &Event) -> bool {
            *self.calls.borrow_mut() += 1;
            let call = *self.calls.borrow();
            if !call.is_multiple_of(7) {
                self.arrived.borrow_mut().push(event.clone());
            }
            !call.is_multiple_of(5) && !call.is_multiple_of(7)
        }
    }

    #[test]
    fn every_event_arrives_and_most_more_than_once() {
        let (network, sent, mut random) = (Lossy::default(), Sent::default(), Rng::with_seed(1));
        for _ in 0..500 {
            let mut browser = Browser::new();
            visit(&mut browser, &network, &mut random, &sent);
            while !browser.queue.is_empty() {
                browser.load_page(&network, &mut random, &sent);
            }
        }
        let arrived = network.arrived.borrow();
        let different: HashSet<&Event> = arrived.iter().collect();
        assert_eq!(different.len() as u64, sent.different.load(Ordering::Relaxed));
        assert!(arrived.len() > different.len());
    }
}

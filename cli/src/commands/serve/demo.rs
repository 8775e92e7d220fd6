//! Visitors that play a few experiments against the server's own endpoints, the way browsers
//! with AlephBet do: events wait in a queue, the whole queue is sent at every new event and page
//! load until each is answered 200, answers get lost, pages get closed. So most events arrive
//! more than once, and none may count twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use abtest_model::Namespace;
use anyhow::{Context, Result};
use fastrand::Rng;
use tempfile::TempDir;
use uuid::Uuid;

/// What is played: the truth that the counts should come near to.
struct Played {
    experiment: &'static str,
    variants: &'static [(&'static str, f64)],
    goal: &'static str,
    /// A goal that a visitor may reach often.
    repeated: Option<&'static str>,
}

const PLAYED: [Played; 3] = [
    Played {
        experiment: "button color",
        variants: &[("red", 0.062), ("blue", 0.088)],
        goal: "signup",
        repeated: Some("click"),
    },
    Played {
        experiment: "price: monthly or yearly first?",
        variants: &[("monthly", 0.031), ("yearly", 0.033)],
        goal: "purchase",
        repeated: None,
    },
    Played {
        experiment: "headline",
        variants: &[("50% off", 0.12), ("Free for 30 days", 0.15), ("No card needed", 0.11)],
        goal: "started trial",
        repeated: Some("page view"),
    },
];

/// Threads that send at the same time.
const SENDERS: u64 = 4;
/// Visitors of each sender that come at once, to fill the first screen.
const CROWD: u64 = 700;
/// Time between two visitors of a sender after that.
const PACE: Duration = Duration::from_millis(40);

/// The running demo.
pub(super) struct Demo {
    stopped: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
    sent: Arc<Sent>,
}

/// What was sent, to hold against what is counted.
#[derive(Default)]
struct Sent {
    different: AtomicU64,
    times: AtomicU64,
}

/// A folder of its own, so that the demo never touches real counts. Dropping it removes it.
pub(super) fn folder() -> Result<TempDir> {
    let builder = tempfile::Builder::new().prefix("abtest-demo-").tempdir();
    builder
        .context("cannot create a temporary folder for the demo; set TMPDIR to a folder of yours")
}

/// Starts the visitors, and says what they play.
pub(super) fn start(address: SocketAddr, namespace: &Namespace) -> Demo {
    println!("demo: some thousand visitors play, with these true rates");
    for played in &PLAYED {
        let rates: Vec<String> = played
            .variants
            .iter()
            .map(|(variant, rate)| format!("{variant} {:.1}%", rate * 100.0))
            .collect();
        println!("  {}: {}: {}", played.experiment, played.goal, rates.join(", "));
    }
    let (stopped, sent) = (Arc::<AtomicBool>::default(), Arc::<Sent>::default());
    let senders = (0..SENDERS)
        .map(|seed| {
            let (stopped, sent) = (Arc::clone(&stopped), Arc::clone(&sent));
            let network = Http::new(address, namespace);
            std::thread::spawn(move || play(&network, seed, &stopped, &sent))
        })
        .collect();
    Demo { stopped, senders, sent }
}

impl Demo {
    /// Sends the visitors home.
    pub(super) fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
        for sender in self.senders {
            // A sender that panicked has told so itself.
            let _ = sender.join();
        }
        self.sent.tell();
    }
}

impl Sent {
    fn tell(&self) {
        let different = self.different.load(Ordering::Relaxed);
        let times = self.times.load(Ordering::Relaxed);
        tracing::info!("demo: {different} different events sent {times} times");
    }
}

fn play(network: &impl Network, seed: u64, stopped: &AtomicBool, sent: &Sent) {
    let mut random = Rng::with_seed(seed);
    let mut away: Vec<Browser> = Vec::new();
    let mut told = Instant::now();
    for visitor in 0.. {
        if stopped.load(Ordering::Relaxed) {
            break;
        }
        // Now and then someone comes back, and the page load sends what was left.
        if !away.is_empty() && random.f64() < 0.3 {
            let mut browser = away.swap_remove(random.usize(..away.len()));
            browser.load_page(network, &mut random, sent);
            keep(&mut away, browser);
        }
        let mut browser = Browser::new();
        visit(&mut browser, network, &mut random, sent);
        keep(&mut away, browser);
        if visitor > CROWD {
            std::thread::sleep(PACE);
        }
        if seed == 0 && told.elapsed() > Duration::from_secs(10) {
            sent.tell();
            told = Instant::now();
        }
    }
    // At the end everyone comes back once more; what still gets no answer stays unsent.
    for mut browser in away {
        browser.load_page(network, &mut random, sent);
    }
}

fn keep(away: &mut Vec<Browser>, browser: Browser) {
    if !browser.queue.is_empty() && away.len() < 1_000 {
        away.push(browser);
    }
}

/// One visitor's visit of one experiment.
fn visit(browser: &mut Browser, network: &impl Network, random: &mut Rng, sent: &Sent) {
    let played = &PLAYED[random.usize(..PLAYED.len())];
    let (variant, rate) = played.variants[random.usize(..played.variants.len())];
    // One in five is logged in: the same user has the same uuid for every unique goal, as the
    // Gimel adapter has it.
    let user = (random.f64() < 0.2).then(|| format!("{}.{}", played.experiment, browser.visitor));
    let unique = || match &user {
        Some(user) => Uuid::new_v5(&Uuid::NAMESPACE_OID, user.as_bytes()),
        None => Uuid::new_v4(),
    };
    let event = |goal, uuid: Uuid| Event {
        experiment: played.experiment,
        variant,
        goal,
        uuid: uuid.to_string(),
    };
    browser.track(event("participate", unique()), network, random, sent);
    if random.f64() < rate {
        browser.track(event(played.goal, unique()), network, random, sent);
    }
    if let Some(goal) = played.repeated {
        while random.f64() < 0.3 {
            browser.track(event(goal, Uuid::new_v4()), network, random, sent);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Event {
    experiment: &'static str,
    variant: &'static str,
    goal: &'static str,
    uuid: String,
}

/// The way to the server.
trait Network {
    /// Sends an event, and tells whether it was answered 200.
    fn send(&self, event: &Event) -> bool;
}

/// A browser with AlephBet's queue in its storage.
struct Browser {
    /// Who sits before it: someone else at every start, as the counts of the last one are kept.
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

struct Http {
    agent: ureq::Agent,
    url: String,
    namespace: String,
}

impl Http {
    fn new(address: SocketAddr, namespace: &Namespace) -> Self {
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
                // Read to its end, so that the connection serves the next event, too.
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

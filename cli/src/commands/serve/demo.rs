//! The demo: experiments with weeks of past days ([`history`]), one of which goes on.
//!
//! Its visitors use the server's own endpoints as browsers with AlephBet do. Events wait in a queue.
//! Each new event and each page load sends the whole queue, until each event is answered with 200.
//! Answers get lost and pages get closed. So most events arrive more than once, and must count once.

pub(super) mod history;

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

/// An experiment of the demo, and the truth that its counts should come near to.
struct Played {
    experiment: &'static str,
    /// What the reader should see.
    shows: &'static str,
    variants: &'static [(&'static str, f64)],
    /// The goal with these rates. It is the first by name, so that the verdict is about it.
    goal: &'static str,
    /// A goal that a visitor may reach often.
    repeated: Option<&'static str>,
    /// How many days it ran before today.
    days: u32,
    visitors_per_day: u32,
    /// A variant that does not count some of its visitors, or nothing.
    broken: &'static str,
}

const PLAYED: [Played; 4] = [
    Played {
        experiment: "button color",
        shows: "a clear winner",
        variants: &[("blue", 0.062), ("red", 0.088)],
        goal: "signup",
        repeated: Some("visit again"),
        days: 28,
        visitors_per_day: 500,
        broken: "",
    },
    Played {
        experiment: "checkout layout",
        shows: "a tie",
        variants: &[("one page", 0.615), ("three steps", 0.615)],
        goal: "order",
        repeated: None,
        days: 28,
        visitors_per_day: 1_000,
        broken: "",
    },
    Played {
        experiment: "search box",
        shows: "a sample ratio mismatch: an error on the page of `new` keeps 12% of its visitors \
                from being counted",
        variants: &[("new", 0.23), ("old", 0.21)],
        goal: "search",
        repeated: None,
        days: 20,
        visitors_per_day: 500,
        broken: "new",
    },
    Played {
        experiment: LIVE.0,
        shows: "still running: visitors keep coming",
        variants: LIVE.1,
        goal: LIVE.2,
        repeated: Some("visit again"),
        days: 10,
        visitors_per_day: 300,
        broken: "",
    },
];

/// The experiment that goes on: its name, its variants with their rates, and its goal.
const LIVE: (&str, &[(&str, f64)], &str) =
    ("price: monthly or yearly first?", &[("monthly", 0.031), ("yearly", 0.036)], "purchase");

/// Threads that send at the same time.
const SENDERS: u64 = 4;
/// Time between two visitors of a sender.
const PACE: Duration = Duration::from_millis(400);

/// The running demo.
pub(super) struct Demo {
    stopped: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
    sent: Arc<Sent>,
}

/// What was sent, to compare with what is counted.
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

/// Starts the visitors. Prints the true rates if `print` says so.
pub(super) fn start(address: SocketAddr, namespace: &Namespace, print: bool) -> Demo {
    for played in PLAYED.iter().filter(|_| print) {
        if played.experiment == PLAYED[0].experiment {
            println!("demo: four experiments, with these true rates");
        }
        let rates: Vec<String> = played
            .variants
            .iter()
            .map(|(variant, rate)| format!("{variant} {:.1}%", rate * 100.0))
            .collect();
        println!("  {}: {}: {}", played.experiment, played.goal, rates.join(", "));
        println!("    {} days, {}", played.days, played.shows);
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
    /// Stops the visitors.
    pub(super) fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
        for sender in self.senders {
            // A panic of a sender has printed its reason already.
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
        if seed == 0 && told.elapsed() > Duration::from_secs(10) {
            sent.tell();
            told = Instant::now();
        }
    }
    // At the end all visitors come back once more. What still gets no answer stays unsent.
    for mut browser in away {
        browser.load_page(network, &mut random, sent);
    }
}

fn keep(away: &mut Vec<Browser>, browser: Browser) {
    if !browser.queue.is_empty() && away.len() < 1_000 {
        away.push(browser);
    }
}

/// One visit to the experiment that goes on.
fn visit(browser: &mut Browser, network: &impl Network, random: &mut Rng, sent: &Sent) {
    let played = &PLAYED[PLAYED.len() - 1];
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

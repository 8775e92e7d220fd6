//! The demo: example experiments with weeks of past days, one of which is live.
//!
//! | module | holds |
//! |---|---|
//! | `experiments` | the experiments with their true rates |
//! | `history` | records the past days |
//! | `shop` | a shop where the reader plays a visitor |
//! | `visitors` | live visitors, who send events as browsers do |

mod experiments;
pub(super) mod history;
pub(super) mod shop;
mod visitors;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use abtest_model::Namespace;
use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::terminal::wrap;
use experiments::PLAYED;
use visitors::{Http, Sent, play};

/// Threads that send at the same time.
const SENDERS: u64 = 4;

/// The running demo.
pub(super) struct Demo {
    stopped: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
    sent: Arc<Sent>,
}

/// A temporary folder, so that the demo never touches real counts. Dropping it removes the folder.
pub(super) fn folder() -> Result<TempDir> {
    let builder = tempfile::Builder::new().prefix("abtest-demo-").tempdir();
    builder
        .context("cannot create a temporary folder for the demo; set TMPDIR to a folder that you can write to")
}

/// Starts the visitors. Prints the true rates if `print` says so.
pub(super) fn start(address: SocketAddr, namespace: &Namespace, print: bool) -> Demo {
    if print {
        print_rates();
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
        self.sent.log();
    }
}

fn print_rates() {
    println!();
    println!("The demo plays {} experiments. Their true rates are:", PLAYED.len());
    for played in &PLAYED {
        let rate = |(variant, rate): &(&str, f64)| format!("{variant} {:.1}%", rate * 100.0);
        let rates: Vec<String> = played.variants.iter().map(rate).collect();
        println!("  {}, {}: {}", played.experiment, played.goal, rates.join(", "));
        for line in wrap(&format!("{} days, {}", played.days, played.shows), 76) {
            println!("    {line}");
        }
    }
}

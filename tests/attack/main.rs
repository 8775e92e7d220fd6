//! Attacks on what the product has acknowledged: crashes, damaged files and a failing Redis. `strangers.rs` beside it is
//! a test target of its own and attacks from outside.
//!
//! | module | holds |
//! |---|---|
//! | `outcome` | what an attack found, and the table of all outcomes |
//! | `load` | senders that know what was acknowledged |
//! | `crashes` | `serve` is killed under load |
//! | `redis_faults` | Redis fails under load |
//! | `contexts` | units, attributes and conditions are hostile |
//! | `editors` | editors change one definition at once, also while `serve` is killed |
//! | `damage` | files of the data folder are damaged while `serve` is stopped |
//! | `imports` | an import is killed and repeated |
//!
//! Each attack returns an [`Outcome`]. At the end the table of all outcomes is printed. An attack fails
//! when it panics, when an acknowledged event or change is lost, or when one is there twice.
//!
//! `cargo test --workspace --test attack` runs a short form with few rounds. `tests/attack/run --full` runs
//! the long form and writes the table to docs/reliability.md.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on fails

mod contexts;
mod crashes;
mod damage;
mod editors;
mod imports;
mod load;
mod outcome;
mod redis_faults;

use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use outcome::{Outcome, Table};

/// An attack: its name in the table, and what runs it.
struct Attack {
    name: &'static str,
    run: fn(Form) -> Outcome,
}

/// How long an attack may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A few rounds, for CI.
    Short,
    /// Many rounds, for docs/reliability.md.
    Full,
}

impl Form {
    /// The environment variable `ABTEST_ATTACK=full` asks for the long form.
    fn asked() -> Self {
        match std::env::var("ABTEST_ATTACK").as_deref() {
            Ok("full") => Self::Full,
            _ => Self::Short,
        }
    }

    /// One of two numbers: of rounds, requests or bytes.
    pub(crate) fn of(self, short: u64, full: u64) -> u64 {
        match self {
            Self::Short => short,
            Self::Full => full,
        }
    }
}

/// Every attack. A new one is a line here.
const ATTACKS: &[Attack] = &[
    Attack { name: "kill -9 of serve on a folder", run: crashes::on_a_folder },
    Attack { name: "kill -9 of serve on Redis", run: crashes::on_redis },
    Attack {
        name: "each file of a folder flipped, cut, zeroed, deleted",
        run: damage::of_each_file,
    },
    Attack { name: "Redis killed, paused, restarted, cut off", run: redis_faults::under_load },
    Attack { name: "hostile units and attributes, on a folder", run: contexts::on_a_folder },
    Attack { name: "hostile units and attributes, on Redis", run: contexts::on_redis },
    Attack { name: "ten editors at once, on a folder", run: editors::at_once_on_a_folder },
    Attack { name: "ten editors at once, on Redis", run: editors::at_once_on_redis },
    Attack { name: "kill -9 during edits, on a folder", run: editors::killed_on_a_folder },
    Attack { name: "kill -9 during edits, on Redis", run: editors::killed_on_redis },
    Attack { name: "kill -9 of an import into a folder", run: imports::into_a_folder },
    Attack { name: "kill -9 of an import of uuids into Redis", run: imports::uuids_into_redis },
    Attack { name: "kill -9 of an import of exact counters", run: imports::into_redis_exactly },
    Attack { name: "kill -9 of an import of estimates", run: imports::into_redis_as_estimates },
];

fn main() {
    let arguments = Arguments::from_args();
    let form = Form::asked();
    let table = Arc::new(Mutex::new(Table::default()));
    let trials = ATTACKS.iter().map(|attack| {
        let table = Arc::clone(&table);
        Trial::test(attack.name, move || {
            let outcome = (attack.run)(form);
            let verdict = outcome.verdict();
            table.lock().unwrap().add(attack.name, outcome);
            verdict.map_err(Failed::from)
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    let names: Vec<&str> = ATTACKS.iter().map(|attack| attack.name).collect();
    let table = table.lock().unwrap();
    if !table.is_empty() {
        println!("\n{}", table.in_order_of(&names));
    }
    if let Some(file) = std::env::var_os("ABTEST_ATTACK_TABLE") {
        std::fs::write(file, table.in_order_of(&names)).unwrap();
    }
    conclusion.exit();
}

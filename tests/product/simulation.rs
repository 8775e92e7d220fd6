//! Do the intervals and the sample ratio check hold on real HyperLogLogs? This plays visitors into a
//! real Redis, analyses them with the product, and compares the results with the true values.
//!
//! `ABTEST_SIMULATION=10000:0.1:1000,…` (trials per variant, rate, experiments) sets what is played. The
//! figures in `docs/statistics.md` come from it. Without it, a few experiments are played, enough to
//! notice when something breaks.

use std::process::Command;

use abtest_tests::binaries::{binary, tests};
use abtest_tests::redis::Redis;
use serde_json::Value;

/// A size of experiment, and how many of them are played.
#[derive(Clone, Copy)]
struct Cell {
    trials: u64,
    rate: f64,
    experiments: u64,
}

/// The lift of the second variant over the first.
const LIFT: f64 = 0.1;

/// What was seen in a cell.
#[derive(Default)]
struct Seen {
    /// Whether an interval contained the true value, for `shared` and `own` goals.
    rate: [Share; 2],
    difference: [Share; 2],
    lift: [Share; 2],
    always_valid: [Share; 2],
    alarms: u64,
    /// Relative errors of the counters of trials, and of the successes of the shared goal.
    errors: Vec<(f64, f64)>,
    /// The error of a rate's counters that the product assumes.
    supposed: f64,
}

#[derive(Default, Clone, Copy)]
struct Share {
    held: u64,
    of: u64,
}

impl Share {
    fn count(&mut self, interval: (&Value, &Value), truth: f64) {
        let (low, high) = (interval.0.as_f64().unwrap(), interval.1.as_f64().unwrap());
        self.held += u64::from((low..=high).contains(&truth));
        self.of += 1;
    }

    fn share(self) -> f64 {
        self.held as f64 / self.of as f64
    }

    /// Three standard errors of the share, if the true share is 95%.
    fn leeway(self) -> f64 {
        3.0 * (0.95 * 0.05 / self.of as f64).sqrt()
    }
}

const GOALS: [&str; 2] = ["shared", "own"];

fn play(redis: &Redis, cell: Cell, seed: u64, again: f64) -> Vec<[u64; 4]> {
    let lua = std::fs::read_to_string(tests().join("simulation/experiment.lua")).unwrap();
    let namespace = namespace(cell, again);
    let number = |value: f64| value.to_string();
    (0..cell.experiments)
        .map(|index| {
            let printed = redis.command(&[
                "EVAL",
                &lua,
                "0",
                &scattered(seed + index).to_string(),
                &namespace,
                &format!("{index:05}"),
                &(2 * cell.trials).to_string(),
                &number(cell.rate),
                &number(cell.rate * (1.0 + LIFT)),
                &number(again),
            ]);
            let counts: Vec<u64> = printed.lines().map(|line| line.parse().unwrap()).collect();
            counts.try_into().unwrap_or_else(|_| panic!("{printed}"))
        })
        .collect()
}

/// A seed of 31 bits far from its neighbours': similar seeds start Redis' generator in similar ways.
fn scattered(seed: u64) -> u64 {
    seed.wrapping_mul(2_654_435_761) % (1 << 31)
}

fn namespace(cell: Cell, again: f64) -> String {
    format!("{} at {} again {again}", cell.trials, cell.rate)
}

/// What the product says about each experiment.
fn read(redis: &Redis, namespace: &str, method: &str) -> Vec<Value> {
    let output = Command::new(binary("abtest"))
        // Thousands of large counters, on a machine that runs other tests too.
        .env("ABTEST_REDIS_RESPONSE_TIMEOUT_MS", "60000")
        .args(["results", "--json", "--redis", &redis.url(), "--namespace", namespace])
        .args(["--method", method])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    all.as_array().unwrap()[1..].to_vec()
}

fn simulate(redis: &Redis, cell: Cell, seed: u64) -> Seen {
    let truths = play(redis, cell, seed, 0.0);
    let experiments = read(redis, &namespace(cell, 0.0), "fixed");
    let always_valid = read(redis, &namespace(cell, 0.0), "always_valid");
    assert_eq!(truths.len(), experiments.len());
    let rates = [cell.rate, cell.rate * (1.0 + LIFT)];
    let mut seen = Seen::default();
    for ((truth, experiment), always_valid) in truths.iter().zip(&experiments).zip(&always_valid) {
        let analysis = &experiment["analysis"];
        seen.alarms += u64::from(analysis["sample_ratio"]["alarm"].as_bool().unwrap());
        let always_valid = always_valid["analysis"]["goals"].as_array().unwrap();
        for (goal, always_valid) in analysis["goals"].as_array().unwrap().iter().zip(always_valid) {
            let which = GOALS.iter().position(|name| goal["goal"] == *name).unwrap();
            for (index, variant) in goal["variants"].as_array().unwrap().iter().enumerate() {
                seen.rate[which].count((&variant["low"], &variant["high"]), rates[index]);
                let of = |member: &str| variant[member].as_f64().unwrap();
                if which == 0 {
                    let error = |member: &str, truth: u64| of(member) / truth as f64 - 1.0;
                    let (trials, successes) = (truth[2 * index], truth[2 * index + 1]);
                    let errors = (error("trials", trials), error("successes", successes));
                    seen.errors.push(errors);
                }
                // n_eff = n / (1 + 2 n e^2 p/(1 - p)), solved for e^2.
                let odds = of("rate") / (1.0 - of("rate"));
                let more = of("trials") / of("effective_trials") - 1.0;
                seen.supposed += more / (2.0 * of("trials") * odds);
            }
            let b = &goal["against_control"][0];
            let ends = |part: &Value, name: &str| {
                (part[format!("{name}_low")].clone(), part[format!("{name}_high")].clone())
            };
            let truth = rates[1] - rates[0];
            let (low, high) = ends(b, "difference");
            seen.difference[which].count((&low, &high), truth);
            let (low, high) = ends(b, "lift");
            seen.lift[which].count((&low, &high), LIFT);
            let (low, high) = ends(&always_valid["against_control"][0], "lift");
            seen.always_valid[which].count((&low, &high), LIFT);
        }
    }
    let parts = (4 * experiments.len()) as f64;
    seen.supposed = (seen.supposed / parts).sqrt();
    seen
}

impl Seen {
    fn print(&self, cell: Cell) {
        for (which, goal) in GOALS.iter().enumerate() {
            println!(
                "{} trials, rate {}, {} experiments, {goal} uuids: rate {:.3}, difference {:.3}, lift {:.3}, \
                 always-valid lift {:.3}",
                cell.trials,
                cell.rate,
                cell.experiments,
                self.rate[which].share(),
                self.difference[which].share(),
                self.lift[which].share(),
                self.always_valid[which].share(),
            );
        }
        println!(
            "  sample-ratio alarms {}; error of trials {:.5}, of successes {:.5}, supposed for both {:.5}, \
             correlation {:.3}",
            self.alarms,
            self.error(|e| e.0 * e.0).sqrt(),
            self.error(|e| e.1 * e.1).sqrt(),
            self.supposed,
            self.error(|e| e.0 * e.1)
                / (self.error(|e| e.0 * e.0) * self.error(|e| e.1 * e.1)).sqrt(),
        );
    }

    fn error(&self, of: impl Fn(&(f64, f64)) -> f64) -> f64 {
        self.errors.iter().map(of).sum::<f64>() / self.errors.len() as f64
    }

    fn check(&self, cell: Cell) {
        let all = [self.rate, self.difference, self.lift];
        // 93% to 97%, wider if few experiments are played.
        for share in all.iter().map(|both| both[1]) {
            let leeway = share.leeway().max(0.02);
            assert!((share.share() - 0.95).abs() <= leeway, "{}: {}", cell.trials, share.share());
        }
        // Counters that share uuids err together, so their ratio errs less.
        for share in all.iter().map(|both| both[0]) {
            assert!(share.share() >= 0.95 - share.leeway().max(0.02), "{}", share.share());
        }
        for share in self.always_valid {
            assert!(share.share() >= 0.95 - share.leeway().max(0.02), "{}", share.share());
        }
        assert!(self.alarms <= 2, "{} alarms at {} trials", self.alarms, cell.trials);
        // The root mean square of k errors has a relative standard error of 1/sqrt(2k).
        let supposed = self.supposed;
        let seen = self.error(|e| f64::midpoint(e.0 * e.0, e.1 * e.1)).sqrt();
        let leeway = 0.1 + 3.0 / (4.0 * self.errors.len() as f64).sqrt();
        assert!((seen / supposed - 1.0).abs() < leeway, "{}: {seen}, {supposed}", cell.trials);
    }
}

/// The cells of `ABTEST_SIMULATION`: trials:rate:experiments, separated by commas.
fn cells() -> Vec<Cell> {
    let wish = std::env::var("ABTEST_SIMULATION")
        .unwrap_or_else(|_| "10000:0.1:200,100000:0.1:30,1000000:0.1:4".to_owned());
    let cell = |text: &str| {
        let parts: Vec<&str> = text.split(':').collect();
        let [trials, rate, experiments] = parts[..] else {
            panic!("{text}: trials:rate:experiments")
        };
        Cell {
            trials: trials.parse().unwrap(),
            rate: rate.parse().unwrap(),
            experiments: experiments.parse().unwrap(),
        }
    };
    wish.split(',').map(cell).collect()
}

#[test]
fn intervals_and_the_sample_ratio_check_hold_on_real_hyperloglogs() {
    let mut seed = 20_261_121;
    for cell in cells() {
        // One server per cell, so that no server keeps everything in memory.
        let redis = Redis::start();
        let seen = simulate(&redis, cell, seed);
        seed += cell.experiments;
        seen.print(cell);
        seen.check(cell);
    }
}

#[test]
fn events_that_are_sent_again_change_no_number() {
    let redis = Redis::start();
    let cell = Cell { trials: 10_000, rate: 0.1, experiments: 20 };
    let without = play(&redis, cell, 7, 0.0);
    let with = play(&redis, cell, 7, 0.5);
    assert_eq!(without, with);
    let read = |namespace: String| read(&redis, &namespace, "always_valid");
    assert_eq!(read(namespace(cell, 0.0)), read(namespace(cell, 0.5)));
}

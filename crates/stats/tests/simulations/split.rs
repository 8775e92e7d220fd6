//! S1 and S2: the sample ratio alarm, with exact counts and with HyperLogLogs.

use abtest_stats::counter_error::Counter;
use abtest_stats::sample_ratio::{Split, sample_ratio, split_evidence};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Binomial, Distribution};

use crate::hll::Hll;
use crate::{Share, runs};

/// Participants of each arm, drawn with these true weights and counted as the product does.
struct Arms {
    counter: Counter,
    true_weights: Vec<f64>,
    counts: Vec<u64>,
    hlls: Vec<Hll>,
}

impl Arms {
    fn new(counter: Counter, true_weights: &[f64]) -> Self {
        Self {
            counter,
            true_weights: true_weights.to_vec(),
            counts: vec![0; true_weights.len()],
            hlls: true_weights.iter().map(|_| Hll::new()).collect(),
        }
    }

    fn add(&mut self, participants: u64, rng: &mut StdRng) {
        let (mut left, mut weight) = (participants, self.true_weights.iter().sum::<f64>());
        for arm in 0..self.counts.len() {
            let share = (self.true_weights[arm] / weight).clamp(0.0, 1.0);
            let here = Binomial::new(left, share).unwrap().sample(rng);
            left -= here;
            weight -= self.true_weights[arm];
            match self.counter {
                Counter::Exact => self.counts[arm] += here,
                Counter::Hll => {
                    self.hlls[arm].add(here, rng);
                    self.counts[arm] = self.hlls[arm].estimate();
                }
            }
        }
    }

    /// The counts against equal weights.
    fn split(&self) -> Split {
        let participants: Vec<f64> = self.counts.iter().map(|&count| count as f64).collect();
        Split {
            counter_errors: participants.iter().map(|&m| self.counter.relative_error(m)).collect(),
            weights: vec![1.0; participants.len()],
            participants,
        }
    }
}

/// S1: how often a sound experiment ever has the alarm, at 500 looks from 100 to 10^7 participants. Also how often chi-square
/// ever falls below 0.001.
fn ever_alarms(counter: Counter, arms: usize, runs: u64) -> (Share, Share) {
    const LOOKS: usize = 500;
    let (mut alarms, mut chi_square) = (Share::default(), Share::default());
    for run in 0..runs {
        let mut rng = StdRng::seed_from_u64(run);
        let mut seen = Arms::new(counter, &vec![1.0; arms]);
        let (mut participants, mut alarm, mut small) = (0, false, false);
        for look in 0..LOOKS {
            let target = (100.0 * 1e5f64.powf(look as f64 / (LOOKS - 1) as f64)).round() as u64;
            seen.add(target - participants, &mut rng);
            participants = target;
            let split = seen.split();
            small |= sample_ratio(&split.participants, &split.weights, &split.counter_errors)
                .unwrap()
                .p_value
                < 0.001;
            alarm |= split_evidence(&[split], 0).unwrap().alarm();
        }
        alarms.count(alarm);
        chi_square.count(small);
    }
    (alarms, chi_square)
}

/// S2: how often a tilt is found at this many participants.
fn found(counter: Counter, tilt: f64, participants: u64, runs: u64) -> Share {
    let mut found = Share::default();
    for run in 0..runs {
        let mut rng = StdRng::seed_from_u64(run);
        let mut seen = Arms::new(counter, &[1.0, 1.0 + tilt]);
        seen.add(participants, &mut rng);
        found.count(split_evidence(&[seen.split()], 0).unwrap().alarm());
    }
    found
}

#[test]
fn sound_experiments_hardly_ever_have_a_sample_ratio_alarm() {
    for (counter, few) in [(Counter::Exact, 100), (Counter::Hll, 2)] {
        for arms in [2, 5] {
            let (alarms, chi_square) = ever_alarms(counter, arms, runs(few));
            println!(
                "S1 {counter:?}, {arms} arms: alarm {alarms}; chi-square ever below 0.001 {chi_square}"
            );
            assert!(alarms.at_most(0.002), "{counter:?}, {arms} arms: {alarms}");
        }
    }
}

/// How often a sound experiment has the alarm at the end of periods of constant weights, each with its participants and the
/// share of the second arm. A period's count is the growth of the counter.
fn alarms_over_periods(counter: Counter, plan: &[(u64, f64)], runs: u64) -> Share {
    let mut alarms = Share::default();
    for run in 0..runs {
        let mut rng = StdRng::seed_from_u64(run);
        let mut arms = Arms::new(counter, &[1.0, 1.0]);
        let mut periods: Vec<(Vec<u64>, [f64; 2])> = Vec::new();
        for &(participants, share) in plan {
            let before = arms.counts.clone();
            arms.true_weights = vec![1.0 - share, share];
            arms.add(participants, &mut rng);
            let grown =
                arms.counts.iter().zip(&before).map(|(now, then)| now.saturating_sub(*then));
            periods.push((grown.collect(), [1.0 - share, share]));
        }
        let error = |(part, whole): (&u64, &u64)| {
            counter.relative_error_of_part(*part as f64, *whole as f64)
        };
        let split = |(grown, weights): &(Vec<u64>, [f64; 2])| Split {
            participants: grown.iter().map(|&count| count as f64).collect(),
            weights: weights.to_vec(),
            counter_errors: grown.iter().zip(&arms.counts).map(error).collect(),
        };
        let splits: Vec<Split> = periods.iter().map(split).collect();
        alarms.count(split_evidence(&splits, 0).unwrap().alarm());
    }
    alarms
}

#[test]
fn weights_that_change_raise_no_alarm_in_sound_experiments() {
    let ramp =
        |steps: u64| (1..=steps).map(move |step| (100_000, step as f64 / (steps + 1) as f64));
    let plans = [
        ("a late change", vec![(1_000_000, 0.5), (20_000, 0.4)]),
        ("a ramp", vec![(300_000, 0.05), (30_000, 0.25), (30_000, 0.5), (30_000, 0.75)]),
        ("20 steps", ramp(20).collect()),
    ];
    for (counter, few) in [(Counter::Exact, 50), (Counter::Hll, 10)] {
        for (name, plan) in &plans {
            let alarms = alarms_over_periods(counter, plan, runs(few));
            println!("S1 {counter:?}, {name}: alarm {alarms}");
            assert!(alarms.at_most(0.002), "{counter:?}, {name}: {alarms}");
        }
    }
}

#[test]
fn a_tilt_of_5_percent_is_found_at_100_000_participants() {
    for (counter, few) in [(Counter::Exact, 200), (Counter::Hll, 50)] {
        for tilt in [0.02, 0.05] {
            for participants in [100_000, 1_000_000] {
                let found = found(counter, tilt, participants, runs(few));
                println!("S2 {counter:?}, tilt {tilt}, {participants} participants: found {found}");
                // A HyperLogLog's own error of 0.8% hides half of such a tilt, with any number of participants.
                if tilt == 0.05 && counter == Counter::Exact {
                    assert!(found.at_least(0.95), "{counter:?} at {participants}: {found}");
                }
            }
        }
    }
}

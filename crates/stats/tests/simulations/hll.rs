//! A HyperLogLog as Redis has it, with an ideal hash: 16,384 registers and Ertl's estimator (arXiv 1702.01284).
//!
//! Participants are all new, so only how many fall on a register matters, not which.

use abtest_tests::redis::Redis;
use rand::RngExt;
use rand::rngs::StdRng;
use rand_distr::{Binomial, Distribution};

const REGISTERS: usize = 16_384;
/// The largest value of a register is one more.
const BITS: usize = 50;

pub(crate) struct Hll {
    registers: Vec<u8>,
}

impl Hll {
    pub(crate) fn new() -> Self {
        Self { registers: vec![0; REGISTERS] }
    }

    /// One with these registers.
    fn of(registers: Vec<u8>) -> Self {
        assert_eq!(registers.len(), REGISTERS);
        Self { registers }
    }

    /// Adds this many new participants.
    pub(crate) fn add(&mut self, participants: u64, rng: &mut StdRng) {
        /// From here on it is quicker to draw how many fall on each register.
        const MANY: u64 = 100_000;
        if participants < MANY {
            for _ in 0..participants {
                let hash: u64 = rng.random();
                let value = ((hash >> 14 | 1 << BITS).trailing_zeros() + 1) as u8;
                let register = &mut self.registers[hash as usize % REGISTERS];
                *register = (*register).max(value);
            }
            return;
        }
        let mut left = participants;
        for (index, register) in self.registers.iter_mut().enumerate() {
            let share = 1.0 / (REGISTERS - index) as f64;
            let here = if index + 1 == REGISTERS {
                left
            } else {
                Binomial::new(left, share).unwrap().sample(rng)
            };
            left -= here;
            *register = (*register).max(largest(here, rng));
        }
    }

    /// The count that Redis would report.
    pub(crate) fn estimate(&self) -> u64 {
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let m = REGISTERS as f64;
        let mut histogram = [0.0; BITS + 2];
        for &register in &self.registers {
            histogram[register as usize] += 1.0;
        }
        let mut z = m * tau(1.0 - histogram[BITS + 1] / m);
        for value in histogram[1..=BITS].iter().rev() {
            z = 0.5 * (z + value);
        }
        z += m * sigma(histogram[0] / m);
        (ALPHA * m * m / z).round() as u64
    }
}

/// The largest of `count` geometric values: P(at most j) = (1 - 2^-j)^count.
fn largest(count: u64, rng: &mut StdRng) -> u8 {
    if count == 0 {
        return 0;
    }
    let u: f64 = rng.random();
    let beyond = -(u.ln() / count as f64).exp_m1();
    (-beyond.log2()).ceil().clamp(1.0, (BITS + 1) as f64) as u8
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// Adds members to a HyperLogLog. ARGV: how many are there, and how many there should be.
const GROW: &str = "
    for first = ARGV[1], ARGV[2] - 1, 1000 do
      local members = {}
      for member = first, math.min(first + 999, ARGV[2] - 1) do
        members[#members + 1] = 'visitor ' .. member
      end
      redis.call('PFADD', KEYS[1], unpack(members))
    end";

/// The figures of S1 with HyperLogLogs hold for Redis only if its estimator is this one.
#[test]
fn redis_reports_the_same_count_for_the_same_registers() {
    let redis = Redis::start();
    let mut before = 0;
    for members in [1u64, 10, 100, 1_000, 10_000, 30_000, 50_000, 100_000, 1_000_000] {
        redis.command(&["EVAL", GROW, "1", "h", &before.to_string(), &members.to_string()]);
        before = members;
        let counted = redis.command(&["PFCOUNT", "h"]);
        let registers = redis.command(&["PFDEBUG", "GETREG", "h"]);
        let registers = registers.lines().map(|register| register.parse().unwrap()).collect();
        let estimate = Hll::of(registers).estimate();
        println!("S1 {members} members: Redis reports {counted}, the simulation {estimate}");
        assert_eq!(counted, estimate.to_string());
    }
}

//! Two variants over periods of constant weights: compares them within each period, then averages.
//!
//! If weights and rates both change over time, pooled rates are biased (Simpson's paradox): a variant that got more visitors in a
//! good week looks better. The stratified estimator compares the variants within strata of constant weights. A stratum is one
//! period, or a few consecutive ones with similar weights that are too small by themselves.

use libm::hypot; // std's needs a newer C library than Lambda has

use crate::confidence_sequence::{Observation, Rho};
use crate::mean::{Contrast, Mean, Reach};
use crate::normal;
use crate::totals::Totals;

/// The largest difference between weights within a stratum, as a share of all visitors.
const SIMILAR_WEIGHTS: f64 = 0.1;

/// One variant in one period: what its participants did, now or later.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cell {
    /// The participants who were new in the period.
    participants: f64,
    /// Those of them who reached the goal, or who have a value.
    reached: f64,
    /// The mean per participant.
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
    /// The relative standard error of the mean that counters cause; 0 for exact counts.
    counter_error: f64,
}

impl Cell {
    /// A goal that each participant reaches at most once. The relative standard error of each counter is `counter_error`.
    #[must_use]
    pub fn of_conversions(participants: f64, reached: f64, counter_error: f64) -> Self {
        let reached = reached.min(participants);
        let mean = if participants > 0.0 { reached / participants } else { 0.0 };
        let squares = reached * (1.0 - mean);
        // The participants and the successes have a counter each.
        let counter_error = std::f64::consts::SQRT_2 * counter_error;
        Self { participants, reached, mean, squares, counter_error }
    }

    /// A goal with a total per participant. The counter of the participants errs by `counter_error`; totals are exact.
    #[must_use]
    pub fn of_totals(totals: &Totals, counter_error: f64) -> Self {
        let sample = totals.sample();
        Self {
            participants: sample.n(),
            reached: totals.with_value() as f64,
            mean: sample.mean().unwrap_or(0.0),
            squares: sample.variance() * (sample.n() - 1.0).max(0.0),
            counter_error,
        }
    }

    /// The same participants with every value multiplied by `factor`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { mean: self.mean * factor, squares: self.squares * factor * factor, ..self }
    }

    /// Both together (Chan, Golub and LeVeque 1983).
    fn plus(self, other: Self) -> Self {
        let participants = self.participants + other.participants;
        let share = |part: f64| part / participants.max(1.0);
        let error = |one: Self| one.counter_error * share(one.participants);
        let distance = other.mean - self.mean;
        let between = distance * distance * self.participants * share(other.participants);
        Self {
            participants,
            reached: self.reached + other.reached,
            mean: self.mean + distance * share(other.participants),
            squares: self.squares + other.squares + between,
            counter_error: hypot(error(self), error(other)),
        }
    }

    /// The variance of one participant's value.
    fn unit_variance(self) -> f64 {
        self.squares / (self.participants - 1.0).max(1.0)
    }

    /// The variance of the mean.
    fn variance_of_mean(self) -> f64 {
        let counters = self.counter_error * self.mean;
        self.unit_variance() / self.participants + counters * counters
    }
}

/// A period of constant weights, for two variants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// The share of all visitors that the control and the variant got.
    pub weights: [f64; 2],
    /// The control and the variant.
    pub arms: [Cell; 2],
}

/// Two variants, compared within strata.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratified {
    /// The means of the control and the variant, with the same weight of each stratum.
    pub means: [f64; 2],
    /// The variances of these means.
    pub variances: [f64; 2],
    /// The participants of the strata, in each variant.
    pub participants: [f64; 2],
    /// Those of them who reached the goal or have a value, in each variant.
    pub reached: [f64; 2],
    /// How many strata there are.
    pub strata: usize,
    /// The share of the participants whose periods are left out: they are too small, and their neighbours have other weights.
    pub left_out: f64,
    /// The pooled variance of one participant's value in the first stratum. Later strata do not change it, so that it can scale
    /// the time of a confidence sequence.
    reference_variance: f64,
    /// The pooled mean of the first stratum.
    reference_mean: f64,
    /// The batched least-squares statistic: a one-look test of "no effect in any stratum" (Zhang, Janson and Murphy, arXiv
    /// 2002.03217).
    pub batched_z: Option<f64>,
}

impl Stratified {
    /// Divides periods, oldest first, into strata in which each variant has `least` participants. Choose `least` before you see
    /// the outcomes: 100, and enough for 25 expected successes. A period in which a variant had no weight is not compared.
    ///
    /// `None` if no stratum has enough participants.
    #[must_use]
    pub fn new(periods: &[Period], least: f64) -> Option<Self> {
        let all: f64 = periods.iter().flat_map(|period| period.arms).map(|a| a.participants).sum();
        let strata = strata(periods, least);
        let first = strata.first()?.arms;
        let size = |stratum: &Period| stratum.arms[0].participants + stratum.arms[1].participants;
        let included: f64 = strata.iter().map(size).sum();
        let weighted = |power: i32, of: &dyn Fn(Cell) -> f64| -> [f64; 2] {
            [0, 1].map(|arm| {
                let term = |one: &Period| (size(one) / included).powi(power) * of(one.arms[arm]);
                strata.iter().map(term).sum()
            })
        };
        let sum = |of: &dyn Fn(Cell) -> f64| -> [f64; 2] {
            [0, 1].map(|arm| strata.iter().map(|one| of(one.arms[arm])).sum())
        };
        let pooled = first[0].plus(first[1]);
        Some(Self {
            means: weighted(1, &|arm| arm.mean),
            variances: weighted(2, &Cell::variance_of_mean),
            participants: sum(&|arm| arm.participants),
            reached: sum(&|arm| arm.reached),
            strata: strata.len(),
            left_out: 1.0 - included / all,
            reference_variance: pooled.unit_variance(),
            reference_mean: pooled.mean,
            batched_z: batched_z(&strata),
        })
    }

    /// variant - control, for a confidence sequence. `None` if nothing varies.
    #[must_use]
    pub fn difference(&self) -> Option<Observation> {
        let variance = self.variances[0] + self.variances[1];
        let n = self.time(variance, self.reference_variance)?;
        Observation::new(self.means[1] - self.means[0], variance, n).ok()
    }

    /// ln(variant / control), for a confidence sequence, with its variance by the delta method. `None` unless both means are
    /// above 0.
    #[must_use]
    pub fn ln_ratio(&self) -> Option<Observation> {
        let [control, variant] = self.means;
        if control <= 0.0 || variant <= 0.0 {
            return None;
        }
        let variance =
            self.variances[0] / (control * control) + self.variances[1] / (variant * variant);
        let reference = self.reference_variance / (self.reference_mean * self.reference_mean);
        Observation::new((variant / control).ln(), variance, self.time(variance, reference)?).ok()
    }

    /// The means, compared at any look with the constant `rho`, or without it at one. `None` if nothing varies.
    #[must_use]
    pub fn contrast(&self, rho: Option<Rho>) -> Option<Contrast> {
        let mean = |arm: usize| Mean { value: self.means[arm], variance: self.variances[arm] };
        let variance = self.variances[0] + self.variances[1];
        let reach = match rho {
            Some(rho) => Reach::Always { rho, n: self.time(variance, self.reference_variance)? },
            None => Reach::Normal,
        };
        Contrast::new(mean(0), mean(1), reach)
    }

    /// The participants that an experiment with equal weights and the reference's variance would need for this variance, N²v/4σ²
    /// (statistics of the sequence: its time is ρ² times this). With one stratum and equal weights it is about N.
    fn time(&self, variance: f64, reference: f64) -> Option<f64> {
        let all = self.participants[0] + self.participants[1];
        let n = all * all * variance / (4.0 * reference);
        n.is_finite().then_some(n.max(1.0))
    }

    /// The two-sided p-value of [`Stratified::batched_z`].
    #[must_use]
    pub fn batched_p_value(&self) -> Option<f64> {
        self.batched_z.map(normal::two_sided_p)
    }
}

/// Merges consecutive periods forward until both variants have `least` participants.
fn strata(periods: &[Period], least: f64) -> Vec<Period> {
    let mut strata: Vec<Merged> = Vec::new();
    let mut open: Option<Merged> = None;
    let compared = periods.iter().filter(|period| period.weights.iter().all(|w| *w > 0.0));
    for period in compared {
        let next = Merged::of(period);
        let merged = match open.take() {
            Some(before) if before.is_similar_to(&next) => before.with(&next),
            Some(before) => {
                // It stays too small by itself. It may still belong to the stratum before it.
                append(&mut strata, &before);
                next
            }
            None => next,
        };
        if merged.is_enough(least) {
            strata.push(merged);
        } else {
            open = Some(merged);
        }
    }
    if let Some(rest) = open {
        append(&mut strata, &rest);
    }
    strata.into_iter().map(|merged| merged.period).collect()
}

/// Adds periods that are too small by themselves to the last stratum, if the weights allow it.
fn append(strata: &mut [Merged], rest: &Merged) {
    if let Some(last) = strata.last_mut()
        && last.is_similar_to(rest)
    {
        *last = last.with(rest);
    }
}

/// Consecutive periods, and the range of their weights.
#[derive(Clone, Copy)]
struct Merged {
    period: Period,
    lowest: [f64; 2],
    highest: [f64; 2],
}

impl Merged {
    fn of(period: &Period) -> Self {
        Self { period: *period, lowest: period.weights, highest: period.weights }
    }

    fn is_enough(&self, least: f64) -> bool {
        self.period.arms.iter().all(|arm| arm.participants >= least.max(1.0))
    }

    fn is_similar_to(&self, other: &Self) -> bool {
        let both = self.with(other);
        // Weights such as 0.3 and 0.4 may differ by slightly more than 0.1.
        let range = |arm: usize| both.highest[arm] - both.lowest[arm];
        range(0) <= SIMILAR_WEIGHTS + 1e-9 && range(1) <= SIMILAR_WEIGHTS + 1e-9
    }

    fn with(&self, other: &Self) -> Self {
        let arms = [0, 1].map(|arm| self.period.arms[arm].plus(other.period.arms[arm]));
        Self {
            period: Period { weights: other.period.weights, arms },
            lowest: [0, 1].map(|arm| self.lowest[arm].min(other.lowest[arm])),
            highest: [0, 1].map(|arm| self.highest[arm].max(other.highest[arm])),
        }
    }
}

fn batched_z(strata: &[Period]) -> Option<f64> {
    let term = |stratum: &Period| {
        let [control, variant] = stratum.arms;
        let (n0, n1) = (control.participants, variant.participants);
        let deviation = control.plus(variant).unit_variance().sqrt();
        (variant.mean - control.mean) * (n0 * n1 / (n0 + n1)).sqrt() / deviation
    };
    let z = strata.iter().map(term).sum::<f64>() / (strata.len() as f64).sqrt();
    z.is_finite().then_some(z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;
    use crate::totals::Sums;

    fn period(weights: [f64; 2], counts: [(f64, f64); 2]) -> Period {
        let arms = counts.map(|(n, s)| Cell::of_conversions(n, s, 0.0));
        Period { weights, arms }
    }

    /// The weights move to the variant while every rate rises from 3% to 8%, without any effect.
    fn trend() -> [Period; 2] {
        [
            period([0.9, 0.1], [(9_000.0, 270.0), (1_000.0, 30.0)]),
            period([0.1, 0.9], [(1_000.0, 80.0), (9_000.0, 720.0)]),
        ]
    }

    #[test]
    fn weights_and_rates_that_change_together_make_no_effect() {
        let pooled: f64 = (750.0 / 10_000.0) / (350.0 / 10_000.0);
        assert!(pooled > 2.0);
        let found = Stratified::new(&trend(), 100.0).unwrap();
        assert!((found.means[0] - found.means[1]).abs() < 1e-12);
        assert_eq!((found.strata, found.left_out), (2, 0.0));
        assert!(found.batched_z.unwrap().abs() < 1e-9);
    }

    #[test]
    fn one_period_is_the_plain_comparison() {
        let found = Stratified::new(&[period([0.5, 0.5], [(1e4, 500.0), (1e4, 600.0)])], 100.0);
        let found = found.unwrap();
        assert_eq!(found.means, [0.05, 0.06]);
        let plain = |p: f64| p * (1.0 - p) / (1e4 - 1.0);
        assert!((found.variances[0] - plain(0.05)).abs() < 1e-15);
        assert!((found.variances[1] - plain(0.06)).abs() < 1e-15);
        // Equal weights: the sequence's time is the number of participants.
        let time = found.time(found.variances[0] + found.variances[1], plain(0.055) * 1e4).unwrap();
        assert!((time / 2e4 - 1.0).abs() < 0.01, "{time}");
    }

    #[test]
    fn small_periods_are_merged_forward_and_the_last_one_backward() {
        let small = period([0.5, 0.5], [(60.0, 3.0), (60.0, 3.0)]);
        let found = Stratified::new(&[small; 5], 100.0).unwrap();
        assert_eq!((found.strata, found.left_out), (2, 0.0));
        assert_eq!(found.participants, [300.0, 300.0]);
    }

    #[test]
    fn periods_that_cannot_be_merged_are_left_out_and_counted() {
        let big = period([0.5, 0.5], [(1_000.0, 50.0), (1_000.0, 50.0)]);
        let other_weights = period([0.9, 0.1], [(90.0, 4.0), (10.0, 1.0)]);
        let found = Stratified::new(&[big, other_weights, big], 100.0).unwrap();
        assert_eq!(found.strata, 2);
        assert!((found.left_out - 100.0 / 4_100.0).abs() < 1e-12);
        // Weights that creep are not similar in the end.
        let creeping: Vec<Period> = (0..4)
            .map(|i| {
                let w = 0.5 + 0.06 * f64::from(i);
                period([1.0 - w, w], [(60.0, 3.0), (60.0, 3.0)])
            })
            .collect();
        assert_eq!(Stratified::new(&creeping, 100.0).unwrap().strata, 2);
        assert_eq!(Stratified::new(&creeping, 150.0), None);
    }

    #[test]
    fn a_period_in_which_a_variant_had_no_weight_is_not_compared() {
        let both = period([0.5, 0.5], [(1_000.0, 50.0), (1_000.0, 60.0)]);
        // A few late events of a variant that is switched off.
        let alone = period([1.0, 0.0], [(5_000.0, 900.0), (3.0, 3.0)]);
        let found = Stratified::new(&[both, alone], 100.0).unwrap();
        assert_eq!(found.participants, [1_000.0, 1_000.0]);
        assert!(found.left_out > 0.7);
    }

    #[test]
    fn counters_with_an_error_make_the_means_less_certain() {
        let exact = Stratified::new(&trend(), 100.0).unwrap();
        let mut periods = trend();
        for arm in periods.iter_mut().flat_map(|period| &mut period.arms) {
            *arm = Cell::of_conversions(arm.participants, arm.reached, 0.0081);
        }
        let hll = Stratified::new(&periods, 100.0).unwrap();
        assert!(hll.variances[0] > exact.variances[0] && hll.means == exact.means);
    }

    fn of_values(values: &[i64]) -> Cell {
        let squares = values.iter().map(|value| (value * value) as u128).sum();
        let sums = Sums {
            participants: values.len() as u64,
            with_value: values.iter().filter(|value| **value != 0).count() as u64,
            sum: values.iter().map(|&value| i128::from(value)).sum(),
            sum_of_squares: squares,
            largest: 0,
            decimals: 0,
        };
        Cell::of_totals(&Totals::new(sums).unwrap(), 0.0)
    }

    #[test]
    fn cells_of_values_add_up_to_the_cell_of_all_values() {
        let values: Vec<i64> = (0..50).map(|i| i * i % 37 - 5).collect();
        let (left, right) = values.split_at(20);
        let (sum, all) = (of_values(left).plus(of_values(right)), of_values(&values));
        assert_eq!((sum.participants, sum.reached), (all.participants, all.reached));
        assert!((sum.mean - all.mean).abs() < 1e-12);
        assert!((sum.squares / all.squares - 1.0).abs() < 1e-12);
    }

    #[test]
    fn values_of_one_are_conversions() {
        let values = |reached: usize, n: usize| {
            of_values(&(0..n).map(|i| i64::from(i < reached)).collect::<Vec<_>>())
        };
        let found = Stratified::new(
            &[Period { weights: [0.5, 0.5], arms: [values(500, 10_000), values(600, 10_000)] }],
            100.0,
        );
        let plain = Stratified::new(&[period([0.5, 0.5], [(1e4, 500.0), (1e4, 600.0)])], 100.0);
        let (found, plain) = (found.unwrap(), plain.unwrap());
        assert_eq!(found.reached, plain.reached);
        for arm in 0..2 {
            assert!((found.means[arm] - plain.means[arm]).abs() < 1e-12);
            assert!((found.variances[arm] / plain.variances[arm] - 1.0).abs() < 1e-9);
        }
        let rho = Rho::tuned(Level::DEFAULT, 5_000.0).unwrap();
        let (contrast, observed) =
            (found.contrast(Some(rho)).unwrap(), plain.difference().unwrap());
        let interval = contrast.difference_interval(Level::DEFAULT).unwrap();
        let same = rho.interval(observed, Level::DEFAULT);
        assert!(
            (interval.low - same.low).abs() < 1e-12 && (interval.high - same.high).abs() < 1e-12
        );
    }

    #[test]
    fn without_variation_there_is_nothing_to_observe() {
        let none = period([0.5, 0.5], [(1_000.0, 0.0), (1_000.0, 0.0)]);
        let found = Stratified::new(&[none], 100.0).unwrap();
        assert_eq!((found.difference(), found.ln_ratio(), found.batched_z), (None, None, None));
        assert_eq!(Stratified::new(&[], 100.0), None);
    }
}

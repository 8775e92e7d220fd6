//! S7: revenue, with a few buyers whose orders differ widely.

use abtest_stats::analysis::{
    Comparison, Counts, Declared, GoalCounts, Method, Outcome, Period, Settings, VariantCounts,
    analyse,
};
use abtest_stats::counter_error::Counter;
use abtest_stats::totals::Sums;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Binomial, Distribution, LogNormal};

use crate::{Share, runs};

const LOOKS: u64 = 60;
const PARTICIPANTS_PER_LOOK: u64 = 2_000;
/// The logarithm of the median order, in cents.
const MEDIAN: f64 = 8.0;
/// The 99th percentile of a standard normal.
const PERCENTILE_99: f64 = 2.326_347_874_040_841;

/// A shop whose variants do not differ.
#[derive(Debug, Clone, Copy)]
struct Shop {
    /// The standard deviation of the logarithm of an order.
    sigma: f64,
    /// The share of visitors who get variant B, at the start and at the end.
    share_of_b: [f64; 2],
    /// The share of participants who buy, at the start and at the end.
    buyers: [f64; 2],
    /// How often the share changes.
    changes: u64,
    /// Whether totals count up to the 99th percentile of orders.
    capped: bool,
}

impl Shop {
    /// Plays the experiment, and calls `look` with the counts after each look.
    fn play(self, run: u64, mut look: impl FnMut(u64, &Counts)) {
        let mut rng = StdRng::seed_from_u64(run);
        let order = LogNormal::new(MEDIAN, self.sigma).unwrap();
        let cap = if self.capped { MEDIAN + self.sigma * PERCENTILE_99 } else { f64::INFINITY };
        let cap = cap.exp();
        let goal = || GoalCounts::of_totals("revenue", vec![sums(); 2]);
        let mut counts = Counts {
            variants: vec![
                variant("a", 1.0 - self.share_of_b[0]),
                variant("b", self.share_of_b[0]),
            ],
            goals: vec![goal()],
            periods: Vec::new(),
        };
        for number in 0..LOOKS {
            let part = |ends: [f64; 2], done: f64| ends[0] + (ends[1] - ends[0]) * done;
            let period = number * (self.changes + 1) / LOOKS;
            if counts.periods.len() as u64 <= period {
                let share = part(self.share_of_b, period as f64 / self.changes.max(1) as f64);
                let (weights, participants) = (vec![1.0 - share, share], vec![0; 2]);
                counts.periods.push(Period { weights, participants, goals: vec![goal()] });
            }
            let Some(current) = counts.periods.last_mut() else { return };
            let of_b = draw(PARTICIPANTS_PER_LOOK, current.weights[1], &mut rng);
            for (arm, n) in [PARTICIPANTS_PER_LOOK - of_b, of_b].into_iter().enumerate() {
                let buyers = draw(n, part(self.buyers, number as f64 / LOOKS as f64), &mut rng);
                counts.variants[arm].trials += n;
                current.participants[arm] += n;
                for _ in 0..buyers {
                    let cents = order.sample(&mut rng).min(cap).round();
                    add(&mut counts.goals[0].totals[arm], cents);
                    add(&mut current.goals[0].totals[arm], cents);
                }
            }
            if self.changes > 0 {
                look(number, &counts);
            } else {
                look(number, &Counts { periods: Vec::new(), ..counts.clone() });
            }
        }
    }
}

fn draw(n: u64, p: f64, rng: &mut impl RngExt) -> u64 {
    Binomial::new(n, p).unwrap().sample(rng)
}

fn variant(name: &str, weight: f64) -> VariantCounts {
    VariantCounts { name: name.to_owned(), trials: 0, weight: Some(weight) }
}

fn sums() -> Sums {
    Sums { decimals: 2, ..Sums::default() }
}

fn add(sums: &mut Sums, cents: f64) {
    let cents = cents as u64;
    sums.with_value += 1;
    sums.sum += i128::from(cents);
    sums.sum_of_squares += u128::from(cents) * u128::from(cents);
    sums.largest = sums.largest.max(u128::from(cents));
}

/// The comparison, and whether the goal needs a cap.
fn compare(counts: &Counts, method: Method) -> (Comparison, bool) {
    let declared = Some(Declared::as_counted(counts, Some("revenue")));
    let settings = Settings {
        counter: Counter::Exact,
        method,
        declared,
        only_verdict: true,
        ..Settings::default()
    };
    let mut analysis = analyse(counts, &settings).unwrap();
    let needs_cap = analysis.verdict.outcome == Outcome::NoVerdict;
    (analysis.goals[0].against_control.remove(0), needs_cap)
}

/// What happened over the runs of a shop.
#[derive(Default)]
struct Seen {
    /// Runs in which a look found a difference.
    ever_wrong: Share,
    /// Runs in which the one look at the end has an interval that contains no difference.
    fixed_covers: Share,
    /// Looks that say "set a cap".
    needs_cap: Share,
    /// Looks with an interval.
    has_interval: Share,
}

fn play(shop: Shop, few: u64) -> Seen {
    let mut seen = Seen::default();
    for run in 0..runs(few) {
        let mut wrong = false;
        shop.play(run, |look, counts| {
            let (found, needs_cap) = compare(counts, Method::AlwaysValid);
            wrong |= found.decision.is_some();
            seen.needs_cap.count(needs_cap);
            seen.has_interval.count(found.difference_low.is_some());
            if look + 1 == LOOKS {
                let (found, _) = compare(counts, Method::Fixed);
                if found.difference_low.is_some() {
                    seen.fixed_covers.count(found.decision.is_none());
                }
            }
        });
        seen.ever_wrong.count(wrong);
    }
    println!(
        "S7 {shop:?}: ever wrong {}, one look covers {}, looks with an interval {}, looks that ask for a cap {}",
        seen.ever_wrong, seen.fixed_covers, seen.has_interval, seen.needs_cap
    );
    seen
}

#[test]
fn verdicts_about_revenue_are_ever_wrong_in_at_most_5_percent() {
    for sigma in [1.0, 1.5, 2.0] {
        for share in [0.5, 0.1] {
            let with_intervals = [false, true].map(|capped| {
                let shop =
                    Shop { sigma, share_of_b: [share; 2], buyers: [0.03; 2], changes: 0, capped };
                let seen = play(shop, 8);
                assert!(seen.ever_wrong.at_most(0.05), "{}", seen.ever_wrong);
                seen.has_interval.share()
            });
            // What the advice asks for leads to intervals.
            assert!(with_intervals[1] > with_intervals[0], "{with_intervals:?}");
        }
    }
}

#[test]
fn revenue_within_periods_is_not_misled_by_a_trend() {
    let shop = Shop {
        sigma: 1.0,
        share_of_b: [0.1, 0.9],
        buyers: [0.02, 0.06],
        changes: 5,
        capped: false,
    };
    let seen = play(shop, 20);
    assert!(seen.ever_wrong.at_most(0.05), "{}", seen.ever_wrong);
    assert!(seen.fixed_covers.at_least(0.95), "{}", seen.fixed_covers);
    let mut pooled = Share::default();
    for run in 0..runs(20) {
        shop.play(run, |look, counts| {
            if look + 1 == LOOKS {
                let all = Counts { periods: Vec::new(), ..counts.clone() };
                pooled.count(compare(&all, Method::Fixed).0.decision.is_none());
            }
        });
    }
    println!("S7 with periods: pooled totals would cover {pooled}");
    assert!(pooled.share() < 0.9, "{pooled}");
}

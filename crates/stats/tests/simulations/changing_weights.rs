//! S3 and S4 without bandits: weights that change while an experiment runs.

use abtest_stats::analysis::{
    Comparison, Counts, GoalCounts, Method, Period, Settings, VariantCounts, analyse,
};
use abtest_stats::counter_error::Counter;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Binomial, Distribution};

use crate::{Share, runs};

/// How the conversion rate of all visitors develops over the experiment.
#[derive(Debug, Clone, Copy)]
enum Trend {
    /// 5% all the time.
    Constant,
    /// From 3% to 8%.
    Rising,
    /// 5%, with a quarter more or less by the day of the week.
    Weekly,
}

/// An experiment of two variants whose weights change.
#[derive(Debug, Clone, Copy)]
struct Setting {
    trend: Trend,
    /// Variant B's lift.
    lift: f64,
    /// How many times the weights change. Each time variant B gets another share, from 10% to 90%.
    changes: u64,
    /// This share of the conversions is counted one look late.
    late: f64,
}

const LOOKS: u64 = 60;
const PARTICIPANTS_PER_LOOK: u64 = 2_000;

impl Setting {
    fn rate(self, look: u64) -> f64 {
        match self.trend {
            Trend::Constant => 0.05,
            Trend::Rising => 0.03 + 0.05 * look as f64 / LOOKS as f64,
            Trend::Weekly => {
                0.05 * (1.0 + 0.25 * (look as f64 * std::f64::consts::TAU / 7.0).sin())
            }
        }
    }

    /// Plays the experiment, and calls `look` with the counts after each look.
    fn play(self, run: u64, mut look: impl FnMut(u64, &Counts)) {
        let mut rng = StdRng::seed_from_u64(run);
        let draw = |n: u64, p: f64, rng: &mut StdRng| Binomial::new(n, p).unwrap().sample(rng);
        let mut counts = Counts {
            variants: ["a", "b"].map(variant).to_vec(),
            goals: vec![goal()],
            periods: Vec::new(),
        };
        // Late conversions belong to the period of the participation.
        let mut late: Option<(usize, [u64; 2])> = None;
        for number in 0..LOOKS {
            let changes_now = number % (LOOKS / (self.changes + 1)) == 0;
            if changes_now && (counts.periods.len() as u64) <= self.changes {
                // A rising rate with a rising share of B is the worst case for pooled counts.
                let share = match (self.trend, counts.periods.len()) {
                    (_, 0) => 0.5,
                    (Trend::Rising, index) => 0.1 + 0.8 * index as f64 / self.changes as f64,
                    _ => rng.random_range(0.1..0.9),
                };
                let (weights, participants) = (vec![1.0 - share, share], vec![0; 2]);
                counts.periods.push(Period { weights, participants, goals: vec![goal()] });
            }
            if let Some((period, waiting)) = late.take() {
                for (arm, count) in waiting.into_iter().enumerate() {
                    counts.goals[0].successes[arm] += count;
                    counts.periods[period].goals[0].successes[arm] += count;
                }
            }
            let current = counts.periods.len() - 1;
            let period = &mut counts.periods[current];
            let of_b = draw(PARTICIPANTS_PER_LOOK, period.weights[1], &mut rng);
            let mut waiting = [0; 2];
            for (arm, n) in [PARTICIPANTS_PER_LOOK - of_b, of_b].into_iter().enumerate() {
                let lift = if arm == 1 { self.lift } else { 0.0 };
                let converted = draw(n, self.rate(number) * (1.0 + lift), &mut rng);
                waiting[arm] = draw(converted, self.late, &mut rng);
                counts.variants[arm].trials += n;
                counts.goals[0].successes[arm] += converted - waiting[arm];
                period.participants[arm] += n;
                period.goals[0].successes[arm] += converted - waiting[arm];
            }
            late = Some((current, waiting));
            look(number, &counts);
        }
    }
}

fn variant(name: &str) -> VariantCounts {
    VariantCounts { name: name.to_owned(), trials: 0, weight: Some(1.0) }
}

fn goal() -> GoalCounts {
    GoalCounts::new("g", vec![0; 2])
}

fn compare(counts: &Counts, method: Method) -> Comparison {
    let settings = Settings { counter: Counter::Exact, method, ..Settings::default() };
    let mut analysis = analyse(counts, &settings).unwrap();
    analysis.goals[0].against_control.remove(0)
}

fn covers(comparison: &Comparison, truth: f64) -> bool {
    let (low, high) = (comparison.lift_low.unwrap(), comparison.lift_high.unwrap());
    (low..=high).contains(&truth)
}

#[test]
fn intervals_over_periods_cover_the_true_lift_where_pooled_ones_do_not() {
    let settings = [
        (Trend::Constant, 0.0, 5),
        (Trend::Constant, 0.1, 5),
        (Trend::Weekly, 0.1, 5),
        (Trend::Rising, 0.0, 5),
        (Trend::Rising, 0.1, 5),
        (Trend::Rising, 0.0, 59),
        (Trend::Constant, 0.0, 59),
    ];
    for (trend, lift, changes) in settings {
        for late in [0.0, 0.3] {
            let setting = Setting { trend, lift, changes, late };
            let (mut fixed, mut pooled) = (Share::default(), Share::default());
            let mut missed = Share::default();
            for run in 0..runs(40) {
                let mut ever_missed = false;
                setting.play(run, |look, counts| {
                    if look + 1 == LOOKS {
                        fixed.count(covers(&compare(counts, Method::Fixed), lift));
                        let all = Counts { periods: Vec::new(), ..counts.clone() };
                        pooled.count(covers(&compare(&all, Method::Fixed), lift));
                    }
                    let always = compare(counts, Method::AlwaysValid);
                    ever_missed |= always.lift_low.is_some() && !covers(&always, lift);
                });
                missed.count(ever_missed);
            }
            println!(
                "S3/S4 {trend:?}, lift {lift}, {changes} changes, {late} late: fixed covers {fixed}, pooled {pooled}, \
                 always valid ever missed {missed}"
            );
            assert!(fixed.at_least(0.95) && missed.at_most(0.05), "{fixed} {missed}");
            if matches!(trend, Trend::Rising) {
                assert!(pooled.share() < 0.9, "{pooled}");
            }
        }
    }
}

//! S8 and S9: verdicts of experiments in which nothing differs.

use abtest_stats::analysis::{
    Analysis, Counts, Declared, EarlierLook, Family, GoalCounts, Looks, Method, Settings,
    VariantCounts, analyse,
};
use abtest_stats::counter_error::Counter;
use abtest_stats::group_sequential::Looking;
use abtest_stats::level::Level;
use abtest_stats::many_comparisons::Correction;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Binomial, Distribution};

use crate::{Share, runs};

/// An experiment without any effect.
struct Aa {
    /// The share of each variant.
    weights: Vec<f64>,
    /// The rate of each goal.
    rates: Vec<f64>,
    participants_per_look: u64,
    looks: u64,
    /// This share of the conversions is counted one look late.
    late: f64,
}

impl Aa {
    fn counts(&self) -> Counts {
        let variant = |(index, &weight): (usize, &f64)| VariantCounts {
            name: format!("v{index}"),
            trials: 0,
            weight: Some(weight),
        };
        let goal = |index| GoalCounts::new(format!("g{index}"), vec![0; self.weights.len()]);
        Counts {
            variants: self.weights.iter().enumerate().map(variant).collect(),
            goals: (0..self.rates.len()).map(goal).collect(),
            periods: Vec::new(),
        }
    }

    /// Plays one look's participants. `waiting` holds the conversions that are counted at the next look.
    fn play(&self, counts: &mut Counts, waiting: &mut [Vec<u64>], rng: &mut StdRng) {
        let draw = |n: u64, p: f64, rng: &mut StdRng| {
            Binomial::new(n, p.clamp(0.0, 1.0)).unwrap().sample(rng)
        };
        let (mut left, mut weight) = (self.participants_per_look, self.weights.iter().sum::<f64>());
        for (arm, &own) in self.weights.iter().enumerate() {
            let new = draw(left, own / weight, rng);
            left -= new;
            weight -= own;
            counts.variants[arm].trials += new;
            for (goal, &rate) in self.rates.iter().enumerate() {
                let converted = draw(new, rate, rng);
                let late = draw(converted, self.late, rng);
                counts.goals[goal].successes[arm] += converted - late + waiting[goal][arm];
                waiting[goal][arm] = late;
            }
        }
    }
}

/// The share of runs in which a family crosses a bound: the primary goal, and all others.
///
/// A whole analysis of 60 looks takes two seconds, because each look computes the bounds of the looks before it. All runs
/// have the same bounds, so this computes them once and compares only statistics with them.
fn crossings(aa: &Aa, runs: u64) -> (Share, Share) {
    let others = aa.weights.len() - 1;
    let bounds = |comparisons: usize| -> Vec<f64> {
        let level = Level::from_alpha(0.05 / comparisons as f64).unwrap();
        let mut looking = Looking::new(level);
        let bound = |look| looking.take(look as f64 / aa.looks as f64).unwrap().z.unwrap();
        (1..=aa.looks).map(bound).collect()
    };
    let (of_primary, of_secondary) = (bounds(others), bounds(others * (aa.rates.len() - 1)));
    let mut shares = (Share::default(), Share::default());
    for run in 0..runs {
        let mut rng = StdRng::seed_from_u64(run);
        let mut counts = aa.counts();
        let mut waiting = vec![vec![0; aa.weights.len()]; aa.rates.len()];
        let (mut primary, mut secondary) = (false, false);
        for look in 0..aa.looks as usize {
            aa.play(&mut counts, &mut waiting, &mut rng);
            let crosses = |goal: usize, bound: f64| {
                (1..aa.weights.len()).any(|arm| statistic(&counts, goal, arm).abs() > bound)
            };
            primary |= crosses(0, of_primary[look]);
            secondary |= (1..aa.rates.len()).any(|goal| crosses(goal, of_secondary[look]));
        }
        shares.0.count(primary);
        shares.1.count(secondary);
    }
    shares
}

/// The log ratio of a variant's rate to the first one's, in standard errors (delta method).
fn statistic(counts: &Counts, goal: usize, arm: usize) -> f64 {
    let [(rate, variance), (control_rate, control_variance)] = [arm, 0].map(|index| {
        let successes = counts.goals[goal].successes[index] as f64;
        let trials = counts.variants[index].trials as f64;
        (successes / trials, 1.0 / successes - 1.0 / trials)
    });
    (rate / control_rate).ln() / (variance + control_variance).sqrt()
}

/// What went wrong in the runs.
#[derive(Default)]
struct Errors {
    primary: Share,
    secondary: Share,
    rows: u64,
    /// Rows in which the interval, the p-value and the decision do not agree.
    disagreements: u64,
}

fn errors(aa: &Aa, method: Method, correction: Correction, runs: u64) -> Errors {
    let mut errors = Errors::default();
    for run in 0..runs {
        let mut rng = StdRng::seed_from_u64(run);
        let mut counts = aa.counts();
        let declared = Declared::as_counted(&counts, Some("g0"));
        let mut waiting = vec![vec![0; aa.weights.len()]; aa.rates.len()];
        let mut earlier: Vec<EarlierLook> = Vec::new();
        let (mut primary, mut secondary) = (false, false);
        for look in 1..=aa.looks {
            aa.play(&mut counts, &mut waiting, &mut rng);
            if method == Method::Fixed && look < aa.looks {
                continue;
            }
            let planned = aa.looks * aa.participants_per_look;
            let looks = (method == Method::Sequential).then(|| Looks {
                planned,
                earlier: earlier.clone(),
                now: true,
            });
            let settings = Settings {
                counter: Counter::Exact,
                declared: Some(declared.clone()),
                method,
                correction,
                looks,
                ..Settings::default()
            };
            let analysis = analyse(&counts, &settings).unwrap();
            if let Some(record) = analysis.looks.as_ref().and_then(|looks| looks.taken.last()) {
                earlier.push(EarlierLook::Recorded(Box::new(record.clone())));
            }
            errors.disagreements += disagreements(&analysis);
            for c in analysis.goals.iter().flat_map(|goal| &goal.against_control) {
                errors.rows += 1;
                primary |= c.family == Family::Primary && c.decision.is_some();
                secondary |= c.family == Family::Secondary && c.decision.is_some();
            }
        }
        errors.primary.count(primary);
        errors.secondary.count(secondary);
    }
    errors
}

fn disagreements(analysis: &Analysis) -> u64 {
    let rows = analysis.goals.iter().flat_map(|goal| &goal.against_control);
    let disagrees = rows.filter(|c| {
        let excludes =
            c.lift_low.is_some_and(|low| low > 0.0) || c.lift_high.is_some_and(|high| high < 0.0);
        let small = c.adjusted_p_value.is_some_and(|p| p < 0.05);
        excludes != small || excludes != c.decision.is_some()
    });
    disagrees.count() as u64
}

#[test]
fn each_family_is_wrong_in_at_most_5_percent_with_every_method() {
    for method in [Method::AlwaysValid, Method::Fixed, Method::Sequential] {
        // Sequential analyses are slow, see `crossings`. A short simulation plays fewer looks, and a long one
        // fewer runs.
        let (looks, played) = match (method, runs(0)) {
            (Method::Sequential, 0) => (12, 10),
            (Method::Sequential, many) => (60, many.min(400)),
            _ => (60, runs(20)),
        };
        for correction in [Correction::Bonferroni, Correction::BenjaminiHochberg] {
            if (method, correction) == (Method::Sequential, Correction::BenjaminiHochberg) {
                // Looks correct with Bonferroni in either case.
                continue;
            }
            let aa = Aa {
                weights: vec![1.0; 3],
                rates: (0..10).map(|goal| 0.05 * f64::from(goal + 1)).collect(),
                participants_per_look: 3_000,
                looks,
                late: 0.0,
            };
            let errors = errors(&aa, method, correction, played);
            println!(
                "S8 {method:?}, {correction:?}, {} looks: primary {}, secondary {}; {} of {} rows disagree",
                aa.looks, errors.primary, errors.secondary, errors.disagreements, errors.rows
            );
            assert_eq!(errors.disagreements, 0);
            assert!(errors.primary.at_most(0.05), "{}", errors.primary);
            assert!(errors.secondary.at_most(0.05), "{}", errors.secondary);
            if method != Method::Sequential {
                continue;
            }
            assert_eq!(crossings(&aa, played), (errors.primary, errors.secondary));
        }
    }
}

#[test]
fn planned_looks_are_wrong_in_at_most_5_percent_of_many_runs() {
    let aa = Aa {
        weights: vec![1.0; 3],
        rates: (0..10).map(|goal| 0.05 * f64::from(goal + 1)).collect(),
        participants_per_look: 3_000,
        looks: 60,
        late: 0.0,
    };
    let (primary, secondary) = crossings(&aa, runs(20));
    println!("S8 bounds of 60 looks: primary {primary}, secondary {secondary}");
    assert!(primary.at_most(0.05), "{primary}");
    assert!(secondary.at_most(0.05), "{secondary}");
}

#[test]
fn always_valid_verdicts_are_ever_wrong_in_at_most_5_percent() {
    for rate in [0.001, 0.01, 0.1] {
        for weights in [vec![0.5, 0.5], vec![0.9, 0.1]] {
            for late in [0.0, 0.3] {
                let aa = Aa {
                    weights: weights.clone(),
                    rates: vec![rate],
                    participants_per_look: 4_000,
                    looks: 60,
                    late,
                };
                let errors = errors(&aa, Method::AlwaysValid, Correction::Bonferroni, runs(20));
                println!(
                    "S9 rate {rate}, weights {weights:?}, {late} late: ever wrong {}",
                    errors.primary
                );
                assert_eq!(errors.disagreements, 0);
                assert!(errors.primary.at_most(0.05), "{}", errors.primary);
            }
        }
    }
}

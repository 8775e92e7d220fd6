//! How long an analysis takes: `cargo bench -p abtest-stats`.
//!
//! Goals: an experiment of 5 variants and 10 goals in under a millisecond; 10,000 experiments in under 5 seconds.

use abtest_stats::analysis::{Counts, GoalCounts, Settings, VariantCounts, analyse};
use abtest_stats::bayes::win_probabilities;
use abtest_stats::group_sequential::group_sequential;
use abtest_stats::level::Level;
use abtest_stats::proportion::Proportion;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn experiment(seed: u64, variants: u64, goals: u64) -> Counts {
    let trials = |v: u64| 40_000 + 313 * v + 97 * (seed % 53);
    let variant = |v: u64| VariantCounts {
        name: format!("variant {v}"),
        trials: trials(v),
        weight: Some(1.0),
    };
    let goal = |g: u64| {
        let successes = (0..variants).map(|v| trials(v) * (4 + g) / 100 + 37 * v + seed % 29);
        GoalCounts::new(format!("goal {g}"), successes.collect())
    };
    Counts {
        variants: (0..variants).map(variant).collect(),
        goals: (0..goals).map(goal).collect(),
        periods: Vec::new(),
    }
}

fn benches(criterion: &mut Criterion) {
    let settings = Settings::default();
    let large = experiment(0, 5, 10);
    criterion.bench_function("one experiment, 5 variants, 10 goals", |b| {
        b.iter(|| analyse(black_box(&large), &settings));
    });
    let summary = Settings { only_verdict: true, ..Settings::default() };
    criterion.bench_function("one experiment, 5 variants, 10 goals, only the verdict", |b| {
        b.iter(|| analyse(black_box(&large), &summary));
    });
    let small = experiment(0, 2, 2);
    criterion.bench_function("one experiment, 2 variants, 2 goals", |b| {
        b.iter(|| analyse(black_box(&small), &settings));
    });
    let five: Vec<Proportion> = large
        .variants
        .iter()
        .zip(&large.goals[0].successes)
        .filter_map(|(v, &s)| Proportion::from_counts(s, v.trials).ok())
        .collect();
    criterion.bench_function("win probabilities of 5 variants", |b| {
        b.iter(|| win_probabilities(black_box(&five)));
    });
    let looks: Vec<f64> = (1..=20).map(|look| f64::from(look) / 20.0).collect();
    criterion.bench_function("bounds of 20 looks", |b| {
        b.iter(|| group_sequential(black_box(&looks), Level::DEFAULT));
    });
    let many: Vec<Counts> = (0..10_000).map(|seed| experiment(seed, 5, 10)).collect();
    let mut group = criterion.benchmark_group("many");
    group.sample_size(10);
    group.bench_function("10,000 experiments, 5 variants, 10 goals", |b| {
        b.iter(|| many.iter().filter(|counts| analyse(counts, &settings).is_ok()).count());
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);

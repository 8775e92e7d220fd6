//! Evaluations per second with 10 running experiments per unit.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use abtest_assign::{Context, Evaluated};
use abtest_model::Uuid;
use abtest_model::definition::UnitHash;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Map, Value, json};

const EXPERIMENTS: usize = 10;

/// Every second experiment has targeting; every third has half of the traffic.
fn experiments(hash: UnitHash) -> Vec<Evaluated> {
    let one = |n: usize| {
        let published = json!({
            "name": format!("experiment-{n}"), "id": format!("{n:08x}"), "salt": format!("5a17{n:04x}"),
            "status": "running", "ring": format!("{n:08x}"),
            "slots": if n.is_multiple_of(3) { json!([[0, 5_000]]) } else { json!([[0, 10_000]]) },
            "targeting": if n.is_multiple_of(2) { json!({"country": {"$in": ["DE", "AT", "CH"]}}) } else { Value::Null },
            "allocation": {"number": 1, "ranges": {"control": [[0, 5_000]], "green": [[5_000, 10_000]]}},
            "variants": [{"name": "control"}, {"name": "green"}], "fallback": "control",
        });
        Evaluated::new(serde_json::from_value(published).unwrap(), hash).unwrap()
    };
    (0..EXPERIMENTS).map(one).collect()
}

fn evaluate(criterion: &mut Criterion) {
    let units: Vec<Uuid> = (0..1_024u32)
        .map(|n| {
            Uuid::new(format!("{:08x}-0000-4000-8000-{:012x}", n.wrapping_mul(0x9e37_79b9), n))
                .unwrap()
        })
        .collect();
    let attributes: Map<String, Value> =
        json!({"country": "DE", "platform": "ios", "version": "1.2.3"})
            .as_object()
            .unwrap()
            .clone();
    let mut group = criterion.benchmark_group("evaluate 10 experiments");
    group.throughput(Throughput::Elements(EXPERIMENTS as u64));
    for (name, hash) in [("murmur3", UnitHash::Murmur3), ("growthbook", UnitHash::Growthbook)] {
        let experiments = experiments(hash);
        let mut next = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                next = (next + 1) % units.len();
                let context = Context::with(&units[next], &attributes);
                for experiment in &experiments {
                    black_box(experiment.evaluate(&context));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, evaluate);
criterion_main!(benches);

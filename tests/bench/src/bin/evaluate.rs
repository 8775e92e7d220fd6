//! Evaluations per second of `crates/assign`, on one core.
//! usage: evaluate CONFIG EVALUATIONS, where CONFIG is the answer of `/config`. Prints JSON.

use std::hint::black_box;
use std::time::Instant;

use abtest_assign::{Context, Evaluated};
use abtest_model::Uuid;
use abtest_model::definition::published::Published;
use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let config = std::fs::read(arguments.next().context("which config?")?)?;
    let evaluations: usize = arguments.next().context("how many evaluations?")?.parse()?;
    let published: Published = serde_json::from_slice(&config)?;
    let hash = published.hash;
    let experiments = published.experiments.into_iter().map(|one| Evaluated::new(one, hash));
    let experiments = experiments.collect::<Result<Vec<Evaluated>, _>>()?;
    let units =
        (0..1_024).map(|number| Uuid::new(format!("{number:08x}-0000-4000-8000-000000000000")));
    let units = units.collect::<Result<Vec<Uuid>, _>>()?;
    let attributes = serde_json::json!({"country": "DE", "platform": "ios", "version": "1.2.3"});
    let attributes = attributes.as_object().context("an object")?;
    let (start, mut exposures) = (Instant::now(), 0);
    for round in 0..evaluations / experiments.len() {
        let context = Context::with(&units[round % units.len()], attributes);
        for experiment in &experiments {
            exposures += usize::from(black_box(experiment.evaluate(&context)).exposure());
        }
    }
    let per_second = evaluations as f64 / start.elapsed().as_secs_f64();
    println!("{{\"per_second\": {per_second}, \"exposures\": {exposures}}}");
    Ok(())
}

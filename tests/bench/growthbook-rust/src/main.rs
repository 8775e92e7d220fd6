//! Evaluations per second of GrowthBook's Rust SDK, on one core.
//! usage: growthbook-bench FEATURES EVALUATIONS, where FEATURES is the answer of `/api/features`. Prints JSON.

use std::collections::HashMap;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use growthbook_rust::dto::GrowthBookFeature;
use growthbook_rust::growthbook::GrowthBook;
use growthbook_rust::model_public::GrowthBookAttribute;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let payload: Value = serde_json::from_slice(&std::fs::read(arguments.next().ok_or("which features?")?)?)?;
    let evaluations: usize = arguments.next().ok_or("how many evaluations?")?.parse()?;
    let features: HashMap<String, GrowthBookFeature> = serde_json::from_value(payload["features"].clone())?;
    let names: Vec<String> = features.keys().cloned().collect();
    let growthbook = GrowthBook {
        forced_variations: None,
        features,
        attributes: None,
        sticky_bucket_service: None,
        saved_groups: HashMap::new(),
    };
    let attributes = |number: usize| {
        GrowthBookAttribute::from(json!({"id": format!("{number:08x}-0000-4000-8000-000000000000"),
            "country": "DE", "platform": "ios", "version": "1.2.3"}))
    };
    let units = (0..1_024).map(|number| attributes(number).map(Some)).collect::<Result<Vec<_>, _>>()?;
    let (start, mut exposures) = (Instant::now(), 0);
    for round in 0..evaluations / names.len() {
        let unit = &units[round % units.len()];
        for name in &names {
            let result = black_box(growthbook.check(name, unit));
            exposures += usize::from(result.experiment_result.is_some_and(|result| result.in_experiment));
        }
    }
    let per_second = evaluations as f64 / start.elapsed().as_secs_f64();
    println!("{{\"per_second\": {per_second}, \"exposures\": {exposures}}}");
    Ok(())
}

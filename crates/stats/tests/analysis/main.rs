//! The analysis of whole experiments: what it says, and that it always says something.
//!
//! | module | holds |
//! |---|---|
//! | `verdicts` | what the report says of counts |
//! | `looks` | the sequential method |
//! | `declared` | what declared goals and variants change |
//! | `periods` | weights that changed |
//! | `means` | revenue and other totals per participant |
//! | `segments` | results by segment |
//! | `soundness` | the sample ratio, and what disturbs it |
//! | `laws` | what holds for all counts and settings |

#![allow(clippy::unwrap_used)] // a panic is how a test says no

mod declared;
mod laws;
mod looks;
mod means;
mod periods;
mod segments;
mod soundness;
mod verdicts;

use abtest_stats::analysis::{
    Analysis, Comparison, Counts, Declared, EarlierLook, GoalCounts, LookRecord, Looks, Method,
    RemarkCode, Settings, VariantCounts, analyse,
};
use abtest_stats::counter_error::Counter;

/// Variants as (trials, successes), all of weight 1, named A, B, C …
fn counts(variants: &[(u64, u64)]) -> Counts {
    let name = |index: usize| char::from(b'A' + index as u8).to_string();
    Counts {
        variants: variants
            .iter()
            .enumerate()
            .map(|(index, &(trials, _))| VariantCounts {
                name: name(index),
                trials,
                weight: Some(1.0),
            })
            .collect(),
        goals: vec![GoalCounts::new(
            "signups",
            variants.iter().map(|&(_, successes)| successes).collect(),
        )],
        periods: Vec::new(),
    }
}

fn exact() -> Settings {
    Settings { counter: Counter::Exact, ..Settings::default() }
}

fn of(variants: &[(u64, u64)]) -> Analysis {
    analyse(&counts(variants), &exact()).unwrap()
}

fn codes(analysis: &Analysis) -> Vec<RemarkCode> {
    analysis.warnings.iter().chain(&analysis.notes).map(|remark| remark.code).collect()
}

fn declared(counts: &Counts) -> Declared {
    Declared::as_counted(counts, Some("signups"))
}

fn looks(planned: u64, earlier: &[u64]) -> Looks {
    Looks {
        planned,
        earlier: earlier.iter().map(|&look| EarlierLook::Told(look)).collect(),
        now: true,
    }
}

fn at_looks(variants: &[(u64, u64)], looks: Looks) -> Analysis {
    let settings = Settings { method: Method::Sequential, looks: Some(looks), ..exact() };
    analyse(&counts(variants), &settings).unwrap()
}

fn sequential(variants: &[(u64, u64)], planned: u64, earlier: &[u64]) -> Analysis {
    at_looks(variants, looks(planned, earlier))
}

fn first(analysis: &Analysis) -> &Comparison {
    &analysis.goals[0].against_control[0]
}

/// The look that an analysis was, as it is stored and read back.
fn record(analysis: &Analysis) -> LookRecord {
    let look = analysis.looks.as_ref().unwrap().taken.last().unwrap();
    serde_json::from_str(&serde_json::to_string(look).unwrap()).unwrap()
}

fn after(records: &[LookRecord], planned: u64, now: bool) -> Looks {
    let earlier =
        records.iter().map(|look| EarlierLook::Recorded(Box::new(look.clone()))).collect();
    Looks { planned, earlier, now }
}

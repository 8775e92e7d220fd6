//! The scripts' words for what the limits refuse.

use abtest_model::Limits;

use crate::Refusal;

/// Reads a word; none where it is no refusal.
pub(super) fn refusal(word: &str, limits: &Limits) -> Option<Refusal> {
    Some(match word {
        "namespaces" => Refusal::Namespaces { limit: limits.namespaces },
        "experiments" => Refusal::Experiments { limit: limits.experiments },
        "counters" => Refusal::Counters { limit: limits.counters },
        "counters_per_experiment" => {
            Refusal::CountersPerExperiment { limit: limits.counters_per_experiment }
        }
        "wrong_type" => Refusal::WrongType,
        _ => return None,
    })
}

//! Reads the words with which the scripts say that a limit refused an event.

use abtest_config::Limits;

use crate::Refusal;

/// Reads a word. `None` if it is not a refusal.
pub(super) fn refusal(word: &str, limits: &Limits) -> Option<Refusal> {
    Some(match word {
        "namespaces" => Refusal::Namespaces { limit: limits.namespaces },
        "experiments" => Refusal::Experiments { limit: limits.experiments },
        "counters" => Refusal::Counters { limit: limits.counters },
        "counters_per_experiment" => {
            Refusal::CountersPerExperiment { limit: limits.counters_per_experiment }
        }
        "namespaces_per_hour" => Refusal::NamespacesPerHour { limit: limits.namespaces_per_hour },
        "experiments_per_hour" => {
            Refusal::ExperimentsPerHour { limit: limits.experiments_per_hour }
        }
        "counters_per_hour" => Refusal::CountersPerHour { limit: limits.counters_per_hour },
        "wrong_type" => Refusal::WrongType,
        _ => return None,
    })
}

//! The counts as dashboards read them: an array whose first element is [`Meta`] and whose other
//! elements are one experiment each, with Gimel's members and ours.

use serde::{Deserialize, Serialize};

use crate::allocations::AllocationResults;
use crate::name::Goal;
use crate::tally::{Baseline, Counting, Tally};
use crate::timeline::TimelineResults;
use crate::values::GoalValuesResults;

/// What the results were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Meta {
    /// The `scope` parameter as it was sent, or null.
    pub scope: Option<String>,
    /// The namespace that was read.
    pub namespace: String,
}

/// One experiment's counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExperimentResults {
    /// The experiment's name.
    pub experiment: String,
    /// Its goals, by name, without `participate`.
    pub goals: Vec<GoalResults>,
    /// Its variants, by name, also before the first goal is reached.
    pub variants: Vec<VariantResults>,
    /// How the counters count: `hll` has a standard error of 0.81%, `exact` has no error.
    pub counting: Counting,
    /// How many uuids were new on each UTC day, by the server's clock. With `hll` each number is the
    /// difference of two estimates with an error of 0.81% each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub timeline: Option<TimelineResults>,
    /// How many uuids were new under each allocation. Absent if no event stated one, and in
    /// lists unless the weights changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub allocations: Option<AllocationResults>,
    /// Bytes that the counters use in Redis, to a few percent, with `memory=true`. Absent if the store
    /// keeps counters on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub memory: Option<u64>,
    /// What Gimel or Lamed had counted before `abtest import`. Successes and trials do not include
    /// it. Absent in lists, and if nothing was imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starting_values: Vec<Baseline>,
}

/// One goal's counts in every variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GoalResults {
    /// The goal's name.
    pub goal: String,
    /// A row for each variant of the experiment. A variant without a counter has 0.
    pub results: Vec<VariantCount>,
    /// What the units' events added up to. Absent if no event had a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub values: Option<GoalValuesResults>,
}

/// One goal's count in one variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VariantCount {
    /// The variant's name.
    pub label: String,
    /// How many uuids reached the goal.
    pub successes: u64,
    /// How many uuids took part.
    pub trials: u64,
}

/// One variant's participants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VariantResults {
    /// The variant's name.
    pub label: String,
    /// How many uuids took part.
    pub trials: u64,
}

impl From<&Tally> for ExperimentResults {
    fn from(tally: &Tally) -> Self {
        let variants = tally.variants();
        let count = |goal: &Goal| GoalResults {
            goal: goal.to_string(),
            results: variants
                .iter()
                .map(|variant| VariantCount {
                    label: variant.to_string(),
                    successes: tally.count(goal.as_str(), variant),
                    trials: tally.trials(variant),
                })
                .collect(),
            values: tally
                .values
                .as_ref()
                .and_then(|values| values.0.get(goal))
                .map(GoalValuesResults::from),
        };
        Self {
            experiment: tally.experiment.to_string(),
            goals: tally.goals().map(count).collect(),
            variants: variants
                .iter()
                .map(|variant| VariantResults {
                    label: variant.to_string(),
                    trials: tally.trials(variant),
                })
                .collect(),
            counting: tally.counting,
            timeline: tally.timeline.as_ref().map(TimelineResults::from),
            allocations: AllocationResults::of(tally),
            memory: tally.memory,
            starting_values: tally.baselines.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Experiment, Variant};

    fn tally(counts: &[(&str, &str, u64)]) -> Tally {
        let mut tally = Tally::new(Experiment::new("button color").unwrap(), Counting::Hll);
        for (goal, variant, count) in counts {
            tally.set(Goal::new(*goal).unwrap(), Variant::new(*variant).unwrap(), *count);
        }
        tally
    }

    #[test]
    fn gimels_members_are_where_gimels_dashboards_read_them() {
        let tally = tally(&[
            ("participate", "red", 498),
            ("participate", "blue", 502),
            ("signup", "red", 31),
        ]);
        assert_eq!(
            serde_json::to_value(ExperimentResults::from(&tally)).unwrap(),
            serde_json::json!(
                {"experiment": "button color",
                 "goals": [{"goal": "signup", "results": [
                    {"label": "blue", "successes": 0, "trials": 502},
                    {"label": "red", "successes": 31, "trials": 498}]}],
                 "variants": [{"label": "blue", "trials": 502}, {"label": "red", "trials": 498}],
                 "counting": "hll"}
            )
        );
    }

    #[test]
    fn variants_are_shown_before_the_first_goal_is_reached() {
        let results = ExperimentResults::from(&tally(&[("participate", "red", 1)]));
        assert!(results.goals.is_empty());
        assert_eq!(results.variants[0].label, "red");
    }
}

//! The results document: what `GET /experiments` and `GET /experiments/{experiment}` answer. The
//! API writes these types, and the CLI reads them.

use abtest_model::ExperimentResults;
use abtest_model::results::{Meta, VariantResults};
use abtest_stats::analysis::{Analysis, Comparison, GoalAnalysis, Outcome, RemarkCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most bytes of a [`Summary`] as JSON.
pub const MAX_SUMMARY_BYTES: usize = 700;

/// An experiment: its counts, and what they mean.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AnalysedResults {
    /// The counts.
    #[serde(flatten)]
    pub results: ExperimentResults,
    /// The experiment's definition: the whole document if the experiment was asked for by its name;
    /// status, version, traffic, control, texts, schedule and times in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Object>)]
    pub definition: Option<serde_json::Value>,
    /// What was counted and is not in the definition. It is part of no family and no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub undeclared: Option<Undeclared>,
    /// The parameters of the request that replace the definition's plan. If there are any, the
    /// analysis is a "what if".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what_if: Vec<String>,
    /// The verdict in short, with `analysis=summary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub summary: Option<Summary>,
    /// What the counts mean, with `analysis=full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub analysis: Option<Analysis>,
    /// The lift at the end of each day, with `history=true` where days are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub history: Option<History>,
}

impl AnalysedResults {
    /// The participants of all variants together.
    #[must_use]
    pub fn participants(&self) -> u64 {
        let trials = |variant: &VariantResults| variant.trials;
        self.results.variants.iter().map(trials).fold(0, u64::saturating_add)
    }
}

/// Names that were counted and are not in the definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Undeclared {
    /// The goals.
    pub goals: Vec<String>,
    /// The variants.
    pub variants: Vec<String>,
}

/// Participants, in all variants together, at which a group-sequential test of the verdict's goal
/// finds the minimum lift. `None` if that is not known yet.
#[must_use]
pub fn planned_size(analysis: &Analysis) -> Option<u64> {
    /// Looks with O'Brien-Fleming spending need up to 3% more participants than one test at the end
    /// (Jennison and Turnbull 2000, table 2.5).
    const FOR_LOOKS: f64 = 1.03;
    let named = |goal: &&GoalAnalysis| Some(&goal.goal) == analysis.verdict.goal.as_ref();
    let goal = analysis.goals.iter().find(named).or(analysis.goals.first())?;
    let per_variant = |one: &Comparison| one.sample_needed.per_variant;
    let per_variant = goal.against_control.iter().filter_map(per_variant).max()?;
    let participants = per_variant as f64 * goal.variants.len() as f64 * FOR_LOOKS;
    Some(participants.ceil() as u64)
}

/// The verdict in short: at most 700 bytes of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// The kind of verdict.
    pub outcome: Outcome,
    /// The verdict in words. A very long one ends with `…`.
    pub sentence: String,
    /// The goal that the verdict is about. Null if there is no goal, or if its name is very long.
    pub goal: Option<String>,
    /// The variant that the verdict is about. Null if it is about no single variant, or if the name is very long.
    pub variant: Option<String>,
    /// The variant that the others are compared with. Null as for `variant`.
    pub control: Option<String>,
    /// Whether the participants are not split over the variants as they should be.
    pub sample_ratio_alarm: bool,
    /// What the warnings of the full analysis are about.
    pub warnings: Vec<RemarkCode>,
    /// How many looks were taken.
    pub looks: u64,
}

impl From<&Analysis> for Summary {
    fn from(analysis: &Analysis) -> Self {
        let verdict = &analysis.verdict;
        let mut warnings = Vec::new();
        for warning in &analysis.warnings {
            if !warnings.contains(&warning.code) {
                warnings.push(warning.code);
            }
        }
        Self {
            outcome: verdict.outcome,
            sentence: shortened(&verdict.sentence),
            goal: if_short(verdict.goal.as_ref()),
            variant: if_short(verdict.variant.as_ref()),
            control: if_short(analysis.control.as_ref()),
            sample_ratio_alarm: analysis.sample_ratio.alarm,
            warnings,
            looks: analysis.looks.as_ref().map_or(0, |looks| looks.taken.len() as u64),
        }
    }
}

/// Bytes of JSON that the sentence may take, so that the whole stays within its limit.
const SENTENCE_BYTES: usize = 200;

/// Bytes of JSON that each name may take.
const NAME_BYTES: usize = 40;

/// The text, cut so that its JSON fits.
fn shortened(text: &str) -> String {
    if json_bytes(text) <= SENTENCE_BYTES {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut bytes = json_bytes("…");
    for character in text.chars() {
        bytes += json_bytes(character.encode_utf8(&mut [0; 4]));
        if bytes > SENTENCE_BYTES {
            break;
        }
        short.push(character);
    }
    short + "…"
}

/// The name, unless it is very long: a cut name would be another name.
fn if_short(name: Option<&String>) -> Option<String> {
    name.filter(|name| json_bytes(name) <= NAME_BYTES).cloned()
}

/// The length of a text in JSON, without its quotes.
fn json_bytes(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len() - 2)
}

/// The lift of each variant over time, with its always-valid interval. A counter that is older than
/// its days starts with what it held then. With `hll` each day is an estimate.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The days, as in the time line.
    pub days: Vec<String>,
    /// A row for each goal and each variant except the control.
    pub rows: Vec<HistoryRow>,
}

/// The lift of one variant: one number for each day, null where the counts say nothing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HistoryRow {
    /// The goal.
    pub goal: String,
    /// The variant.
    pub variant: String,
    /// The lift over the control.
    pub lift: Vec<Option<f64>>,
    /// The lower end of its always-valid interval.
    pub low: Vec<Option<f64>>,
    /// The upper end.
    pub high: Vec<Option<f64>>,
}

/// The first element of a list of experiments.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Head {
    /// What was asked for.
    pub meta: Meta,
}

/// One element of a list of experiments.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ResultsElement {
    /// The first element.
    Head(Head),
    /// Every other element.
    Experiment(Box<AnalysedResults>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_stats::analysis::{Counts, GoalCounts, Settings, VariantCounts, analyse};
    use proptest::prelude::*;

    fn analysis(control: &str, variant: &str, goal: &str, counts: [u64; 4]) -> Analysis {
        let of = |name: &str, trials| VariantCounts { name: name.to_owned(), trials, weight: None };
        let goal = GoalCounts::new(goal, counts[2..].to_vec());
        let counts = Counts {
            variants: vec![of(control, counts[0]), of(variant, counts[1])],
            goals: vec![goal],
            ..Counts::default()
        };
        analyse(&counts, &Settings::default()).unwrap()
    }

    #[test]
    fn a_summary_says_what_the_verdict_says() {
        let analysis = analysis("blue", "red", "signup", [20_000, 20_100, 1_000, 1_300]);
        let summary = Summary::from(&analysis);
        assert_eq!(summary.outcome, Outcome::Better);
        assert_eq!(summary.sentence, analysis.verdict.sentence);
        assert_eq!(summary.variant.as_deref(), Some("red"));
        assert_eq!(summary.control.as_deref(), Some("blue"));
        assert!(!summary.sample_ratio_alarm && summary.looks == 0);
    }

    #[test]
    fn a_summary_shows_the_alarm() {
        let summary = Summary::from(&analysis("a", "b", "g", [10_000, 20_000, 1_000, 2_000]));
        assert_eq!(summary.outcome, Outcome::Unsound);
        assert!(summary.sample_ratio_alarm);
        assert!(summary.warnings.contains(&RemarkCode::SampleRatioMismatch));
    }

    proptest! {
        #[test]
        fn no_name_makes_a_summary_long(
            control in "[^\\p{Cc}]{1,50}", variant in "[\"\\\\é漢👩]{1,60}", goal in "[\"\\\\é漢👩]{1,60}",
            counts in proptest::array::uniform4(0..30_000_u64),
        ) {
            prop_assume!(control != variant);
            let summary = Summary::from(&analysis(&control, &variant, &goal, counts));
            let json = serde_json::to_string(&summary).unwrap();
            prop_assert!(json.len() <= MAX_SUMMARY_BYTES, "{} bytes: {json}", json.len());
            prop_assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
        }
    }
}

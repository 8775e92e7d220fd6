//! The analysis that a completed experiment keeps.

use abtest_model::definition::Time;
use abtest_model::{Experiment, Namespace};
use abtest_store::Store;
use serde_json::{Value, json};

use crate::http::problem::Problem;
use crate::namespace::NamespaceState;
use crate::operator::analysis::{Asked, Detail, Question, Report, read, stuffing};
use crate::operator::kept::{self, Kept};

/// Largest decision with a whole analysis, in bytes of JSON. A larger one keeps the summary.
const MAX_BYTES: usize = 256 * 1024;

/// The results of this moment, as `GET /experiments/{experiment}` shows them, with the time. Nothing
/// if nothing was counted.
pub(super) async fn decision<S: Store>(
    store: &S,
    state: &NamespaceState,
    namespace: &Namespace,
    experiment: &Experiment,
    now: Time,
) -> Result<Option<Value>, Box<Problem>> {
    let scope = Some(std::slice::from_ref(experiment));
    let kept = kept::read(store, state, namespace, scope, kept::OF_A_REPORT).await?;
    let Some(Kept { tally, earlier, .. }) = kept.into_iter().find(|kept| !kept.tally.is_empty())
    else {
        return Ok(None);
    };
    let of = async |detail| -> Result<Value, Box<Problem>> {
        let Report { mut answer, .. } =
            read(&Question::of_definition(detail), &tally, &earlier, Asked::AmongOthers)?;
        if let Some(analysis) = &mut answer.analysis {
            stuffing::add(store, namespace, &tally, analysis).await?;
        }
        // The warnings needed the days. The record leaves them out.
        answer.results.timeline = None;
        let mut decision = serde_json::to_value(&answer).unwrap_or_default();
        if let Value::Object(members) = &mut decision {
            members.remove("definition");
        }
        decision["at"] = json!(now);
        Ok(decision)
    };
    let whole = of(Detail::Full).await?;
    if whole.to_string().len() <= MAX_BYTES {
        return Ok(Some(whole));
    }
    of(Detail::Summary).await.map(Some)
}

//! Taking a look at an experiment, and discarding all looks.

use std::sync::Arc;

use abtest_model::event::namespace_of;
use abtest_model::{Day, Experiment, Query};
use abtest_store::contents::to_json;
use abtest_store::{Expected, Include, Kind, Store, StoreError, Write};
use http::{Response, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::refusals::{DamagedLooks, NoExperiment, Refusals};
use crate::AnswerBody;
use crate::document::AnalysedResults;
use crate::http::answer_limit::AnswerLimit;
use crate::http::problem::Problem;
use crate::http::response::json;
use crate::operator::alarms;
use crate::operator::analysis::{AnalysisParameters, Question, Report, look};
use crate::operator::attempts::{ATTEMPTS, busy, committed};
use crate::operator::beside::beside;
use crate::operator::definitions::commit::Definitions;
use crate::operator::kept::Kept;
use crate::operator::looks_document::LooksDocument;
use crate::operator::results::{known, to_json as bytes};

/// How to take a look whose answer a function cannot send.
const TAKE_IT_BESIDE: &str =
    "no look was taken; take it with `abtest results EXPERIMENT --look --redis URL`";

/// Takes a look and stores it.
///
/// The answer is that of `GET /experiments/{experiment}?method=sequential` from now on. Only looks
/// taken here move the sequential method's verdict: reading, a dashboard that refreshes or `--watch`
/// take none. Take looks at any time and in any number. A look less than a thousandth of the plan
/// after the last one is the last one again. What a look decided stays decided, whatever goals,
/// variants, controls or levels come later. The first look needs `planned` and fixes it, the control
/// and the level. Deleting the experiment deletes its looks.
#[utoipa::path(
    post, path = "/experiments/{experiment}/looks", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("planned" = Option<u64>, Query, minimum = 1, maximum = 999999999999999u64, description = "for the first look: the \
            number of participants, in all variants together, at which the experiment ends; more \
            than there are now"),
        ("method" = Option<String>, Query, pattern = "^sequential$", description = "`sequential`"),
        AnalysisParameters,
    ),
    responses(
        (status = 200, description = "the look is stored; the experiment as the look sees it",
            body = AnalysedResults),
        Refusals, NoExperiment, DamagedLooks,
        (status = 503, description = "the store cannot be reached: no look was taken", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn take<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
    limit: AnswerLimit,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let question = Arc::new(Question::to_look(query)?);
    for _ in 0..ATTEMPTS {
        let state = definitions.namespaces.read(store, &namespace).await?;
        let Kept { tally, earlier, looks_expected } =
            known(store, &state, &namespace, experiment.clone(), Include::COUNTS).await?;
        earlier.readable_looks()?;
        let question = Arc::clone(&question);
        let (earlier, looked) = beside(move || {
            let looked = look(&question, &tally, &earlier);
            (earlier, looked)
        })
        .await?;
        let (look, Report { answer, new_alarm }) = looked?;
        // An answer that cannot be sent must not leave a look behind.
        let answer = limit.answer_with_hint(bytes(&answer), "analysis", TAKE_IT_BESIDE)?;
        let mut writes = Vec::new();
        if let Some(alarm) = &new_alarm {
            writes.push(alarms::write(&experiment, alarm)?);
        }
        if let Some(look) = look {
            let looks = earlier.readable_looks()?.with(look);
            writes.push(write(&experiment, looks_expected, &looks, "look", None)?);
        }
        if writes.is_empty() {
            return Ok(answer);
        }
        // If another writer was faster, it took a look, raised the alarm or deleted the experiment.
        if committed(store, &namespace, state.version, writes).await? {
            return Ok(answer);
        }
    }
    Err(busy())
}

/// The answer to a reset.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LooksReset {
    /// The experiment's name.
    experiment: String,
    /// How many looks were discarded.
    discarded: u64,
}

/// Discards all looks of an experiment.
///
/// The next look is the first one again and needs a plan. Every later report says that looks were
/// discarded, because the error rate of the sequential method does not hold across a reset.
#[utoipa::path(
    delete, path = "/experiments/{experiment}/looks", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, min_length = 1, max_length = 200,
            description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "there are no looks any more", body = LooksReset),
        Refusals, NoExperiment, DamagedLooks,
    ),
    security(("key" = []))
)]
pub(crate) async fn reset<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    for _ in 0..ATTEMPTS {
        let state = definitions.namespaces.read(store, &namespace).await?;
        let Kept { earlier, looks_expected, .. } =
            known(store, &state, &namespace, experiment.clone(), Include::COUNTS).await?;
        let looks = earlier.readable_looks()?;
        let discarded = looks.looks.len() as u64;
        let answer = LooksReset { experiment: experiment.to_string(), discarded };
        let Some(reset) = looks.reset(Day::today().to_string()) else {
            return Ok(json(StatusCode::OK, &answer));
        };
        let write = write(&experiment, looks_expected, &reset, "reset looks", Some(looks))?;
        // If another writer was faster, it took a look, which is discarded too, or deleted the
        // experiment.
        if committed(store, &namespace, state.version, vec![write]).await? {
            return Ok(json(StatusCode::OK, &answer));
        }
    }
    Err(busy())
}

/// An entry in the history of the looks.
#[derive(Serialize)]
struct Entry<'a> {
    action: &'static str,
    /// What a reset discarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    discarded: Option<&'a LooksDocument>,
}

fn write(
    experiment: &Experiment,
    expected: Expected,
    looks: &LooksDocument,
    action: &'static str,
    discarded: Option<&LooksDocument>,
) -> Result<Write, StoreError> {
    let entry = to_json(&Entry { action, discarded })?;
    let write = Write::put(Kind::Looks.of(experiment), expected, to_json(looks)?);
    Ok(write.with_entry(entry))
}

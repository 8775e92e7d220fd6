//! The changes of a definition.

use abtest_model::definition::{ChangeRecord, EarlierChange, Time};
use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Query};
use abtest_store::{HistoryEntry, Kind, Store, StoreError};
use http::Response;

use crate::AnswerBody;
use crate::edited::HistoryChange;
use crate::http::answer_limit::AnswerLimit;
use crate::http::problem::Problem;
use crate::operator::refusals::{NoExperiment, Refusals};
use crate::operator::results::to_json;

/// Most changes in one answer.
const MAX_LIMIT: usize = 1_000;

/// Lists the changes of an experiment's definition, oldest first. A deleted definition keeps its
/// history.
#[utoipa::path(
    get, path = "/experiments/{experiment}/history", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000,
            description = "most changes in the answer, the newest ones; 1,000 if absent"),
        ("before" = Option<u64>, Query, minimum = 1, maximum = 999999999999999u64,
            description = "only changes before this version, to read older ones"),
    ),
    responses(
        (status = 200, description = "the changes", body = Vec<HistoryChange>),
        Refusals, NoExperiment,
    ),
    security(("key" = []))
)]
pub(crate) async fn history<S: Store>(
    store: &S,
    experiment: Experiment,
    query: &Query<'_>,
    limit: AnswerLimit,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let most = number(query, "limit", MAX_LIMIT as u64)?.unwrap_or(MAX_LIMIT as u64);
    let before = number(query, "before", 999_999_999_999_999)?;
    let entries = store.history(&namespace, &Kind::Definition.of(&experiment)).await?;
    if entries.is_empty() {
        return Err(super::no_definition(&experiment));
    }
    let mut changes = Vec::with_capacity(entries.len());
    for entry in &entries {
        add(&mut changes, entry)?;
    }
    changes.retain(|change| before.is_none_or(|before| change.version < before));
    let most = usize::try_from(most).unwrap_or(MAX_LIMIT);
    let changes = changes.split_off(changes.len().saturating_sub(most));
    limit.answer_with_hint(to_json(&changes), "limit", "use a smaller `limit`, and `before`")
}

/// Adds the change of an entry. Before an import, it adds the changes in the other store.
fn add(changes: &mut Vec<HistoryChange>, entry: &HistoryEntry) -> Result<(), StoreError> {
    let damaged =
        || StoreError::Damaged { what: format!("version {} of a history", entry.version) };
    let mut record: ChangeRecord = serde_json::from_str(&entry.entry).map_err(|_| damaged())?;
    for EarlierChange { version, at, record } in std::mem::take(&mut record.earlier) {
        changes.push(change(version, at, record).ok_or_else(damaged)?);
    }
    changes.push(change(entry.version, entry.at, record).ok_or_else(damaged)?);
    Ok(())
}

fn change(version: u64, at: u64, record: ChangeRecord) -> Option<HistoryChange> {
    let at = Time::from_millis(i64::try_from(at).ok()?).ok()?.to_string();
    let ChangeRecord { by, actor, why, changed, deleted, version: own, earlier: _ } = record;
    let version = own.unwrap_or(version);
    Some(HistoryChange { version, at, by, actor, why, changed, deleted })
}

fn number(
    query: &Query<'_>,
    parameter: &'static str,
    most: u64,
) -> Result<Option<u64>, Box<Problem>> {
    let Some(text) = query.get(parameter)? else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.map(Some).ok_or_else(|| {
        let detail = format!("parameter `{parameter}` must be a whole number from 1 to {most}");
        Problem::wrong_parameter(parameter, "range", detail)
    })
}

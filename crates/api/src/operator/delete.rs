//! Deleting an experiment.

use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Query};
use abtest_store::Store;
use http::{Response, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::refusals::{NoExperiment, Refusals};
use super::results::{named, unknown};
use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::json;

/// Deletes an experiment with its counters.
#[utoipa::path(
    delete, path = "/experiments/{experiment}", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "it is deleted", body = Deletion),
        Refusals, NoExperiment,
    ),
    security(("key" = []))
)]
pub(crate) async fn delete<S: Store>(
    store: &S,
    experiment: Experiment,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    if !store.delete(&namespace, &experiment).await? {
        return Err(unknown(&namespace));
    }
    Ok(json(StatusCode::OK, &Deletion { experiment: experiment.to_string(), deleted: true }))
}

/// What became of a deletion.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deletion {
    /// The experiment's name.
    experiment: String,
    /// Whether it was there.
    deleted: bool,
}

/// Deletes an experiment, as Gimel does it: no error where there is none.
#[utoipa::path(
    delete, path = "/delete", tag = "operator",
    params(
        ("experiment" = String, Query, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "it is not there any more", body = Deletion),
        Refusals,
    ),
    security(("key" = []))
)]
pub(crate) async fn gimel_delete<S: Store>(
    store: &S,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let (namespace, experiment) = named(query)?;
    let deleted = store.delete(&namespace, &experiment).await?;
    Ok(json(StatusCode::OK, &Deletion { experiment: experiment.to_string(), deleted }))
}

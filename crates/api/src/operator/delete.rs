//! Deleting an experiment.

use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Query};
use abtest_store::Store;
use http::{Response, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::definitions::commit::Definitions;
use super::refusals::{NoExperiment, Refusals};
use super::results::{named, unknown};
use crate::AnswerBody;
use crate::http::author::Author;
use crate::http::problem::Problem;
use crate::http::response::json;

/// Deletes an experiment with its counters and its definition.
///
/// An experiment that is running, paused or completed is not deleted: complete and archive it first.
/// The history of its definition stays.
#[utoipa::path(
    delete, path = "/experiments/{experiment}", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "it is deleted", body = Deletion),
        Refusals, NoExperiment,
        (status = 409, description = "its definition is neither draft nor archived",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn delete<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
    author: &Author,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let was_defined = definitions.delete(store, &namespace, &experiment, author).await?;
    if !store.delete(&namespace, &experiment).await? && !was_defined {
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

/// Deletes an experiment, as Gimel does it: an unknown experiment is no error. The definition of an
/// experiment protects it here, too.
#[utoipa::path(
    delete, path = "/delete", tag = "operator",
    params(
        ("experiment" = String, Query, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "it is not there any more", body = Deletion),
        Refusals,
        (status = 409, description = "its definition is neither draft nor archived",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn gimel_delete<S: Store>(
    store: &S,
    definitions: &Definitions,
    query: &Query<'_>,
    author: &Author,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let (namespace, experiment) = named(query)?;
    let was_defined = definitions.delete(store, &namespace, &experiment, author).await?;
    let deleted = store.delete(&namespace, &experiment).await? || was_defined;
    Ok(json(StatusCode::OK, &Deletion { experiment: experiment.to_string(), deleted }))
}

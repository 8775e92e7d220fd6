//! Reading results and deleting experiments: the operator's endpoints.

use abtest_model::event::namespace_of;
use abtest_model::results::{GoalResults, Meta};
use abtest_model::{Experiment, ExperimentResults, Namespace, Query, Results};
use abtest_store::Store;
use http::{Response, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::AnswerBody;
use crate::problem::Problem;
use crate::response::json;

/// Every experiment's results, or those of the scope, as Gimel has them: an array whose first
/// element says what was asked for.
#[utoipa::path(
    get, path = "/experiments", tag = "operator",
    params(
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("scope" = Option<String>, Query, description = "names of experiments, with commas between"),
    ),
    responses(
        (status = 200, description = "an element `{meta}`, then an element for each experiment, by \
            name or in the scope's order", body = Vec<ResultsElement>),
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "the key is wrong or missing", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "a key holds no counter", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be reached", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn results<S: Store>(
    store: &S,
    query: &str,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let query = Query::parse(query)?;
    let namespace = namespace_of(&query)?;
    let scope = query.get("scope")?;
    let experiments = scope
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(Experiment::new)
        .collect::<Result<Vec<_>, _>>()?;
    let asked = (!experiments.is_empty()).then_some(&*experiments);
    let tallies = store.tallies(&namespace, asked).await?;
    let results = Results {
        meta: Meta { scope: scope.map(str::to_owned), namespace },
        experiments: tallies.iter().map(ExperimentResults::from).collect(),
    };
    Ok(json(StatusCode::OK, &results))
}

/// One element of the results.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes how model::Results is written")]
pub(crate) enum ResultsElement {
    /// The first element.
    Head {
        /// What was asked for.
        meta: Meta,
    },
    /// Every other element.
    Experiment(ExperimentResults),
}

/// One experiment's results.
#[utoipa::path(
    get, path = "/experiments/{name}", tag = "operator",
    params(
        ("name" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "the experiment", body = ExperimentResults),
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "the key is wrong or missing", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such experiment", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be reached", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn result<S: Store>(
    store: &S,
    experiment: Experiment,
    query: &str,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(&Query::parse(query)?)?;
    let results = read(store, &namespace, experiment).await?;
    if results.variants.is_empty() {
        return Err(unknown(&namespace));
    }
    Ok(json(StatusCode::OK, &results))
}

/// Deletes an experiment with its counters.
#[utoipa::path(
    delete, path = "/experiments/{name}", tag = "operator",
    params(
        ("name" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "it is deleted", body = Deletion),
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "the key is wrong or missing", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no such experiment", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be reached", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn delete<S: Store>(
    store: &S,
    experiment: Experiment,
    query: &str,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(&Query::parse(query)?)?;
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
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "the key is wrong or missing", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be reached", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn gimel_delete<S: Store>(
    store: &S,
    query: &str,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let (namespace, experiment) = named(query)?;
    let deleted = store.delete(&namespace, &experiment).await?;
    Ok(json(StatusCode::OK, &Deletion { experiment: experiment.to_string(), deleted }))
}

/// One experiment's goals alone, as `gimel.experiment` answers. It has no path of its own: an
/// endpoint gets it by wiring.
pub(crate) async fn gimel_experiment<S: Store>(
    store: &S,
    query: &str,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let (namespace, experiment) = named(query)?;
    let goals: Vec<GoalResults> = read(store, &namespace, experiment).await?.goals;
    Ok(json(StatusCode::OK, &goals))
}

fn named(query: &str) -> Result<(Namespace, Experiment), Box<Problem>> {
    let query = Query::parse(query)?;
    let experiment = Experiment::new(query.require(Experiment::PARAMETER)?)?;
    Ok((namespace_of(&query)?, experiment))
}

async fn read<S: Store>(
    store: &S,
    namespace: &Namespace,
    experiment: Experiment,
) -> Result<ExperimentResults, Box<Problem>> {
    let tallies = store.tallies(namespace, Some(std::slice::from_ref(&experiment))).await?;
    tallies.first().map(ExperimentResults::from).ok_or_else(|| unknown(namespace))
}

fn unknown(namespace: &Namespace) -> Box<Problem> {
    Problem::not_found(format!(
        "there is no such experiment in the namespace `{}`; GET /experiments lists them",
        namespace.as_str().escape_debug()
    ))
}

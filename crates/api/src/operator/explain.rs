//! Explains what a unit gets in an experiment: every step with its buckets.

use abtest_assign::targeting::checked_attributes;
use abtest_assign::{Context, Evaluated, Explanation};
use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Query, Uuid, json};
use abtest_store::Store;
use http::{Response, StatusCode};

use super::definitions::commit::Definitions;
use super::definitions::{definition_of, refusal};
use super::refusals::{NoExperiment, Refusals};
use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::json as json_answer;
use crate::public::subject::{attributes_of, remembered_of};

/// Explains what a unit gets in an experiment, and what would have to change for it to take part.
#[utoipa::path(
    get, path = "/experiments/{experiment}/explain", tag = "operator",
    description = "Explains what a unit gets in an experiment, and what would have to change for it \
        to take part. Attributes are parameters with the name `attribute.NAME`, which are texts, or \
        one parameter `attributes` with a JSON object.",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("unit" = String, Query, pattern = r"^[\s\S]*$", description = "the unit"),
        ("variant" = Option<String>, Query, description = "the variant of an earlier answer for the unit"),
        ("allocation" = Option<u64>, Query, minimum = 0, maximum = 9007199254740991u64,
            description = "the allocation of that answer"),
        ("attributes" = Option<String>, Query, pattern = r"^\{.*\}$",
            description = "attributes as a JSON object"),
    ),
    responses(
        (status = 200, description = "the answer, step by step", body = Explanation),
        Refusals, NoExperiment,
        (status = 409, description = "the document cannot be read", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn explain<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let unit = Uuid::new(query.require("unit")?).ok();
    let mut attributes = match query.get("attributes")? {
        Some(text) => checked_attributes(json::parse(text.as_bytes())?)?,
        None => serde_json::Map::new(),
    };
    attributes.extend(attributes_of(query)?);
    let remembered = remembered_of(query)?;
    let state = definitions.namespaces.read(store, &namespace).await?;
    let document = definition_of(&state, &experiment)?;
    let hash = state.settings.as_ref().map_err(refusal::damaged)?.hash;
    let ring = state.ring_of(document);
    let evaluated = Evaluated::new(document.evaluable(experiment.as_str(), ring), hash);
    let evaluated = evaluated.map_err(|error| {
        Problem::boxed(StatusCode::CONFLICT, format!("{error}; edit the definition"))
    })?;
    let context = Context { unit: unit.as_ref(), attributes: &attributes, remembered };
    Ok(json_answer(StatusCode::OK, &evaluated.explain(&context)))
}

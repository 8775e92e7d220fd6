//! Explains what a unit gets in an experiment: every step with its buckets.

use abtest_assign::targeting::checked_attributes;
use abtest_assign::{Context, Evaluated, Explanation, Reason, SlotTable};
use abtest_model::definition::Document;
use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Query, Uuid, json};
use abtest_stats::words::listed;
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
    let mut explanation = evaluated.explain(&context);
    if explanation.reason == Reason::Traffic
        && let Some(layer) = &document.definition.layer
        && let Some(stored) = state.layers.get(layer.as_str())
    {
        let slots = stored.layer(layer.as_str()).map_err(|e| refusal::damaged(&e))?.slots;
        explanation.to_include = Some(in_layer(&explanation, document, layer.as_str(), &slots));
    }
    Ok(json_answer(StatusCode::OK, &explanation))
}

/// What would have to change for a unit outside of the experiment's slots of a layer.
fn in_layer(
    explanation: &Explanation,
    document: &Document,
    layer: &str,
    slots: &SlotTable,
) -> String {
    let percent = |slots: u16| f64::from(slots) / 100.0;
    let traffic = document.definition.traffic.percent();
    let bucket = explanation.steps.last().and_then(|step| step.bucket).unwrap_or_default();
    let mut others = slots.holders();
    others.retain(|(name, _)| *name != explanation.experiment);
    let holder =
        others.iter().find(|(name, _)| slots.of(name).iter().any(|range| range.contains(bucket)));
    let free = percent(slots.free_slots());
    match holder {
        Some((_, _)) if free == 0.0 => {
            let share = |(name, slots): &(String, u16)| format!("{name} has {}%", percent(*slots));
            let shares: Vec<String> = others.iter().map(share).collect();
            let one = match others.as_slice() {
                [(only, _)] => only,
                _ => "one of them",
            };
            format!(
                "The layer {layer} is full: {}. Lower the traffic of {one}, then raise the traffic of \
                 this experiment, now {traffic}%, until it holds the unit's slot.",
                listed(&shares)
            )
        }
        Some((name, slots)) => format!(
            "{name} holds the unit's slot, with {}% of the layer {layer}. Lower the traffic of {name}, \
             then raise the traffic of this experiment, now {traffic}%, until it holds the slot.",
            percent(*slots)
        ),
        None => format!(
            "Raise the traffic, now {traffic}%, until the experiment holds the unit's slot. The layer \
             {layer} has {free}% free; at {}% the experiment holds all of it.",
            traffic + free
        ),
    }
}

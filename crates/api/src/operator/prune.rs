//! Removing a variant or a goal from an experiment.

use abtest_model::definition::Definition;
use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Goal, Query, Variant};
use abtest_store::{Include, Part, Store};
use http::{Response, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::definitions::commit::Definitions;
use super::kept::Kept;
use super::refusals::{NoExperiment, Refusals};
use super::results::known;
use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::json;

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pruning {
    /// The experiment's name.
    experiment: String,
    /// The variant that was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    variant: Option<String>,
    /// The goal that was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    goal: Option<String>,
    /// Always true.
    pruned: bool,
}

/// Removes a variant with all its counts.
///
/// Use it for a name that was misspelled or made up. Events that arrive later are counted anew. The
/// sample ratio alarm is removed too, because the variant may have caused it; the next report raises it
/// again if the other variants do. Looks are kept, because what they decided stays decided.
#[utoipa::path(
    delete, path = "/experiments/{experiment}/variants/{variant}", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("variant" = String, Path, description = "the variant's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "it is removed", body = Pruning),
        Refusals, NoExperiment,
        (status = 409, description = "the experiment has no other variant, or its definition has this one", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn variant<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    variant: Variant,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let answer = Pruning {
        experiment: experiment.to_string(),
        variant: Some(variant.to_string()),
        goal: None,
        pruned: true,
    };
    prune(store, definitions, experiment, &Part::Variant(variant), query).await?;
    Ok(json(StatusCode::OK, &answer))
}

/// Removes a goal with all its counts.
///
/// Use it for a name that was misspelled or made up. Events that arrive later are counted anew. The goal
/// `participate` holds the participants of every variant.
#[utoipa::path(
    delete, path = "/experiments/{experiment}/goals/{goal}", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("goal" = String, Path, description = "the goal's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "it is removed", body = Pruning),
        Refusals, NoExperiment,
        (status = 409, description = "the experiment has no other goal, or its definition has this one", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn goal<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    goal: Goal,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let answer = Pruning {
        experiment: experiment.to_string(),
        variant: None,
        goal: Some(goal.to_string()),
        pruned: true,
    };
    prune(store, definitions, experiment, &Part::Goal(goal), query).await?;
    Ok(json(StatusCode::OK, &answer))
}

async fn prune<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    part: &Part,
    query: &Query<'_>,
) -> Result<(), Box<Problem>> {
    let namespace = namespace_of(query)?;
    let state = definitions.namespaces.read(store, &namespace).await?;
    let Kept { mut tally, earlier, .. } =
        known(store, &state, &namespace, experiment.clone(), Include::COUNTS).await?;
    if earlier.definition().is_some_and(|document| declares(&document.definition, part)) {
        let detail = match part {
            Part::Variant(_) => {
                "the experiment's definition has this variant; only names outside of the definition can be removed"
            }
            Part::Goal(_) => {
                "the experiment's definition has this goal; only names outside of the definition can be removed"
            }
        };
        return Err(Problem::boxed(StatusCode::CONFLICT, detail));
    }
    tally.retain(|goal, variant| !part.contains(goal, variant));
    if tally.is_empty() && earlier.definition().is_none() {
        let detail = match part {
            Part::Variant(_) => {
                "this is the only variant of the experiment; delete the experiment instead"
            }
            Part::Goal(_) => {
                "this is the only goal of the experiment; delete the experiment instead"
            }
        };
        return Err(Problem::boxed(StatusCode::CONFLICT, detail));
    }
    if store.prune(&namespace, &experiment, part).await? {
        return Ok(());
    }
    Err(Problem::not_found(match part {
        Part::Variant(_) => {
            "the experiment has no such variant; GET /experiments/{experiment} lists them"
        }
        Part::Goal(_) => {
            "the experiment has no such goal; GET /experiments/{experiment} lists them"
        }
    }))
}

fn declares(definition: &Definition, part: &Part) -> bool {
    match part {
        Part::Variant(name) => definition.has_variant(name.as_str()),
        Part::Goal(name) => definition.has_goal(name.as_str()),
    }
}

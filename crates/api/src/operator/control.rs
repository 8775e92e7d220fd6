//! Choosing the control of an experiment, for everybody who reads it.

use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Query, Variant};
use abtest_store::contents::{Control, to_json};
use abtest_store::{Expected, Include, Kind, Store, Write};
use http::{Response, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::refusals::{NoExperiment, Refusals};
use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::json;
use crate::operator::attempts::{ATTEMPTS, busy, committed};
use crate::operator::definitions::commit::Definitions;
use crate::operator::kept::Kept;
use crate::operator::results::known;

/// What was chosen.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChosenControl {
    experiment: String,
    /// The variant; null where the choice was taken back.
    control: Option<String>,
}

/// Stores the variant that the others are compared with. It stays until you choose another one or
/// delete the experiment. The parameter `control` of a request overrides it.
#[utoipa::path(
    put, path = "/experiments/{experiment}/control", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("variant" = Option<String>, Query, description = "one of its variants; if absent the \
            choice is taken back"),
    ),
    responses(
        (status = 200, description = "it is kept", body = ChosenControl),
        Refusals, NoExperiment,
        (status = 400, description = "the experiment has no such variant", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "the experiment has a definition, which names the control",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn choose<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let control = query.get("variant")?.map(Variant::new).transpose()?;
    let key = Kind::Control.of(&experiment);
    let write = match &control {
        Some(control) => {
            let content = to_json(&Control { control: control.to_string() })?;
            Write::put(key, Expected::Any, content)
        }
        None => Write::delete(key, Expected::Any),
    };
    for _ in 0..ATTEMPTS {
        let state = definitions.namespaces.read(store, &namespace).await?;
        if state.experiments.contains_key(experiment.as_str()) {
            let detail = "the definition of this experiment names its control; change the member \
                `control` with PATCH /experiments/{experiment}/definition while it is a draft, or \
                use the parameter `control` for a \"what if\"";
            return Err(Problem::boxed(StatusCode::CONFLICT, detail));
        }
        let Kept { tally, .. } =
            known(store, &state, &namespace, experiment.clone(), Include::COUNTS).await?;
        if let Some(control) = &control
            && !tally.variants().contains(control)
        {
            let detail = "parameter `variant` names no variant of this experiment; \
                GET /experiments/{experiment} lists them";
            return Err(Problem::wrong_parameter("variant", "known-variant", detail));
        }
        // If another writer was faster, the experiment may have been deleted.
        if committed(store, &namespace, state.version, vec![write.clone()]).await? {
            let experiment = experiment.to_string();
            let control = control.map(|control| control.to_string());
            return Ok(json(StatusCode::OK, &ChosenControl { experiment, control }));
        }
    }
    Err(busy())
}

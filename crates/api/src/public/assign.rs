//! `/assign`: the variants of a unit, for clients that cannot evaluate themselves.

use std::collections::HashMap;

use abtest_assign::targeting::checked_attributes;
use abtest_assign::{Answer, Context, Reason, Remembered};
use abtest_model::event::namespace_of;
use abtest_model::{
    AllocationNumber, Event, Experiment, Goal, Namespace, Query, Stated, Uuid, json,
};
use abtest_store::{Documents, Recorder};
use http::{Request, Response, StatusCode};
use http_body::Body;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::assign_api::AssignApi;
#[cfg(feature = "operator")]
use super::refusals::{BodyRefusals, ReadRefusals, Refusals};
use super::subject::{attributes_of, check_allocation, remembered_of, unit_of};
use super::view::View;
use crate::AnswerBody;
use crate::http::body::read_json;
use crate::http::problem::Problem;
use crate::http::request_id::RequestId;
use crate::http::request_summary::RequestSummary;
use crate::http::response;

/// Most experiments of one request.
const MAX_EXPERIMENTS: usize = 100;

/// What a unit gets in an experiment.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
pub(crate) struct Assignment<'a> {
    /// The experiment's name.
    experiment: &'a str,
    /// The variant. Null: use your default.
    variant: Option<&'a str>,
    /// The payload of the variant. Null if it has no payload.
    payload: Option<&'a Value>,
    /// Why.
    reason: Reason,
    /// Whether showing the variant is an exposure, which is to be counted.
    exposure: bool,
    /// The allocation of the exposure. Send it with the variant next time, and the unit keeps the
    /// variant when weights change.
    allocation: Option<u64>,
    /// With `track`: whether the exposure is counted. False if there is no exposure, or if the store
    /// cannot count now; send the exposure to /track then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "operator", schema(nullable = false))]
    counted: Option<bool>,
}

/// What a unit gets in several experiments.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
pub(crate) struct Assignments<'a> {
    /// In the order in which they were asked for.
    assignments: Vec<Assignment<'a>>,
}

/// A question for the variants of a unit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
pub(crate) struct AssignRequest {
    /// The namespace; `alephbet` if absent.
    #[cfg_attr(
        feature = "operator",
        schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")
    )]
    namespace: Option<String>,
    /// The names of 1 to 100 experiments.
    #[cfg_attr(feature = "operator", schema(min_items = 1, max_items = 100))]
    experiments: Vec<ExperimentName>,
    /// The unit: a text of 1 to 200 bytes without control characters, or an integer. Anything else
    /// is no unit, so all answers are your defaults.
    #[serde(default)]
    unit: Value,
    /// What targeting compares, by name. At most 64 KiB and 16 levels.
    #[serde(default)]
    attributes: Map<String, Value>,
    /// What the client remembers of earlier answers for this unit, by experiment.
    #[serde(default)]
    remembered: HashMap<String, RememberedAnswer>,
    /// Whether to count the exposures.
    #[serde(default)]
    track: bool,
}

/// The name of an experiment.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "operator",
    schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")
)]
struct ExperimentName(String);

/// An earlier answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
struct RememberedAnswer {
    /// Its variant.
    variant: String,
    /// Its allocation.
    #[cfg_attr(feature = "operator", schema(minimum = 0, maximum = 9007199254740991u64))]
    #[serde(deserialize_with = "whole_number")]
    allocation: u64,
}

/// Reads a whole number, also one that is written with a fraction of zero: JSON does not tell 1 from
/// 1.0.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let of_fraction = || {
        let fraction = number.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
        // Larger numbers are refused later.
        Some(fraction as u64)
    };
    let whole = number.as_u64().or_else(of_fraction);
    whole.ok_or_else(|| serde::de::Error::custom("an allocation is a whole number from 0 on"))
}

/// Who asks, and whether to count.
struct Asker {
    namespace: Namespace,
    unit: Option<Uuid>,
    attributes: Map<String, Value>,
    track: bool,
}

/// The variant of a unit in one experiment.
#[cfg_attr(feature = "operator", utoipa::path(
    get, path = "/assign", tag = "public",
    description = "The variant of a unit in one experiment. Attributes are parameters with the name \
        `attribute.NAME`; they are texts.",
    params(
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("experiment" = String, Query, description = "the experiment's name"),
        ("unit" = Option<String>, Query, pattern = r"^[\s\S]*$", description = "1 to 200 bytes without control characters; \
            anything else gets your default"),
        ("variant" = Option<String>, Query, description = "the variant of an earlier answer for the unit"),
        ("allocation" = Option<u64>, Query, minimum = 0, maximum = 9007199254740991u64,
            description = "the allocation of that answer"),
        ("track" = Option<bool>, Query, description = "whether to count the exposure"),
    ),
    responses(
        Refusals, ReadRefusals,
        (status = 200, description = "the variant, and why", body = Assignment),
        (status = 503, description = "the store cannot be read; use your default, or ask again",
            body = Problem, content_type = "application/problem+json"),
    )
))]
pub(crate) async fn one<S: Recorder + Documents>(
    api: &AssignApi<S>,
    query: &Query<'_>,
    may_record: bool,
    summary: &mut RequestSummary,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let experiment = Experiment::new(query.require(Experiment::PARAMETER)?)?;
    let remembered = remembered_of(query)?;
    let asker = Asker {
        namespace: namespace_of(query)?,
        unit: query.get("unit")?.and_then(|unit| Uuid::new(unit).ok()),
        attributes: attributes_of(query)?,
        track: query.flag("track")? && may_record,
    };
    let view = api.view(&asker.namespace).await?;
    let asked = vec![(experiment, remembered)];
    let mut assignments = assign(api, &view, &asker, &asked, summary).await;
    Ok(response::json(StatusCode::OK, &assignments.pop()))
}

/// The variants of a unit in several experiments.
#[cfg_attr(feature = "operator", utoipa::path(
    post, path = "/assign", tag = "public",
    request_body(
        content((AssignRequest = "application/json"), (AssignRequest = "text/plain")),
        description = "who asks, and for which experiments",
    ),
    responses(
        Refusals, BodyRefusals, ReadRefusals,
        (status = 200, description = "the variants, and why", body = Assignments),
        (status = 400, description = "the body breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be read; use your defaults, or ask again",
            body = Problem, content_type = "application/problem+json"),
    )
))]
pub(crate) async fn many<S: Recorder + Documents, B: Body>(
    api: &AssignApi<S>,
    request: Request<B>,
    summary: &mut RequestSummary,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let body = json::parse(&read_json(request).await?)?;
    let asked: AssignRequest = serde_json::from_value(body).map_err(|error| {
        let detail = format!("the body does not ask for assignments: {error}");
        Problem::boxed(StatusCode::BAD_REQUEST, detail)
    })?;
    if !(1..=MAX_EXPERIMENTS).contains(&asked.experiments.len()) {
        let found = asked.experiments.len();
        let detail = format!("experiments has {found} names; send 1 to {MAX_EXPERIMENTS}");
        return Err(Problem::wrong_parameter("experiments", "length", detail));
    }
    let asker = Asker {
        namespace: asked.namespace.map(Namespace::new).transpose()?.unwrap_or_default(),
        unit: unit_of(&asked.unit),
        attributes: checked_attributes(asked.attributes.into())?,
        track: asked.track,
    };
    for RememberedAnswer { allocation, .. } in asked.remembered.values() {
        check_allocation(*allocation)?;
    }
    let remembered = |name: &str| {
        let RememberedAnswer { variant, allocation } = asked.remembered.get(name)?;
        Some(Remembered { variant, allocation: *allocation })
    };
    let experiments = asked
        .experiments
        .iter()
        .map(|ExperimentName(name)| Ok((Experiment::new(name.as_str())?, remembered(name))));
    let experiments = experiments.collect::<Result<Vec<_>, Box<Problem>>>()?;
    let view = api.view(&asker.namespace).await?;
    let assignments = assign(api, &view, &asker, &experiments, summary).await;
    Ok(response::json(StatusCode::OK, &Assignments { assignments }))
}

async fn assign<'a, S: Recorder + Documents>(
    api: &AssignApi<S>,
    view: &'a View,
    asker: &Asker,
    asked: &'a [(Experiment, Option<Remembered<'_>>)],
    summary: &mut RequestSummary,
) -> Vec<Assignment<'a>> {
    let answers: Vec<(&'a Experiment, Answer<'a>)> = asked
        .iter()
        .map(|(experiment, remembered)| {
            let (unit, attributes) = (asker.unit.as_ref(), &asker.attributes);
            let context = Context { unit, attributes, remembered: *remembered };
            (experiment, view.evaluate(experiment.as_str(), &context))
        })
        .collect();
    let counted = match asker.track {
        true => count(api, asker, &answers, summary).await.into_iter().map(Some).collect(),
        false => vec![None; answers.len()],
    };
    let assignments =
        answers.into_iter().zip(counted).map(|((experiment, answer), counted)| Assignment {
            experiment: experiment.as_str(),
            variant: answer.variant.map(|variant| variant.name.as_str()),
            payload: answer.variant.and_then(|variant| variant.payload.as_ref()),
            reason: answer.reason,
            exposure: answer.exposure(),
            allocation: answer.allocation,
            counted,
        });
    assignments.collect()
}

/// Counts the exposures among answers. Returns which answers are counted. A store that is down does
/// not keep a unit from its variant.
async fn count<S: Recorder + Documents>(
    api: &AssignApi<S>,
    asker: &Asker,
    answers: &[(&Experiment, Answer<'_>)],
    summary: &mut RequestSummary,
) -> Vec<bool> {
    let mut counted = vec![false; answers.len()];
    let (Some(uuid), Ok(goal)) = (&asker.unit, Goal::new(Goal::PARTICIPATE)) else {
        return counted;
    };
    let mut positions = Vec::new();
    let mut events = Vec::new();
    for (position, (experiment, answer)) in answers.iter().enumerate() {
        if let (true, Some(variant)) = (answer.exposure(), answer.variant) {
            positions.push(position);
            events.push(Event {
                namespace: asker.namespace.clone(),
                experiment: (*experiment).clone(),
                variant: variant.name.clone(),
                goal: goal.clone(),
                uuid: uuid.clone(),
                allocation: answer
                    .allocation
                    .and_then(|number| AllocationNumber::from_number(number).ok())
                    .map(Stated::from),
                value: None,
                id: None,
            });
        }
    }
    if events.is_empty() {
        return counted;
    }
    // A remembered allocation comes from the client.
    let mut states = api.published.states(&events).await;
    api.published.check(&mut events, &mut states).await;
    match api.store.record(events).await {
        Ok(outcomes) => {
            for (position, outcome) in positions.into_iter().zip(outcomes) {
                match outcome {
                    Ok(()) => {
                        counted[position] = true;
                        summary.accepted += 1;
                    }
                    Err(refusal) if refusal.is_failure() => {
                        RequestId::log(&refusal.to_string());
                        summary.failed += 1;
                    }
                    Err(_) => summary.limited += 1,
                }
            }
        }
        Err(error) => {
            // The answer has the variants all the same, and says which exposures are not counted.
            RequestId::log(&error.to_string());
            summary.failed = positions.len();
        }
    }
    counted
}

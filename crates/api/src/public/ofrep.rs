//! OpenFeature's remote evaluation protocol (OFREP 0.3.0): every OpenFeature SDK is a client.

use abtest_assign::targeting::checked_attributes;
use abtest_assign::{Answer, Context, Reason};
use abtest_model::event::namespace_of;
use abtest_model::{Namespace, Query, Uuid, json};
use abtest_store::{Documents, Recorder};
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use super::assign_api::AssignApi;
#[cfg(feature = "operator")]
use super::refusals::{BodyRefusals, Refusals};
use super::subject::unit_of;
use super::view::{Experiment, Tagged, View, tag_of};
use crate::AnswerBody;
use crate::http::body::read_json;
use crate::http::conditions::is_unchanged;
use crate::http::problem::Problem;
use crate::http::request_id::RequestId;
use crate::http::request_summary::RequestSummary;
use crate::http::response::{self, NAMESPACE_HEADER, not_modified, with_tag};
use crate::http::router::PathParameters;

/// The member of a context that names the unit.
const TARGETING_KEY: &str = "targetingKey";

/// An evaluated flag.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Flag<'a> {
    /// The experiment's name.
    key: &'a str,
    /// The payload of the variant, or the variant's name if there are no payloads.
    value: Value,
    /// The variant.
    variant: &'a str,
    /// Why, in OpenFeature's words.
    reason: &'static str,
    /// Why, in the words of abtest, and what an exposure needs.
    metadata: Metadata<'a>,
}

/// What goes with an evaluated flag.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
struct Metadata<'a> {
    reason: Reason,
    experiment: &'a str,
    /// Whether showing the variant is an exposure, which is to be counted.
    exposure: bool,
    /// The allocation of the exposure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "operator", schema(nullable = false))]
    allocation: Option<u64>,
}

/// A flag, or all flags, that cannot be evaluated.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure<'a> {
    /// The flag's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "operator", schema(nullable = false))]
    key: Option<&'a str>,
    /// OpenFeature's name of the error.
    error_code: ErrorCode,
    /// What is wrong, and what to do.
    error_details: String,
    /// For a failure of the server: the log has the reason under this id.
    #[serde(rename = "request_id", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "operator", schema(value_type = Option<String>, nullable = false))]
    request_id: Option<RequestId>,
}

/// The errors of the protocol that abtest has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "operator", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ErrorCode {
    ParseError,
    TargetingKeyMissing,
    InvalidContext,
    FlagNotFound,
    General,
}

/// All flags.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Flags<'a> {
    flags: Vec<Evaluation<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    event_streams: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Evaluation<'a> {
    Flag(Flag<'a>),
    Failure(Failure<'a>),
}

/// What a client sends.
#[cfg(feature = "operator")]
#[derive(utoipa::ToSchema)]
#[schema(as = OfrepRequest)]
#[expect(dead_code, reason = "describes what `Asker` reads")]
pub(crate) struct RequestSchema {
    /// The unit as `targetingKey`, and its attributes. At most 64 KiB and 16 levels.
    context: Option<Map<String, Value>>,
}

/// All evaluated flags.
#[cfg(feature = "operator")]
#[derive(utoipa::ToSchema)]
#[schema(as = OfrepFlags)]
#[expect(dead_code, reason = "describes what `Flags` writes")]
#[serde(rename_all = "camelCase")]
pub(crate) struct FlagsSchema {
    /// Each a flag or a failure.
    flags: Vec<Map<String, Value>>,
    /// Where `abtest serve` tells about changes.
    #[schema(nullable = false)]
    event_streams: Option<Vec<Map<String, Value>>>,
}

/// Evaluates one experiment as a flag.
#[cfg_attr(feature = "operator", utoipa::path(
    post, path = "/ofrep/v1/evaluate/flags/{key}", tag = "public",
    params(
        ("key" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent; \
            the header `x-abtest-namespace` can name it, too"),
    ),
    request_body(content = RequestSchema),
    responses(
        Refusals, BodyRefusals,
        (status = 200, description = "the flag's value", body = Flag),
        (status = 400, description = "the request breaks a rule", content(
            (Failure = "application/json"), (Problem = "application/problem+json"),
        )),
        (status = 404, description = "there is no such experiment, or it is not published",
            body = Failure),
        (status = 500, description = "the experiments cannot be read", body = Failure),
    )
))]
pub(crate) async fn flag<S: Recorder + Documents, B: Body>(
    api: &AssignApi<S>,
    path: &PathParameters,
    query: &Query<'_>,
    request: Request<B>,
    summary: &mut RequestSummary,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let key = path.decoded("key")?;
    let namespace = namespace_for(query, request.headers())?;
    let asker = match Asker::read(&read_json(request).await?) {
        Ok(asker) => asker,
        Err(failure) => return Ok(failed(StatusCode::BAD_REQUEST, failure.of(&key))),
    };
    let view = match api.view(&namespace).await {
        Ok(view) => view,
        Err(problem) => return Ok(unavailable(problem, Some(&key), summary)),
    };
    let found = view.experiments.get(key.as_str());
    let evaluation = found.map(|experiment| asker.evaluate(&key, experiment));
    Ok(match evaluation {
        Some(Evaluation::Flag(flag)) => exposing(response::json(StatusCode::OK, &flag)),
        Some(Evaluation::Failure(failure)) => {
            let status = match failure.error_code {
                ErrorCode::FlagNotFound => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_REQUEST,
            };
            failed(status, failure)
        }
        None => failed(StatusCode::NOT_FOUND, not_found(&key)),
    })
}

/// Evaluates all experiments that browsers may see as flags.
#[cfg_attr(feature = "operator", utoipa::path(
    post, path = "/ofrep/v1/evaluate/flags", tag = "public",
    params(
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent; \
            the header `x-abtest-namespace` can name it, too"),
        ("flagConfigEtag" = Option<String>, Query, pattern = r"^[\s\S]*$", description = "ignored"),
        ("flagConfigLastModified" = Option<String>, Query, pattern = r"^[\s\S]*$", description = "ignored"),
    ),
    request_body(content = RequestSchema),
    responses(
        Refusals, BodyRefusals,
        (status = 200, description = "the values of all flags", body = FlagsSchema),
        (status = 304, description = "for this context they still have the tag of If-None-Match"),
        (status = 400, description = "the request breaks a rule", content(
            (Failure = "application/json"), (Problem = "application/problem+json"),
        )),
        (status = 500, description = "the experiments cannot be read", body = Failure),
    )
))]
pub(crate) async fn flags<S: Recorder + Documents, B: Body>(
    api: &AssignApi<S>,
    query: &Query<'_>,
    request: Request<B>,
    summary: &mut RequestSummary,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_for(query, request.headers())?;
    let headers = request.headers().clone();
    let asker = match Asker::read(&read_json(request).await?) {
        Ok(asker) => asker,
        Err(failure) => return Ok(failed(StatusCode::BAD_REQUEST, failure.of_all())),
    };
    let view = match api.view(&namespace).await {
        Ok(view) => view,
        Err(problem) => return Ok(unavailable(problem, None, summary)),
    };
    // Clients keep their tag when attributes change, so it covers the context, too.
    let tag = tag_of(&[view.document.tag.as_bytes(), asker.context.to_string().as_bytes()]);
    if is_unchanged(&headers, &tag) {
        return Ok(exposing(not_modified(&tag)));
    }
    let flags = Flags { flags: asker.evaluate_all(&view), event_streams: streams(api, &namespace) };
    let body = serde_json::to_vec(&flags).unwrap_or_default().into();
    Ok(exposing(with_tag("application/json", &Tagged { body, tag })))
}

/// Who asks.
struct Asker {
    /// The whole context.
    context: Value,
    unit: Result<Uuid, NoUnit>,
    attributes: Map<String, Value>,
}

/// Why there is no unit.
#[derive(Debug, Clone, Copy)]
enum NoUnit {
    Missing,
    Invalid,
}

/// Why a request cannot be evaluated at all.
struct BadRequest {
    error_code: ErrorCode,
    error_details: String,
}

impl BadRequest {
    fn of(self, key: &str) -> Failure<'_> {
        Failure { key: Some(key), ..self.of_all() }
    }

    fn of_all<'a>(self) -> Failure<'a> {
        let Self { error_code, error_details } = self;
        Failure { key: None, error_code, error_details, request_id: None }
    }
}

impl Asker {
    fn read(body: &[u8]) -> Result<Self, BadRequest> {
        let bad = |error_code, error_details| BadRequest { error_code, error_details };
        let mut body =
            json::parse(body).map_err(|error| bad(ErrorCode::ParseError, error.to_string()))?;
        let Some(members) = body.as_object_mut() else {
            let details = "the body must be a JSON object with the member context";
            return Err(bad(ErrorCode::ParseError, details.to_owned()));
        };
        let context = match members.remove("context") {
            None | Some(Value::Null) => json!({}),
            Some(context) => context,
        };
        let mut attributes = checked_attributes(context.clone())
            .map_err(|error| bad(ErrorCode::InvalidContext, error.to_string()))?;
        let unit = match attributes.remove(TARGETING_KEY) {
            None | Some(Value::Null) => Err(NoUnit::Missing),
            Some(key) => unit_of(&key).ok_or(NoUnit::Invalid),
        };
        Ok(Self { context, unit, attributes })
    }

    fn evaluate_all<'a>(&self, view: &'a View) -> Vec<Evaluation<'a>> {
        let published = view.experiments.iter().filter(|(_, experiment)| !experiment.server_only);
        published.map(|(key, experiment)| self.evaluate(key, experiment)).collect()
    }

    fn evaluate<'a>(&self, key: &'a str, experiment: &'a Experiment) -> Evaluation<'a> {
        let failure = |error_code, details: &str| {
            let error_details = details.to_owned();
            Evaluation::Failure(Failure {
                key: Some(key),
                error_code,
                error_details,
                request_id: None,
            })
        };
        let unit = match &self.unit {
            Ok(unit) => unit,
            Err(NoUnit::Missing) => {
                let details = "the context has no targetingKey; set it to the id of the unit";
                return failure(ErrorCode::TargetingKeyMissing, details);
            }
            Err(NoUnit::Invalid) => {
                let details = "targetingKey must be 1 to 200 bytes without control characters";
                return failure(ErrorCode::InvalidContext, details);
            }
        };
        let context = Context::with(unit, &self.attributes);
        let answer = experiment.evaluated.evaluate(&context);
        let (Some(variant), Some(value)) = (answer.variant, value_of(experiment, &answer)) else {
            return Evaluation::Failure(not_found(key));
        };
        Evaluation::Flag(Flag {
            key,
            value,
            variant: variant.name.as_str(),
            reason: reason(answer.reason, experiment.targeted),
            metadata: Metadata {
                reason: answer.reason,
                experiment: key,
                exposure: answer.exposure(),
                allocation: answer.allocation,
            },
        })
    }
}

/// The value of an answer: the payload, or the variant's name.
fn value_of(experiment: &Experiment, answer: &Answer<'_>) -> Option<Value> {
    let variant = answer.variant?;
    Some(match &variant.payload {
        None => variant.name.as_str().into(),
        // Typed clients tell 1 from 1.0, and one experiment must have one type.
        Some(Value::Number(number)) if experiment.fractions => {
            let fraction = number.as_f64().and_then(Number::from_f64);
            fraction.map_or(Value::Null, Value::Number)
        }
        Some(payload) => payload.clone(),
    })
}

/// A reason in OpenFeature's words.
fn reason(reason: Reason, targeted: bool) -> &'static str {
    match reason {
        Reason::Split => "SPLIT",
        Reason::Override | Reason::Forced => "TARGETING_MATCH",
        Reason::Winner if targeted => "TARGETING_MATCH",
        Reason::Winner => "STATIC",
        Reason::Disabled => "DISABLED",
        Reason::Traffic | Reason::Targeting | Reason::Bot => "UNKNOWN",
        Reason::Unknown | Reason::NoUnit => "ERROR",
    }
}

/// The namespace that a request is about. Not every client can add a parameter, so a header will do.
fn namespace_for(query: &Query<'_>, headers: &HeaderMap) -> Result<Namespace, Box<Problem>> {
    match (query.get(Namespace::PARAMETER)?, headers.get(NAMESPACE_HEADER)) {
        (None, Some(namespace)) => {
            let namespace = String::from_utf8_lossy(namespace.as_bytes());
            Ok(Namespace::new(namespace.into_owned())?)
        }
        _ => Ok(namespace_of(query)?),
    }
}

/// Where clients hear about changes.
fn streams<S>(api: &AssignApi<S>, namespace: &Namespace) -> Vec<Value> {
    if !api.has_streams {
        return Vec::new();
    }
    let namespace: String = percent_encoding::utf8_percent_encode(
        namespace.as_str(),
        percent_encoding::NON_ALPHANUMERIC,
    )
    .collect();
    let uri = format!("/ofrep/v1/stream?namespace={namespace}");
    vec![json!({"type": "sse", "endpoint": {"requestUri": uri}})]
}

fn not_found(key: &str) -> Failure<'_> {
    let error_details =
        "the namespace publishes no experiment of this name; check its name and its status"
            .to_owned();
    Failure { key: Some(key), error_code: ErrorCode::FlagNotFound, error_details, request_id: None }
}

/// The answer while the experiments cannot be read. The protocol knows no 503.
fn unavailable(
    mut problem: Box<Problem>,
    key: Option<&str>,
    summary: &mut RequestSummary,
) -> Response<AnswerBody> {
    let request_id = problem.log().cloned();
    summary.request_id.clone_from(&request_id);
    let error_details = problem.detail().to_owned();
    let failure = Failure { key, error_code: ErrorCode::General, error_details, request_id };
    failed(StatusCode::INTERNAL_SERVER_ERROR, failure)
}

fn failed(status: StatusCode, failure: Failure<'_>) -> Response<AnswerBody> {
    exposing(response::json(status, &failure))
}

/// Lets pages of other origins read what the protocol puts into headers.
fn exposing(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Retry-After"));
    response
}

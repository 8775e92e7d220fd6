//! Recording events. 200 means that every event of the request is stored.

use abtest_model::{Batch, Event, Namespace, Query};
use abtest_store::{Documents, Recorder};
use http::{Request, Response, StatusCode};
use http_body::Body;
use serde::Serialize;
#[cfg(feature = "operator")]
use utoipa::ToSchema;

use super::growthbook_events;
use super::published::PublishedNamespaces;
#[cfg(feature = "operator")]
use super::refusals::BodyRefusals;
use crate::AnswerBody;
use crate::http::body::read_json;
use crate::http::problem::{Problem, RefusedEvent};
use crate::http::request_summary::RequestSummary;
use crate::http::response::json;

/// What became of a request's events.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "operator", derive(ToSchema))]
pub(crate) struct Receipt {
    /// How many events are stored. Sending them again changes nothing.
    accepted: usize,
    /// The events that are not, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedEvent>,
}

/// An event as JSON.
#[cfg(feature = "operator")]
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Event)]
#[expect(dead_code, reason = "describes what model::Event reads")]
pub(crate) struct EventSchema {
    /// The experiment's name.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    experiment: String,
    /// The variant that the visitor saw.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    variant: String,
    /// A goal's name, or `participate`.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    event: String,
    /// The same uuid counts once in a counter.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    uuid: String,
    /// The set of experiments; `alephbet` if absent.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$",
        nullable = false
    )]
    namespace: Option<String>,
    /// The number of the allocation of the unit's first exposure, as the assignment had it. An unknown
    /// number counts as none.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32, nullable = false)]
    allocation: Option<u32>,
    /// What the event adds to the unit's total. Only for a goal that is declared with `"kind":
    /// "value"`, with at most the decimals that it declares. A negative value is a refund.
    #[schema(value_type = ValueSchema, required = false, nullable = false)]
    value: Option<String>,
    /// The same id adds to its goal once, for example the number of an order. Without an id, the uuid
    /// has one value. Other goals ignore it.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$",
        nullable = false
    )]
    id: Option<String>,
}

/// A decimal number with at most four decimals and no exponent.
#[cfg(feature = "operator")]
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = Value)]
#[expect(dead_code, reason = "describes what model::Amount reads")]
pub(crate) enum ValueSchema {
    /// As a JSON number.
    Number(ValueNumber),
    /// As a string.
    Text(ValueText),
}

/// A value as a JSON number.
#[cfg(feature = "operator")]
#[derive(ToSchema)]
#[schema(minimum = -100_000_000_000_i64, maximum = 100_000_000_000_i64)]
#[expect(dead_code, reason = "describes what model::Amount reads")]
pub(crate) struct ValueNumber(f64);

/// A value as a string.
#[cfg(feature = "operator")]
#[derive(ToSchema)]
#[schema(pattern = r"^-?[0-9]{1,11}(\.[0-9]{1,4})?$")]
#[expect(dead_code, reason = "describes what model::Amount reads")]
pub(crate) struct ValueText(String);

/// Records one event, given in the query string as Gimel has it.
#[cfg_attr(feature = "operator", utoipa::path(
    get, path = "/track", tag = "public",
    params(
        ("experiment" = String, Query, description = "the experiment's name"),
        ("variant" = String, Query, description = "the variant that the visitor saw"),
        ("event" = String, Query, description = "a goal's name, or `participate`"),
        ("uuid" = String, Query, description = "the same uuid counts once in a counter"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("allocation" = Option<u32>, Query, minimum = 1, maximum = 4_294_967_295_u32,
            description = "the number of the allocation of the unit's first exposure; an unknown \
                number counts as none"),
        ("value" = Option<String>, Query, pattern = r"^-?[0-9]{1,11}(\.[0-9]{1,4})?$",
            description = "what the event adds to the unit's total: only for a goal that is declared \
                with `\"kind\": \"value\"`"),
        ("id" = Option<String>, Query, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", min_length = 1, max_length = 200,
            description = "the same id adds to its goal once; without an id, the uuid has one value"),
    ),
    responses(
        (status = 200, description = "the event is stored", body = Receipt),
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "the namespace accepts declared names only, or the goal of a \
            value is not declared as a goal with values", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "a new experiment or counter past a limit, or too many requests from this address", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "the counter cannot be counted into", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "not stored; send it again", body = Problem,
            content_type = "application/problem+json"),
    )
))]
pub(crate) async fn one<R: Recorder + Documents>(
    recorder: &R,
    published: &PublishedNamespaces<R>,
    query: &Query<'_>,
    summary: &mut RequestSummary,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    record(recorder, published, vec![Event::from_query(query)], false, summary).await
}

/// Answers HEAD as GET would be answered, but records nothing: HEAD is safe (RFC 9110, 9.2.1).
pub(crate) fn check_one(query: &Query<'_>) -> Result<Response<AnswerBody>, Box<Problem>> {
    Event::from_query(query)?;
    Ok(json(StatusCode::OK, &Receipt { accepted: 1, refused: Vec::new() }))
}

/// Records one event, or an array of up to 500. The good ones of a batch are stored.
#[cfg_attr(feature = "operator", utoipa::path(
    post, path = "/track", tag = "public",
    params(("client_key" = Option<String>, Query, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", min_length = 1, max_length = 200,
        description = "a namespace: the body then has the events of the tracking plugin of GrowthBook's SDK for \
            JavaScript or Python, of which exposures count as `participate` and others are ignored")),
    request_body(
        content(
            (inline(Events) = "application/json"),
            (inline(Events) = "text/plain"),
        ),
        description = "one event, or an array of up to 500; text/plain for `sendBeacon`",
    ),
    responses(
        BodyRefusals,
        (status = 200, description = "every event is stored", body = Receipt),
        (status = 207, description = "some events are stored; the others are listed", body = Receipt),
        (status = 400, description = "no event is stored, or the body is not JSON", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no event is declared: the namespace accepts declared names \
            only, or the goals of the values are not declared as goals with values", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "over 1 MiB or 500 events", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "new experiments or counters past a limit, or too many requests from this address", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "the counter cannot be counted into", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "nothing is acknowledged; send it again", body = Problem,
            content_type = "application/problem+json"),
    )
))]
pub(crate) async fn many<R: Recorder + Documents, B: Body>(
    recorder: &R,
    published: &PublishedNamespaces<R>,
    query: &Query<'_>,
    request: Request<B>,
    summary: &mut RequestSummary,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = query.get(growthbook_events::CLIENT_KEY)?.map(Namespace::new).transpose()?;
    let body = read_json(request).await?;
    if let Some(namespace) = namespace {
        let exposures = growthbook_events::exposures(&body, &namespace)?;
        return record(recorder, published, exposures, true, summary).await;
    }
    let batch = Batch::from_json(&body)?;
    let was_array = batch.was_array();
    record(recorder, published, batch.into_events(), was_array, summary).await
}

/// One event or an array of them.
#[cfg(feature = "operator")]
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what model::Batch reads")]
pub(crate) enum Events {
    /// One event.
    One(EventSchema),
    /// Up to 500 events.
    Many(EventList),
}

/// Up to 500 events.
#[cfg(feature = "operator")]
#[derive(ToSchema)]
#[schema(max_items = 500)]
#[expect(dead_code, reason = "describes what model::Batch reads")]
pub(crate) struct EventList(Vec<EventSchema>);

async fn record<R: Recorder + Documents>(
    recorder: &R,
    published: &PublishedNamespaces<R>,
    events: Vec<Result<Event, abtest_model::InputError>>,
    was_array: bool,
    summary: &mut RequestSummary,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let mut good = Vec::with_capacity(events.len());
    let mut positions = Vec::with_capacity(events.len());
    let mut refused = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        match event {
            Ok(event) => {
                good.push(event);
                positions.push(index);
            }
            Err(error) => {
                summary.invalid += 1;
                refused.push(RefusedEvent::invalid(index, &error));
            }
        }
    }
    let mut states = published.states(&good).await;
    let undeclared = published.check(&mut good, &mut states).await;
    (good, positions) = without(good, positions, undeclared, |index, event, undeclared| {
        summary.undeclared += 1;
        refused.push(RefusedEvent::undeclared(index, event, undeclared.parameter()));
    });
    let unmeasured = published.measure(&mut good, &mut states).await?;
    (good, positions) = without(good, positions, unmeasured, |index, event, unmeasured| {
        let event = RefusedEvent::unmeasured(index, event, &unmeasured);
        match event.status {
            404 => summary.undeclared += 1,
            _ => summary.invalid += 1,
        }
        refused.push(event);
    });
    let count = good.len();
    let outcomes = match recorder.record(good).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            summary.failed = count;
            return Err(error.into());
        }
    };
    for (index, outcome) in positions.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => summary.accepted += 1,
            Err(refusal) => {
                let event = RefusedEvent::refused(index, &refusal);
                match event.status {
                    429 => summary.limited += 1,
                    _ => summary.failed += 1,
                }
                refused.push(event);
            }
        }
    }
    let accepted = summary.accepted;
    if refused.is_empty() {
        return Ok(json(StatusCode::OK, &Receipt { accepted, refused }));
    }
    if accepted == 0 {
        return Err(Problem::all_refused(refused, was_array));
    }
    refused.sort_by_key(|event| event.index);
    Ok(json(StatusCode::MULTI_STATUS, &Receipt { accepted, refused }))
}

/// The events without the refused ones, each with its position in the request.
fn without<R>(
    events: Vec<Event>,
    positions: Vec<usize>,
    refusals: Vec<Option<R>>,
    mut refuse: impl FnMut(usize, &Event, R),
) -> (Vec<Event>, Vec<usize>) {
    if refusals.iter().all(Option::is_none) {
        return (events, positions);
    }
    let all = events.into_iter().zip(positions).zip(refusals);
    let accepted = all.filter_map(|((event, index), refusal)| match refusal {
        None => Some((event, index)),
        Some(refusal) => {
            refuse(index, &event, refusal);
            None
        }
    });
    accepted.unzip()
}

//! `/api/features/{namespace}`: the experiments of a namespace as features, for GrowthBook's SDKs.
//!
//! The rules of a feature give the answers of [`abtest_assign`] in its order: overrides, then status,
//! bots, targeting, slots and ranges.

use std::collections::BTreeMap;

use abtest_model::definition::{
    DefinedVariant, PublishedExperiment, Range, Status, Time, UnitHash,
};
use abtest_store::{Documents, Recorder};
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::assign_api::AssignApi;
use super::config::CACHING;
#[cfg(feature = "operator")]
use super::refusals::{OtherHash, ReadRefusals, Refusals};
use super::view::{Tagged, View};
use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::unless_unchanged;
use crate::http::router::PathParameters;

/// Tells the SDKs that they may open a stream.
const SSE_SUPPORT: HeaderName = HeaderName::from_static("x-sse-support");

/// The features of a namespace, as GrowthBook's SDKs read them.
#[cfg_attr(feature = "operator", utoipa::path(
    get, path = "/api/features/{namespace}", tag = "public",
    params(("namespace" = String, Path, description = "the namespace, which is the client key of the SDK")),
    responses(
        Refusals, ReadRefusals, OtherHash,
        (status = 200, description = "the features", body = FeaturesSchema),
        (status = 304, description = "the features still have the tag of If-None-Match"),
        (status = 400, description = "the namespace breaks a rule", body = Problem,
            content_type = "application/problem+json"),
    )
))]
pub(crate) async fn features<S: Recorder + Documents>(
    api: &AssignApi<S>,
    path: &PathParameters,
    headers: &HeaderMap,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let view = api.view(&path.namespace()?).await?;
    let mut answer = unless_unchanged(headers, "application/json", features_of(&view)?);
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, CACHING);
    if api.has_streams {
        headers.insert(SSE_SUPPORT, HeaderValue::from_static("enabled"));
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("ETag, Retry-After, x-sse-support"),
        );
    }
    Ok(answer)
}

/// The features of a view, made once.
///
/// # Errors
/// When the namespace uses another hash than GrowthBook's SDKs.
pub(super) fn features_of(view: &View) -> Result<&Tagged, Box<Problem>> {
    if view.hash != UnitHash::Growthbook {
        let detail = "the namespace has the hash murmur3, so GrowthBook's SDKs would assign other \
            variants; set the hash to growthbook with PATCH /settings before an experiment starts";
        return Err(Problem::boxed(StatusCode::CONFLICT, detail));
    }
    Ok(view.features.get_or_init(|| Tagged::new(payload(view).to_string())))
}

/// The features of a namespace.
#[cfg(feature = "operator")]
#[derive(utoipa::ToSchema)]
#[schema(as = GrowthbookFeatures)]
#[expect(dead_code, reason = "describes what `payload` writes")]
#[serde(rename_all = "camelCase")]
pub(crate) struct FeaturesSchema {
    /// Always 200.
    status: u16,
    /// The features by the names of experiments.
    features: Map<String, Value>,
    /// When the namespace was last changed.
    date_updated: String,
}

fn payload(view: &View) -> Value {
    let published = view.experiments.values().filter(|experiment| !experiment.server_only);
    // It is JSON of ours, so it can be read.
    let published = published.filter_map(|one| serde_json::from_str(&one.json).ok());
    let features: Map<String, Value> = published
        .map(|experiment: PublishedExperiment| {
            let feature = feature(&experiment);
            (experiment.name, feature)
        })
        .collect();
    let updated =
        i64::try_from(view.version).ok().and_then(|version| Time::from_millis(version).ok());
    json!({"status": 200, "features": features, "dateUpdated": updated})
}

fn feature(experiment: &PublishedExperiment) -> Value {
    let value = |name: &str| {
        let found = experiment.variants.iter().find(|variant| variant.name.as_str() == name);
        found.map_or(Value::Null, value_of)
    };
    let mut rules = Vec::new();
    if experiment.status != Status::Completed {
        let mut overrides: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (unit, variant) in &experiment.overrides {
            overrides.entry(variant).or_default().push(unit);
        }
        rules.extend(overrides.into_iter().map(|(variant, units)| {
            json!({"condition": {"id": {"$in": units}}, "force": value(variant)})
        }));
    }
    let not_bot = json!({"bot": {"$ne": true}});
    let condition = match &experiment.targeting {
        None => not_bot,
        Some(targeting) => json!({"$and": [targeting, not_bot]}),
    };
    match (experiment.status, &experiment.winner) {
        (Status::Running, _) => rules.push(split(experiment, condition)),
        (Status::Completed, Some(winner)) => {
            rules.push(json!({"condition": condition, "force": value(winner.as_str())}));
        }
        _ => {}
    }
    json!({"defaultValue": value(experiment.fallback.as_str()), "rules": rules})
}

/// The rule that splits units. A variant with several ranges is there once per range.
fn split(experiment: &PublishedExperiment, condition: Value) -> Value {
    let allocation = experiment.allocation.as_ref();
    let mut pieces: Vec<(Range, &DefinedVariant)> = Vec::new();
    for variant in &experiment.variants {
        let ranges = allocation.and_then(|allocation| allocation.ranges.get(&variant.name));
        pieces.extend(ranges.into_iter().flatten().map(|range| (*range, variant)));
    }
    let mut ranges: Vec<[f64; 2]> = pieces.iter().map(|(range, _)| shares(*range)).collect();
    let slots: Vec<[f64; 2]> = experiment.slots.iter().map(|range| shares(*range)).collect();
    // The SDKs skip an experiment with fewer than two variations, so a single one is there again with an empty range.
    if let [(_, variant)] = pieces[..] {
        ranges.push([1.0, 1.0]);
        pieces.push((pieces[0].0, variant));
    }
    let variations: Vec<Value> = pieces.iter().map(|(_, variant)| value_of(variant)).collect();
    let meta: Vec<Value> =
        pieces.iter().map(|(_, variant)| json!({"key": variant.name.as_str()})).collect();
    json!({
        "key": experiment.name,
        "variations": variations,
        "ranges": ranges,
        "meta": meta,
        "seed": experiment.salt.as_str(),
        "hashVersion": 2,
        "hashAttribute": "id",
        "filters": [{
            "seed": experiment.ring.as_str(), "hashVersion": 2, "attribute": "id", "ranges": slots
        }],
        "condition": condition,
    })
}

/// The value of a variant: its payload, or its name.
fn value_of(variant: &DefinedVariant) -> Value {
    variant.payload.clone().unwrap_or_else(|| variant.name.as_str().into())
}

/// A range of buckets as shares of the ring. The SDKs divide the bucket by 10,000 in the same way,
/// so they agree at the ends.
fn shares(range: Range) -> [f64; 2] {
    [f64::from(range.from()) / 10_000.0, f64::from(range.to()) / 10_000.0]
}

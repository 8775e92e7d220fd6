//! `/config`: the published document, from which clients assign variants themselves.

use abtest_model::Query;
use abtest_model::event::namespace_of;
use abtest_store::{Documents, Recorder};
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{HeaderMap, Response};

use super::assign_api::AssignApi;
#[cfg(feature = "operator")]
use super::refusals::{ReadRefusals, Refusals};
use crate::AnswerBody;
use crate::http::problem::Problem;
use crate::http::response::unless_unchanged;

/// How long browsers and CDNs may use a document. A pause reaches polling clients within two
/// minutes: 10 seconds in a process of abtest, 30 seconds each as fresh and as stale in a CDN, and
/// the client's own interval.
pub(super) const CACHING: HeaderValue =
    HeaderValue::from_static("public, max-age=30, stale-while-revalidate=30, stale-if-error=86400");

/// The published document of a namespace: everything that an evaluation needs, and nothing else.
#[cfg_attr(feature = "operator", utoipa::path(
    get, path = "/config", tag = "public",
    params(("namespace" = Option<String>, Query, description = "`alephbet` if absent")),
    responses(
        Refusals, ReadRefusals,
        (status = 200, description = "the published document, with its tag in the header ETag",
            body = PublishedSchema),
        (status = 304, description = "the document still has the tag of If-None-Match"),
    )
))]
pub(crate) async fn config<S: Recorder + Documents>(
    api: &AssignApi<S>,
    query: &Query<'_>,
    headers: &HeaderMap,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let view = api.view(&namespace_of(query)?).await?;
    let mut answer = unless_unchanged(headers, "application/json", &view.document);
    answer.headers_mut().insert(CACHE_CONTROL, CACHING);
    Ok(answer)
}

/// The published document of a namespace. Clients ignore members that they do not know.
#[cfg(feature = "operator")]
#[derive(utoipa::ToSchema)]
#[schema(as = PublishedDocument)]
#[expect(dead_code, reason = "describes what the view writes")]
pub(crate) struct PublishedSchema {
    /// The version of this shape.
    format: u32,
    /// The namespace.
    namespace: String,
    /// The namespace's version. It only grows; clients ignore a lower one.
    version: u64,
    /// How units become buckets: `murmur3` or `growthbook`.
    hash: String,
    /// The experiments in the order of their names. docs/assignment.md describes their members.
    experiments: Vec<serde_json::Map<String, serde_json::Value>>,
}

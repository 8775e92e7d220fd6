//! `/config`: the published document, from which clients assign variants themselves.

use abtest_model::Query;
use abtest_model::event::namespace_of;
use abtest_store::{Documents, Recorder};
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{HeaderMap, Response};

use super::assign_api::AssignApi;
use crate::AnswerBody;
use crate::http::conditions::is_unchanged;
use crate::http::problem::Problem;
use crate::http::response::{not_modified, with_tag};

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
        (status = 200, description = "the published document, with its tag in the header ETag",
            body = PublishedSchema),
        (status = 304, description = "the document still has the tag of If-None-Match"),
        (status = 400, description = "a parameter breaks a rule", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "too many requests from this address", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "the settings of the namespace cannot be read", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store cannot be read; send the request again",
            body = Problem, content_type = "application/problem+json"),
    )
))]
pub(crate) async fn config<S: Recorder + Documents>(
    api: &AssignApi<S>,
    query: &Query<'_>,
    headers: &HeaderMap,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let view = api.view(&namespace_of(query)?).await?;
    let document = &view.document;
    let mut answer = match is_unchanged(headers, &document.tag) {
        true => not_modified(&document.tag),
        false => with_tag("application/json", document),
    };
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

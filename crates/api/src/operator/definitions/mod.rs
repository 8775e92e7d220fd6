//! Definitions: reading, creating, changing and deleting the documents of experiments.
//!
//! | module | holds |
//! |---|---|
//! | here | the endpoints |
//! | [`plan`] | from what a namespace defines and a request to the writes of a commit. Pure |
//! | [`commit`] | reads, plans and commits, again if another writer was faster |
//! | [`decision`] | the analysis that a completed experiment keeps |
//! | [`history`] | the changes of a definition |
//! | [`schedule`] | carries out the steps of schedules |
//! | [`layers`] | layers as the store holds them |
//! | [`import`] | imports the definition of an exported experiment |
//! | [`refusal`] | refused changes as problem documents |

pub(crate) mod commit;
mod decision;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod layers;
pub(crate) mod plan;
pub(crate) mod refusal;
mod schedule;

use std::sync::LazyLock;

use abtest_model::definition::schema::experiment_schema;
use abtest_model::definition::{Document, Edit, Time};
use abtest_model::event::namespace_of;
use abtest_model::{Experiment, Namespace, Query, json};
use abtest_store::Store;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;

use self::commit::{Definitions, Order};
use super::refusals::{NoExperiment, Refusals};
use crate::AnswerBody;
use crate::edited::{Edited, Tick};
use crate::http::author::Author;
use crate::http::body::read_json;
use crate::http::conditions::{precondition, tag};
use crate::http::problem::Problem;
use crate::http::response::{self, json as json_answer};
use crate::namespace::NamespaceState;

/// Reads the definition of an experiment.
#[utoipa::path(
    get, path = "/experiments/{experiment}/definition", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
    ),
    responses(
        (status = 200, description = "the document; `GET /schemas/experiment.json` describes it",
            body = Object, headers(("ETag" = String, description = "the version, in quotes"))),
        Refusals, NoExperiment,
        (status = 409, description = "the document cannot be read", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn get<S: Store>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let state = definitions.namespaces.read(store, &namespace).await?;
    let document = definition_of(&state, &experiment)?;
    Ok(tag(json_answer(StatusCode::OK, document), document.version))
}

/// Creates or replaces the definition of an experiment.
///
/// The body is the document; only `variants` is required. Replacing needs `If-Match`. Omitted `id`,
/// `salt`, `status` and `counting` keep their value; other omitted members take their default. The
/// member `why` is the reason for the history, and `confirm` confirms that a winner is withdrawn.
/// The same content makes no new version.
#[utoipa::path(
    put, path = "/experiments/{experiment}/definition", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("dry_run" = Option<bool>, Query, description = "`true` answers what would change and \
            stores nothing"),
        ("If-Match" = Option<String>, Header, pattern = r#"^("[0-9]{1,18}"|\*)$"#,
            description = "the version that is replaced, in quotes; `*` for any"),
        ("If-None-Match" = Option<String>, Header, pattern = r"^\*$",
            description = "`*` creates and never replaces"),
        ("X-Abtest-Actor" = Option<String>, Header, pattern = r"^[!-~]{0,200}$",
            description = "the person or program, for the history; not verified"),
    ),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, description = "what the change does", body = Edited,
            headers(("ETag" = String, description = "the version, in quotes"))),
        (status = 201, description = "the definition is created", body = Edited,
            headers(("ETag" = String, description = "the version, in quotes"))),
        Refusals, Refused,
    ),
    security(("key" = []))
)]
pub(crate) async fn put<S: Store, B: Body>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
    request: Request<B>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    edit(store, definitions, experiment, query, Edit::Put, request).await
}

/// Changes some members of the definition of an experiment.
///
/// A given member replaces that member as a whole, and null restores its default. `weights` merges
/// by variant. Changing `variants`, `goals`, `schedule` or `targeting` needs `If-Match`.
#[utoipa::path(
    patch, path = "/experiments/{experiment}/definition", tag = "operator",
    params(
        ("experiment" = String, Path, description = "the experiment's name"),
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("dry_run" = Option<bool>, Query, description = "`true` answers what would change and \
            stores nothing"),
        ("If-Match" = Option<String>, Header, pattern = r#"^("[0-9]{1,18}"|\*)$"#,
            description = "the version that is changed, in quotes; `*` for any"),
        ("X-Abtest-Actor" = Option<String>, Header, pattern = r"^[!-~]{0,200}$",
            description = "the person or program, for the history; not verified"),
    ),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, description = "what the change does", body = Edited,
            headers(("ETag" = String, description = "the version, in quotes"))),
        Refusals, NoExperiment, Refused,
    ),
    security(("key" = []))
)]
pub(crate) async fn patch<S: Store, B: Body>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
    request: Request<B>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    edit(store, definitions, experiment, query, Edit::Patch, request).await
}

async fn edit<S: Store, B: Body>(
    store: &S,
    definitions: &Definitions,
    experiment: Experiment,
    query: &Query<'_>,
    edit: Edit,
    request: Request<B>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let dry_run = query.flag("dry_run")?;
    let author = Author::of(&request)?;
    let precondition = precondition(request.headers())?;
    let body = json::parse(&read_json(request).await?)?;
    let order = Order { namespace, experiment, edit, body, precondition, author, dry_run };
    let (edited, version) = definitions.edit(store, &order, Time::now()).await?;
    let created = edited.created && edited.stored;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let answer = json_answer(status, &edited);
    Ok(if edited.created && !edited.stored { answer } else { tag(answer, version) })
}

/// Carries out the steps of schedules that are due.
///
/// `abtest serve` does so by itself every few seconds. A step that cannot be carried out, for example
/// because its layer is full, stays due.
#[utoipa::path(
    post, path = "/tick", tag = "operator",
    params(("namespace" = Option<String>, Query,
        description = "only this namespace; all that have definitions if absent")),
    responses(
        (status = 200, description = "what was carried out", body = Tick),
        Refusals,
    ),
    security(("key" = []))
)]
pub(crate) async fn tick<S: Store>(
    store: &S,
    definitions: &Definitions,
    query: &Query<'_>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = query.get("namespace")?.map(Namespace::new).transpose()?;
    let tick = definitions.tick(store, namespace, Time::now()).await?;
    Ok(json_answer(StatusCode::OK, &tick))
}

/// Why a change of a definition is refused, for `/openapi.json`.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "described in /openapi.json, never constructed")]
pub(super) enum Refused {
    #[response(
        status = 409,
        description = "the change contradicts the state of the experiment; `conflicts` says why, \
            with the statuses that may follow",
        content_type = "application/problem+json"
    )]
    Conflict(Problem),
    #[response(
        status = 412,
        description = "the definition has another version, which is `current_version`",
        content_type = "application/problem+json"
    )]
    Stale(Problem),
    #[response(
        status = 413,
        description = "the body is over 1 MiB",
        content_type = "application/problem+json"
    )]
    TooLarge(Problem),
    #[response(
        status = 415,
        description = "another content type, charset or coding",
        content_type = "application/problem+json"
    )]
    Form(Problem),
    #[response(
        status = 422,
        description = "the document breaks rules; `violations` lists each with member and value",
        content_type = "application/problem+json"
    )]
    Invalid(Problem),
    #[response(
        status = 428,
        description = "the change needs the header If-Match",
        content_type = "application/problem+json"
    )]
    Unconditional(Problem),
}

/// The JSON Schema of the document, for editors.
#[utoipa::path(
    get, path = "/schemas/experiment.json", tag = "public",
    responses((status = 200, description = "a JSON Schema (draft 2020-12)",
        content_type = "application/schema+json"))
)]
pub(crate) fn schema() -> Response<AnswerBody> {
    static SCHEMA: LazyLock<Bytes> =
        LazyLock::new(|| experiment_schema().to_string().into_bytes().into());
    response::with_body(StatusCode::OK, "application/schema+json", SCHEMA.clone())
}

/// The definition of an experiment.
///
/// # Errors
/// When there is no definition, or when it cannot be read.
pub(super) fn definition_of<'s>(
    state: &'s NamespaceState,
    experiment: &Experiment,
) -> Result<&'s Document, Box<Problem>> {
    let defined = state.experiments.get(experiment.as_str());
    let defined = defined.ok_or_else(|| no_definition(experiment))?;
    defined.document.as_deref().map_err(refusal::damaged)
}

fn no_definition(experiment: &Experiment) -> Box<Problem> {
    Problem::not_found(format!(
        "the experiment `{}` has no definition; create one with PUT \
         /experiments/{{experiment}}/definition",
        experiment.as_str().escape_debug()
    ))
}

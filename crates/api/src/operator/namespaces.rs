//! Listing and deleting namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use abtest_model::definition::Status;
use abtest_model::{Experiment, Namespace};
use abtest_store::{
    CountedNamespace, DocumentKey, Expected, Include, Kind, Store, StoreError, Write,
};
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attempts::{ATTEMPTS, busy, committed};
use super::definitions::commit::Definitions;
use super::refusals::Refusals;
use crate::AnswerBody;
use crate::http::author::Author;
use crate::http::problem::Problem;
use crate::http::response::json;

/// How long one deletion may take: less than the 25 seconds that a function has.
const DELETION_TIME: Duration = Duration::from_secs(15);

/// A namespace with what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedNamespace {
    /// Its name.
    pub namespace: String,
    /// How many experiments it has: those with counts and those with a definition.
    pub experiments: u64,
    /// How many of them have a definition.
    pub defined: u64,
    /// How many counters they have (goals times variants).
    pub counters: u64,
    /// Whether it has settings or layers.
    pub settings: bool,
}

/// The namespaces of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamespaceList {
    /// The namespaces, by name.
    pub namespaces: Vec<ListedNamespace>,
}

/// Lists the namespaces in which something was counted or defined.
#[utoipa::path(
    get, path = "/namespaces", tag = "operator",
    responses(
        (status = 200, description = "the namespaces, by name", body = NamespaceList),
        Refusals,
    ),
    security(("key" = []))
)]
pub(crate) async fn list<S: Store>(store: &S) -> Result<Response<AnswerBody>, Box<Problem>> {
    let counted = store.counted().await?;
    let mut found: BTreeMap<Namespace, CountedNamespace> =
        counted.into_iter().map(|counted| (counted.namespace.clone(), counted)).collect();
    for namespace in store.namespaces().await? {
        found.entry(namespace).or_insert_with_key(|namespace| CountedNamespace {
            namespace: namespace.clone(),
            experiments: BTreeSet::new(),
            counters: 0,
        });
    }
    let names: Vec<Namespace> = found.keys().cloned().collect();
    let documents = store.defining_keys(&names).await?;
    let listed = found.into_values().zip(&documents).map(|(counted, keys)| listed(counted, keys));
    let namespaces = listed.filter(|one| one.experiments > 0 || one.settings).collect();
    Ok(json(StatusCode::OK, &NamespaceList { namespaces }))
}

/// A namespace in the list, from what is counted in it and the keys of what is defined in it.
fn listed(counted: CountedNamespace, keys: &[DocumentKey]) -> ListedNamespace {
    let defined = keys.iter().filter(|key| key.kind == Kind::Definition);
    let defined: BTreeSet<&str> = defined.map(|key| &*key.name).collect();
    let counted_names: BTreeSet<&str> =
        counted.experiments.iter().map(Experiment::as_str).collect();
    ListedNamespace {
        namespace: counted.namespace.to_string(),
        experiments: counted_names.union(&defined).count() as u64,
        defined: defined.len() as u64,
        counters: counted.counters,
        settings: keys.len() > defined.len(),
    }
}

/// What became of the deletion of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamespaceDeletion {
    /// Its name.
    pub namespace: String,
    /// How many experiments this request deleted.
    pub deleted: u64,
    /// Whether nothing is left. If not, send the request again: it continues.
    pub finished: bool,
}

/// Deletes a namespace with its experiments, layers and settings.
///
/// A namespace with an experiment that is running, paused or completed is not deleted: complete and
/// archive it first. The histories of definitions stay. A namespace with many experiments takes several
/// requests.
#[utoipa::path(
    delete, path = "/namespaces/{namespace}", tag = "operator",
    params(("namespace" = String, Path, description = "the namespace's name")),
    responses(
        (status = 200, description = "it is deleted, or a part of it", body = NamespaceDeletion),
        Refusals,
        (status = 404, description = "there is no such namespace", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "one of its experiments is neither draft nor archived",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn delete<S: Store>(
    store: &S,
    definitions: &Definitions,
    namespace: Namespace,
    author: &Author,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let deadline = Instant::now() + DELETION_TIME;
    let state = definitions.namespaces.read(store, &namespace).await?;
    let active: Vec<&str> = state
        .definitions()
        .filter(|(_, one)| !matches!(one.definition.status, Status::Draft | Status::Archived))
        .map(|(name, _)| name)
        .collect();
    if let Some(first) = active.first() {
        let detail = format!(
            "{} of its experiments are running, paused or completed, such as `{}`; complete and archive \
             them first",
            active.len(),
            first.escape_debug()
        );
        return Err(Problem::boxed(StatusCode::CONFLICT, detail));
    }
    let counted = store.read(&namespace, None, Include::COUNTS).await?;
    let mut names: Vec<Experiment> = counted.into_iter().map(|tally| tally.experiment).collect();
    names.extend(state.experiments.keys().filter_map(|name| Experiment::new(&**name).ok()));
    names.sort();
    names.dedup();
    let mut deletion =
        NamespaceDeletion { namespace: namespace.to_string(), deleted: 0, finished: false };
    for experiment in &names {
        if Instant::now() >= deadline {
            return Ok(json(StatusCode::OK, &deletion));
        }
        definitions.delete(store, &namespace, experiment, author).await?;
        match store.delete(&namespace, experiment).await {
            Ok(_) => deletion.deleted += 1,
            Err(StoreError::Unfinished) => {
                deletion.deleted += 1;
                return Ok(json(StatusCode::OK, &deletion));
            }
            Err(error) => return Err(error.into()),
        }
    }
    match delete_documents(store, definitions, &namespace).await? {
        Left::Nothing if names.is_empty() => {
            let detail = "there is no such namespace; GET /namespaces lists them";
            return Err(Problem::not_found(detail.to_owned()));
        }
        Left::Nothing | Left::Deleted => deletion.finished = true,
        Left::Definitions => {}
    }
    Ok(json(StatusCode::OK, &deletion))
}

/// What was left of a namespace when its experiments were gone.
enum Left {
    /// Nothing.
    Nothing,
    /// Documents, which are deleted now.
    Deleted,
    /// Definitions that someone stored meanwhile. They need their layers, so nothing was deleted.
    Definitions,
}

/// Deletes the documents that are left when the experiments are gone.
async fn delete_documents<S: Store>(
    store: &S,
    definitions: &Definitions,
    namespace: &Namespace,
) -> Result<Left, Box<Problem>> {
    let writer = definitions.writer(namespace);
    let _turn = writer.lock().await;
    for _ in 0..ATTEMPTS {
        let snapshot = store.snapshot(namespace, None).await?;
        let Some(snapshot) = snapshot.filter(|snapshot| !snapshot.documents.is_empty()) else {
            return Ok(Left::Nothing);
        };
        if snapshot.documents.iter().any(|one| one.key.kind == Kind::Definition) {
            return Ok(Left::Definitions);
        }
        let delete = |one: &abtest_store::Document| {
            Write::delete(one.key.clone(), Expected::Version(one.version))
        };
        let writes: Vec<Write> = snapshot.documents.iter().map(delete).collect();
        if committed(store, namespace, snapshot.version, writes).await? {
            return Ok(Left::Deleted);
        }
    }
    Err(busy())
}

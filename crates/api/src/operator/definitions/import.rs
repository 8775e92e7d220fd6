//! Imports the definition of an exported experiment, with its history.

use abtest_model::definition::{ChangeRecord, Current, Document, EarlierChange, Time, Violation};
use abtest_model::{Experiment, Namespace};
use abtest_store::contents::to_json;
use abtest_store::transfer::Export;
use abtest_store::{Expected, Kind, Store, Write};

use super::commit::current;
use super::plan::{check_published_size, surroundings, unused_seed, used_seeds};
use crate::http::author::Author;
use crate::namespace::{NamespaceState, Namespaces};
use crate::operator::attempts::{ATTEMPTS, busy, committed};

/// Why a definition cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The definition contradicts what the namespace has: a missing layer, taken slots, a used id.
    #[error("{0}")]
    Refused(String),
    /// The export's definition or history cannot be read.
    #[error("the definition in the export cannot be read: {0}")]
    Invalid(serde_json::Error),
}

/// How a definition is imported.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// Gives the definition a new id and salt.
    pub new_id: bool,
    /// Checks everything and stores nothing.
    pub dry_run: bool,
}

/// Imports the definition of an export, if it has one, and says whether it has one. It keeps its id,
/// salt, allocation and slots. Its versions continue, and its history tells where it was before.
///
/// # Errors
/// When the namespace has a definition of that name, lacks its layer, or another experiment has its
/// slots or its id.
pub async fn import_definition<S: Store>(
    store: &S,
    namespace: &Namespace,
    export: &Export,
    options: ImportOptions,
) -> Result<bool, ImportError> {
    let exported = export.documents.iter().find(|document| document.kind == Kind::Definition);
    let Some(exported) = exported else { return Ok(false) };
    let document: Document =
        serde_json::from_value(exported.content.clone()).map_err(ImportError::Invalid)?;
    let earlier = earlier(export)?;
    let experiment = Experiment::new(&*export.experiment).map_err(refused)?;
    let namespaces = Namespaces::default();
    for _ in 0..ATTEMPTS {
        let state = namespaces.read(store, namespace).await.map_err(refused)?;
        let current = current(store, &state, namespace, &experiment).await;
        let current = current.map_err(|problem| refused(problem.detail()))?;
        let writes =
            plan(&state, &experiment, &current, document.clone(), earlier.clone(), options)?;
        if options.dry_run {
            return Ok(true);
        }
        if committed(store, namespace, state.version, writes).await.map_err(refused)? {
            return Ok(true);
        }
    }
    Err(refused(busy().detail()))
}

fn plan(
    state: &NamespaceState,
    experiment: &Experiment,
    current: &Current,
    mut document: Document,
    earlier: Vec<EarlierChange>,
    options: ImportOptions,
) -> Result<Vec<Write>, ImportError> {
    let name = experiment.as_str();
    let last = match current {
        Current::Defined(_) => {
            return Err(refused("the experiment has a definition here; delete it first"));
        }
        Current::Deleted(tombstone) => tombstone.version,
        Current::Absent => 0,
    };
    if options.new_id {
        let mut used = used_seeds(state);
        document.definition.id = unused_seed(&mut used);
        document.definition.salt = unused_seed(&mut used);
    }
    document.version = document.version.max(last) + 1;
    document.updated = Time::now();
    let violations = surroundings(state).violations(name, &document.definition);
    if !violations.is_empty() {
        let has_seed = |one: &Violation| ["id", "salt"].contains(&one.member.as_str());
        let hint = "give the definition a new id and salt with --new-id";
        let texts = violations.iter().map(ToString::to_string);
        let texts = texts.chain(violations.iter().any(has_seed).then(|| hint.to_owned()));
        return Err(refused(texts.collect::<Vec<_>>().join("; ")));
    }
    let mut writes = Vec::new();
    if let Some(layer) = &document.definition.layer {
        writes.extend(layer_write(state, name, layer.as_str(), &document)?);
    }
    check_published_size(state, experiment, None, &document)
        .map_err(|problem| refused(problem.detail()))?;
    let author = Author { by: "import".to_owned(), actor: None };
    let version = Some(document.version);
    let entry = ChangeRecord { version, earlier, ..author.change_record() };
    let (content, entry) =
        (to_json(&document).map_err(refused)?, to_json(&entry).map_err(refused)?);
    let write = Write::put(Kind::Definition.of(experiment), Expected::Absent, content);
    writes.push(write.with_entry(entry));
    Ok(writes)
}

/// Gives the experiment its slots in its layer.
fn layer_write(
    state: &NamespaceState,
    name: &str,
    layer_name: &str,
    document: &Document,
) -> Result<Option<Write>, ImportError> {
    let Some(stored) = state.layers.get(layer_name) else { return Ok(None) };
    let mut layer = stored.layer(layer_name).map_err(refused)?;
    layer.slots.place(name, &document.slots).map_err(|taken| {
        refused(format!("{taken}; complete that experiment, or import into another namespace"))
    })?;
    stored.replace(layer_name, &layer).map(Some).map_err(refused)
}

fn earlier(export: &Export) -> Result<Vec<EarlierChange>, ImportError> {
    let mut earlier = Vec::new();
    for change in &export.history {
        let record = serde_json::from_value(change.entry.clone()).map_err(ImportError::Invalid)?;
        let ChangeRecord { earlier: before, .. } = &record;
        earlier.extend(before.iter().cloned());
        let record = ChangeRecord { earlier: Vec::new(), ..record };
        let version = record.version.unwrap_or(change.version);
        earlier.push(EarlierChange { version, at: change.at, record });
    }
    Ok(earlier)
}

fn refused(reason: impl ToString) -> ImportError {
    ImportError::Refused(reason.to_string())
}

//! The settings of a namespace, with its layers.

use abtest_assign::Layer;
use abtest_model::definition::{
    ChangeRecord, NewName, Precondition, Refusal, Seed, Settings, SettingsPatch, Violation,
    Violations,
};
use abtest_model::event::namespace_of;
use abtest_model::{Namespace, Query, Role, json};
use abtest_store::contents::to_json;
use abtest_store::{DocumentKey, Expected, Include, Store, Write};
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body;
use serde_json::{Value, json};

use super::attempts::{ATTEMPTS, busy, commit};
use super::definitions::commit::Definitions;
use super::definitions::layers;
use super::definitions::plan::{check_new_name, unused_seed, used_seeds};
use super::definitions::refusal::{at_version, damaged};
use super::refusals::Refusals;
use crate::AnswerBody;
use crate::http::api_keys::ROLE_HEADER;
use crate::http::author::Author;
use crate::http::body::read_json;
use crate::http::conditions::{precondition, tag};
use crate::http::problem::Problem;
use crate::http::response::json as json_answer;
use crate::namespace::NamespaceState;
use crate::settings::{LayerSettings, LayerShare, NamespaceSettings};

/// Reads the settings of a namespace.
#[utoipa::path(
    get, path = "/settings", tag = "operator",
    params(("namespace" = Option<String>, Query, description = "`alephbet` if absent")),
    responses(
        (status = 200, description = "the settings; those of a new namespace if it has none",
            body = NamespaceSettings,
            headers(
                ("ETag" = String, description = "the version, in quotes"),
                ("X-Abtest-Role" = String, description = "what the key may do: `read` or `edit`"),
            )),
        Refusals,
        (status = 409, description = "the settings cannot be read", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("key" = []))
)]
pub(crate) async fn get<S: Store>(
    store: &S,
    definitions: &Definitions,
    query: &Query<'_>,
    role: Role,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let state = definitions.namespaces.read(store, &namespace).await?;
    let shown = shown(&namespace, state.settings.as_ref().map_err(damaged)?, &layers(&state)?);
    let mut answer = tag(json_answer(StatusCode::OK, &shown), version(&state));
    let headers = answer.headers_mut();
    headers.insert(ROLE_HEADER, HeaderValue::from_static(role.as_str()));
    // A page of another origin reads it, too.
    let exposed = HeaderValue::from_static("ETag, X-Abtest-Role");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    Ok(answer)
}

/// Changes the settings of a namespace.
///
/// A given member replaces that member as a whole, and null restores its default. `layers` lists all
/// layers: a layer that is not in the list is deleted, which needs `If-Match`. A layer of
/// experiments cannot be deleted, and its id never changes. `hash` is fixed after the first start of
/// an experiment. `why` is the reason for the history.
#[utoipa::path(
    patch, path = "/settings", tag = "operator",
    params(
        ("namespace" = Option<String>, Query, description = "`alephbet` if absent"),
        ("If-Match" = Option<String>, Header, pattern = r#"^("[0-9]{1,18}"|\*)$"#,
            description = "the version that is changed, in quotes; `*` for any"),
        ("X-Abtest-Actor" = Option<String>, Header, pattern = r"^[!-~]{0,200}$",
            description = "the person or program, for the history; not verified"),
    ),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, description = "the settings after the change", body = NamespaceSettings,
            headers(("ETag" = String, description = "the version, in quotes"))),
        Refusals, super::definitions::Refused,
    ),
    security(("key" = []))
)]
pub(crate) async fn patch<S: Store, B: Body>(
    store: &S,
    definitions: &Definitions,
    query: &Query<'_>,
    request: Request<B>,
) -> Result<Response<AnswerBody>, Box<Problem>> {
    let namespace = namespace_of(query)?;
    let author = Author::of(&request)?;
    let precondition = precondition(request.headers())?;
    let patch = SettingsPatch::parse(&json::parse(&read_json(request).await?)?)?;
    let writer = definitions.writer(&namespace);
    let _turn = writer.lock().await;
    for _ in 0..ATTEMPTS {
        let state = definitions.namespaces.read(store, &namespace).await?;
        check_namespace(store, &state, &namespace).await?;
        check_precondition(&state, precondition, &patch)?;
        let Some(planned) = plan(&state, &patch, &author)? else {
            let settings = state.settings.as_ref().map_err(damaged)?;
            let shown = shown(&namespace, settings, &layers(&state)?);
            return Ok(tag(json_answer(StatusCode::OK, &shown), version(&state)));
        };
        if let Some(committed) = commit(store, &namespace, state.version, planned.writes).await? {
            let shown = shown(&namespace, &planned.settings, &planned.layers);
            // The settings are the last write.
            let version = committed.versions.last().copied().unwrap_or_default();
            return Ok(tag(json_answer(StatusCode::OK, &shown), version));
        }
    }
    Err(busy())
}

/// A change of the settings, and the writes that make it happen.
struct Planned {
    settings: Settings,
    layers: Vec<(String, Layer)>,
    writes: Vec<Write>,
}

/// Plans a change; `None` if the content is the same.
fn plan(
    state: &NamespaceState,
    patch: &SettingsPatch,
    author: &Author,
) -> Result<Option<Planned>, Box<Problem>> {
    let old = state.settings.as_ref().map_err(damaged)?;
    let old_layers = layers(state)?;
    let settings = Settings {
        hash: patch.hash.unwrap_or(old.hash),
        accept: patch.accept.unwrap_or(old.accept),
        defaults: patch.defaults.clone().unwrap_or_else(|| old.defaults.clone()),
    };
    let layers = match patch.layers {
        Some(_) => patched_layers(state, &old_layers, patch)?,
        None => old_layers.clone(),
    };
    if settings == *old && layers == old_layers {
        return Ok(None);
    }
    if settings.hash != old.hash
        && let Some((name, _)) = state.definitions().find(|(_, document)| document.started())
    {
        let detail = format!(
            "hash cannot change: the experiment {name} was started, and its units would move; use \
             another namespace"
        );
        return Err(Problem::boxed(StatusCode::CONFLICT, detail));
    }
    if let Some(layer) = settings.defaults.get("layer").and_then(Value::as_str)
        && !layers.iter().any(|(name, _)| name == layer)
    {
        let rule = "must be one of the layers";
        let violation = Violation::new("defaults.layer", &Value::from(layer), rule);
        return Err(Violations(vec![violation]).into());
    }
    let mut writes = layer_writes(state, &old_layers, &layers)?;
    let entry = entry(old, &old_layers, &settings, &layers, patch, author);
    let write = Write::put(DocumentKey::settings(), state.settings_expected, to_json(&settings)?);
    writes.push(write.with_entry(to_json(&entry)?));
    Ok(Some(Planned { settings, layers, writes }))
}

/// The layers after the change, by name.
fn patched_layers(
    state: &NamespaceState,
    old: &[(String, Layer)],
    patch: &SettingsPatch,
) -> Result<Vec<(String, Layer)>, Box<Problem>> {
    let wanted = patch.layers.as_deref().unwrap_or_default();
    let kept = |name: &str| wanted.iter().any(|layer| layer.name.as_str() == name);
    for (name, _) in old.iter().filter(|(name, _)| !kept(name)) {
        let uses = |document: &abtest_model::definition::Document| {
            document.definition.layer.as_ref().map(NewName::as_str) == Some(name)
        };
        let users: Vec<&str> =
            state.definitions().filter(|(_, one)| uses(one)).map(|(name, _)| name).collect();
        if !users.is_empty() {
            let detail = format!(
                "the layer {name} cannot be deleted: its experiments are {}; delete them first",
                users.join(", ")
            );
            return Err(Problem::boxed(StatusCode::CONFLICT, detail));
        }
    }
    let mut used = used_seeds(state);
    let mut layers = Vec::new();
    for (index, layer) in wanted.iter().enumerate() {
        let known = old.iter().find(|(name, _)| name == layer.name.as_str());
        let made = match (known, &layer.id) {
            (Some((name, known)), Some(id)) if known.id != *id => {
                let detail = format!("the id of the layer {name} never changes; leave it out");
                return Err(Problem::boxed(StatusCode::CONFLICT, detail));
            }
            (Some((_, known)), _) => {
                Layer { description: layer.description.clone(), ..known.clone() }
            }
            (None, Some(id)) if used.contains(id) => {
                let rule = "must differ from every id and salt of the namespace";
                let member = format!("layers[{index}].id");
                let violation = Violation::new(member, &json!(id), rule);
                return Err(Violations(vec![violation]).into());
            }
            (None, id) => {
                let id: Seed = id.clone().unwrap_or_else(|| unused_seed(&mut used));
                used.insert(id.clone());
                let slots = abtest_assign::SlotTable::default();
                Layer { id, description: layer.description.clone(), slots }
            }
        };
        layers.push((layer.name.to_string(), made));
    }
    layers.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(layers)
}

fn layer_writes(
    state: &NamespaceState,
    old: &[(String, Layer)],
    new: &[(String, Layer)],
) -> Result<Vec<Write>, Box<Problem>> {
    let mut writes = Vec::new();
    for (name, layer) in new.iter().filter(|layer| !old.contains(layer)) {
        writes.push(match state.layers.get(name) {
            Some(stored) => stored.replace(name, layer)?,
            None => Write::put(layers::key(name), Expected::Absent, to_json(layer)?),
        });
    }
    for (name, stored) in
        state.layers.iter().filter(|(name, _)| !new.iter().any(|(kept, _)| kept == *name))
    {
        writes.push(Write::delete(layers::key(name), Expected::Version(stored.version)));
    }
    Ok(writes)
}

/// What the history says about the change.
fn entry(
    old: &Settings,
    old_layers: &[(String, Layer)],
    new: &Settings,
    new_layers: &[(String, Layer)],
    patch: &SettingsPatch,
    author: &Author,
) -> ChangeRecord {
    let members = |settings: &Settings, layers: &[(String, Layer)]| {
        let layer = |(name, layer): &(String, Layer)| json!({"name": name, "id": layer.id, "description": layer.description});
        let layers: Vec<Value> = layers.iter().map(layer).collect();
        [
            ("hash", json!(settings.hash)),
            ("accept", json!(settings.accept)),
            ("defaults", json!(settings.defaults)),
            ("layers", json!(layers)),
        ]
    };
    let pairs = members(old, old_layers).into_iter().zip(members(new, new_layers));
    let changed = pairs
        .filter(|((_, before), (_, after))| before != after)
        .map(|((member, before), (_, after))| (member.to_owned(), [before, after]));
    ChangeRecord { why: patch.why.clone(), changed: changed.collect(), ..author.change_record() }
}

/// The version of the settings' document; 0 for a namespace that has never changed its settings.
fn version(state: &NamespaceState) -> u64 {
    match state.settings_expected {
        Expected::Version(version) => version,
        Expected::Absent | Expected::Any => 0,
    }
}

fn check_precondition(
    state: &NamespaceState,
    precondition: Precondition,
    patch: &SettingsPatch,
) -> Result<(), Box<Problem>> {
    let current = version(state);
    let stale = || {
        let detail = format!(
            "the settings are at version {current}; read them again, and repeat the change"
        );
        Err(at_version(StatusCode::PRECONDITION_FAILED, detail, Some(current)))
    };
    match precondition {
        Precondition::Version(expected) if expected != current => stale(),
        Precondition::Absent if current != 0 => stale(),
        Precondition::None if patch.layers.is_some() && !state.layers.is_empty() => {
            let reason = "replacing the list of layers".to_owned();
            Err(Refusal::PreconditionRequired { current, reason }.into())
        }
        _ => Ok(()),
    }
}

/// The name of a new namespace must work in a URL. A namespace that already counts keeps its name.
async fn check_namespace<S: Store>(
    store: &S,
    state: &NamespaceState,
    namespace: &Namespace,
) -> Result<(), Box<Problem>> {
    let is_known = !state.experiments.is_empty() || version(state) > 0;
    if is_known || check_new_name("namespace", namespace.as_str(), false).is_ok() {
        return Ok(());
    }
    let counts = !store.read(namespace, None, Include::COUNTS).await?.is_empty();
    check_new_name("namespace", namespace.as_str(), counts)
}

/// The layers by name.
fn layers(state: &NamespaceState) -> Result<Vec<(String, Layer)>, Box<Problem>> {
    let layers = state.layers.iter();
    layers
        .map(|(name, stored)| Ok((name.clone(), stored.layer(name).map_err(|e| damaged(&e))?)))
        .collect()
}

fn shown(
    namespace: &Namespace,
    settings: &Settings,
    layers: &[(String, Layer)],
) -> NamespaceSettings {
    let percent = |slots: u16| f64::from(slots) / 100.0;
    let layer = |(name, layer): &(String, Layer)| {
        let share = |(experiment, slots): (String, u16)| LayerShare {
            traffic: percent(slots),
            slots: layer.slots.of(&experiment).iter().map(|one| [one.from(), one.to()]).collect(),
            experiment,
        };
        LayerSettings {
            name: name.clone(),
            id: layer.id.to_string(),
            description: layer.description.clone(),
            free: percent(layer.slots.free_slots()),
            holders: layer.slots.holders().into_iter().map(share).collect(),
        }
    };
    NamespaceSettings {
        namespace: namespace.to_string(),
        hash: settings.hash,
        accept: settings.accept,
        layers: layers.iter().map(layer).collect(),
        defaults: settings.defaults.clone(),
    }
}

//! From what a namespace defines and a request to the writes of one commit. Nothing here reads or
//! writes.

use std::collections::{BTreeMap, BTreeSet};

use abtest_assign::MovedUnits;
use abtest_assign::lifecycle::{Stamp, document};
use abtest_model::Experiment;
use abtest_model::definition::change::{change, delete};
use abtest_model::definition::published::MAX_PUBLISHED_BYTES;
use abtest_model::definition::{
    Change, ChangeRecord, Current, DisturbanceKind, Document, Edit, Generated, NewName, Outcome,
    Published, Request, Seed, Surroundings, Violation, Violations, Warning,
};
use abtest_store::contents::to_json;
use abtest_store::{Expected, Kind, Write};
use serde_json::{Map, Value};

use super::refusal::{damaged, full_layer};
use crate::http::author::Author;
use crate::http::problem::Problem;
use crate::namespace::{NamespaceState, published_bytes};

/// What a change does, and the writes that make it happen.
pub(crate) struct Planned {
    /// The document after the change.
    pub(crate) after: Document,
    /// Each changed member with its value before and after.
    pub(crate) changed: BTreeMap<String, [Value; 2]>,
    /// What the change contaminates.
    pub(crate) contaminates: Vec<DisturbanceKind>,
    /// How many units it moves.
    pub(crate) units: MovedUnits,
    /// What is worth a second look.
    pub(crate) warnings: Vec<Warning>,
    /// The writes of the commit. Empty if the content is the same.
    pub(crate) writes: Vec<Write>,
}

/// Plans a change of a definition: rules, slots, allocation, history.
///
/// `decision` is the analysis of this moment, for a change that completes the experiment.
///
/// # Errors
/// Why the change is refused.
pub(crate) fn plan(
    state: &NamespaceState,
    experiment: &Experiment,
    current: &Current,
    request: &Request<'_>,
    author: &Author,
    decision: Option<Value>,
) -> Result<Planned, Box<Problem>> {
    let before = match current {
        Current::Defined(document) => Some(&**document),
        Current::Absent | Current::Deleted(_) => None,
    };
    let change = match (change(current, request)?, before) {
        (Outcome::Changed(change), _) => *change,
        (Outcome::Unchanged, Some(before)) => return Ok(Planned::nothing(before)),
        // A definition that does not exist cannot stay the same.
        (Outcome::Unchanged, None) => return Err(super::no_definition(experiment)),
    };
    check_rules(state, experiment, before, &change)?;
    let contaminates = change.contaminates.clone();
    let why = change.why.clone();
    let stamp = Stamp { now: request.now, by: &author.by };
    let (mut after, layer_write) = place(state, experiment, current, change, stamp)?;
    after.decision = decision.or(after.decision);
    check_published_size(state, experiment, before, &after)?;

    let mut changed = Document::changed(before, &after);
    changed.remove("decision");
    let entry = ChangeRecord {
        why,
        changed: changed.clone(),
        version: Some(after.version),
        ..author.change_record()
    };
    let expected = expected(state, experiment);
    let write = Write::put(Kind::Definition.of(experiment), expected, to_json(&after)?);
    let mut writes = vec![write.with_entry(to_json(&entry)?)];
    writes.extend(layer_write);
    if before.is_none() {
        // An earlier alarm assumed equal weights. The next report checks the declared ones.
        writes.push(Write::delete(Kind::Alarm.of(experiment), Expected::Any));
    }
    Ok(Planned {
        changed,
        contaminates,
        units: MovedUnits::between(before, &after),
        warnings: after.definition.warnings(),
        writes,
        after,
    })
}

impl Planned {
    fn nothing(before: &Document) -> Self {
        Self {
            after: before.clone(),
            changed: BTreeMap::new(),
            contaminates: Vec::new(),
            units: MovedUnits::default(),
            warnings: before.definition.warnings(),
            writes: Vec::new(),
        }
    }
}

/// Plans the deletion of a definition. `None` if there is no definition.
///
/// # Errors
/// When the experiment is running, paused or completed.
pub(crate) fn plan_deletion(
    state: &NamespaceState,
    experiment: &Experiment,
    author: &Author,
) -> Result<Option<Vec<Write>>, Box<Problem>> {
    let Some(defined) = state.experiments.get(experiment.as_str()) else { return Ok(None) };
    // A document that cannot be read can be deleted, because nothing else helps.
    let readable = defined.document.as_ref().ok();
    let deleted = readable.map(|document| delete(document)).transpose()?;
    let version = deleted.as_ref().map(|tombstone| tombstone.version);
    let entry = ChangeRecord { version, deleted, ..author.change_record() };
    let key = Kind::Definition.of(experiment);
    let write = Write::delete(key, Expected::Version(defined.version));
    let mut writes = vec![write.with_entry(to_json(&entry)?)];
    for (name, stored) in &state.layers {
        let Ok(mut layer) = stored.layer(name) else { continue };
        if !layer.slots.of(experiment.as_str()).is_empty() && readable.is_none() {
            let _ = layer.slots.resize(experiment.as_str(), 0);
            writes.push(stored.replace(name, &layer)?);
        }
    }
    Ok(Some(writes))
}

/// The body with the namespace's defaults in place of members that it omits (PUT) or sets to null.
pub(crate) fn with_defaults(body: &Value, defaults: &Map<String, Value>, edit: Edit) -> Value {
    let Value::Object(members) = body else { return body.clone() };
    let mut members = members.clone();
    for (member, default) in defaults {
        let given = members.get(member);
        let takes_default = match edit {
            Edit::Put => given.is_none_or(Value::is_null),
            Edit::Patch => given.is_some_and(Value::is_null),
        };
        if takes_default {
            members.insert(member.clone(), default.clone());
        }
    }
    Value::Object(members)
}

/// The id and salt for a request that does not give them: the stored ones, or for a new definition
/// random ones that no experiment and no layer has.
pub(crate) fn generated(state: &NamespaceState, current: &Current) -> Generated {
    if let Current::Defined(document) = current {
        let definition = &document.definition;
        return Generated { id: definition.id.clone(), salt: definition.salt.clone() };
    }
    let mut used = used_seeds(state);
    Generated { id: unused_seed(&mut used), salt: unused_seed(&mut used) }
}

/// Every id and salt of the namespace.
pub(crate) fn used_seeds(state: &NamespaceState) -> BTreeSet<Seed> {
    let experiments = state.definitions().map(|(_, document)| &document.definition);
    let seeds = experiments.flat_map(|definition| [&definition.id, &definition.salt]);
    let layers = state.layers.keys().filter_map(|layer| state.layer_id(layer));
    seeds.chain(layers).cloned().collect()
}

/// A random seed that is not used yet. It is used then.
pub(crate) fn unused_seed(used: &mut BTreeSet<Seed>) -> Seed {
    loop {
        let seed = Seed::generated(uuid::Uuid::new_v4().as_fields().0);
        if used.insert(seed.clone()) {
            return seed;
        }
    }
}

/// Refuses a name that a new definition cannot have. `counts` says whether the name already counts,
/// so that its counts can be adopted.
pub(crate) fn check_new_name(member: &str, name: &str, counts: bool) -> Result<(), Box<Problem>> {
    match name.parse::<NewName>() {
        Err(rule) if !counts => {
            let violation = Violation::new(member, &Value::from(name), rule.to_string());
            Err(Violations(vec![violation]).into())
        }
        _ => Ok(()),
    }
}

/// What else the namespace has, for the rules that span it.
pub(super) fn surroundings(state: &NamespaceState) -> Surroundings {
    let head = |(name, layer): (&String, &std::sync::Arc<crate::namespace::StoredLayer>)| {
        Some((name.parse().ok()?, layer.head.as_ref().ok()?.id.clone()))
    };
    let seeds = |(name, document): (&str, &Document)| {
        let definition = &document.definition;
        (name.to_owned(), definition.id.clone(), definition.salt.clone())
    };
    Surroundings {
        layers: state.layers.iter().filter_map(head).collect(),
        experiments: state.definitions().map(seeds).collect(),
    }
}

/// The rules beyond the document: its targeting compiles, and it fits into its namespace.
fn check_rules(
    state: &NamespaceState,
    experiment: &Experiment,
    before: Option<&Document>,
    change: &Change,
) -> Result<(), Box<Problem>> {
    let mut violations = abtest_assign::check(&change.definition);
    let new = &change.definition;
    let keeps_its_place = before.is_some_and(|before| {
        let old = &before.definition;
        (&old.id, &old.salt, &old.layer) == (&new.id, &new.salt, &new.layer)
    });
    if !keeps_its_place {
        violations.extend(surroundings(state).violations(experiment.as_str(), new));
    }
    if violations.is_empty() { Ok(()) } else { Err(Violations(violations).into()) }
}

/// The document with its slots and allocation, and the write of its layer if the layer's slots
/// change.
fn place(
    state: &NamespaceState,
    experiment: &Experiment,
    current: &Current,
    change: Change,
    stamp: Stamp<'_>,
) -> Result<(Document, Option<Write>), Box<Problem>> {
    let name = experiment.as_str();
    let layer_name = change.definition.layer.clone();
    let Some(layer_name) = layer_name else {
        // A ring of its own always has room.
        let placed = document(name, current, change, None, stamp);
        let document =
            placed.map_err(|full| Problem::boxed(http::StatusCode::CONFLICT, full.to_string()))?;
        return Ok((document, None));
    };
    let stored = state.layers.get(layer_name.as_str()).ok_or_else(|| {
        let rule = "must be an existing layer; create it first";
        let violation = Violation::new("layer", &Value::from(layer_name.as_str()), rule);
        Box::<Problem>::from(Violations(vec![violation]))
    })?;
    let mut layer = stored.layer(layer_name.as_str()).map_err(|error| damaged(&error))?;
    let old = layer.slots.clone();
    let placed = document(name, current, change, Some(&mut layer.slots), stamp);
    let document = placed.map_err(|full| full_layer(&layer_name, full))?;
    let write =
        if layer.slots == old { None } else { Some(stored.replace(layer_name.as_str(), &layer)?) };
    Ok((document, write))
}

/// The write that exceeds the size of a published document is refused.
pub(super) fn check_published_size(
    state: &NamespaceState,
    experiment: &Experiment,
    before: Option<&Document>,
    after: &Document,
) -> Result<(), Box<Problem>> {
    /// Bytes around the experiments, and for the ids of layers.
    const SLACK_PER_EXPERIMENT: usize = 70;
    let name = experiment.as_str();
    let size = published_bytes(name, after);
    if before.is_some_and(|before| published_bytes(name, before) >= size) {
        return Ok(());
    }
    let others = state.experiments.iter().filter(|(other, _)| *other != name);
    let all = others.fold(size, |sum, (name, defined)| {
        sum + defined.published_bytes(name) + SLACK_PER_EXPERIMENT
    });
    if all + 1_000 <= MAX_PUBLISHED_BYTES {
        return Ok(());
    }
    let others = state.definitions().filter(|(other, _)| *other != name);
    let published = others
        .chain([(name, after)])
        .filter_map(|(name, document)| document.publish(name, state.ring_of(document)));
    let hash = state.settings.as_ref().map(|settings| settings.hash).unwrap_or_default();
    let whole = Published::new("", state.version, hash, published.collect());
    whole.check_size().map_err(|too_large| {
        let violation = Violation::new("", &Value::from(size), too_large.to_string());
        Violations(vec![violation]).into()
    })
}

/// What a write of the definition must replace.
fn expected(state: &NamespaceState, experiment: &Experiment) -> Expected {
    let stored = state.experiments.get(experiment.as_str());
    stored.map_or(Expected::Absent, |stored| Expected::Version(stored.version))
}

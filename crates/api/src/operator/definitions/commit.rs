//! Changes definitions: reads what the namespace defines, plans, and commits. If another writer was
//! faster, it starts again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use abtest_model::definition::{
    ChangeRecord, Current, DefinedGoal, Definition, Edit, GoalKind, Precondition, Request, Seed,
    Status, Time, Tombstone, Warning, Writer,
};
use abtest_model::{Experiment, Namespace, Tally};
use abtest_store::{Include, Kind, Store, StoreError};
use serde_json::Value;

use super::decision::decision;
use super::plan::{Planned, check_new_name, generated, plan, plan_deletion, with_defaults};
use super::refusal::damaged;
use crate::edited::{AnnouncedDisturbance, Edited};
use crate::http::author::Author;
use crate::http::problem::Problem;
use crate::namespace::{NamespaceState, Namespaces};
use crate::operator::attempts::{ATTEMPTS, busy, committed};
use crate::operator::caps;

/// Changes the definitions of namespaces.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// What the namespaces define.
    pub(crate) namespaces: Arc<Namespaces>,
    /// One writer at a time in each namespace: several would only refuse each other.
    writers: Mutex<HashMap<Namespace, Arc<tokio::sync::Mutex<()>>>>,
}

/// A request to change a definition.
#[derive(Debug)]
pub(crate) struct Order {
    /// The namespace.
    pub(crate) namespace: Namespace,
    /// The experiment.
    pub(crate) experiment: Experiment,
    /// How the body is meant.
    pub(crate) edit: Edit,
    /// The body.
    pub(crate) body: Value,
    /// The condition on the version.
    pub(crate) precondition: Precondition,
    /// Who asks.
    pub(crate) author: Author,
    /// Whether to store nothing.
    pub(crate) dry_run: bool,
}

impl Definitions {
    /// Changes a definition, or says what the change would do. Returns the version, too.
    pub(crate) async fn edit<S: Store>(
        &self,
        store: &S,
        order: &Order,
        now: Time,
    ) -> Result<(Edited, u64), Box<Problem>> {
        let writer = self.writer(&order.namespace);
        let _turn = if order.dry_run { None } else { Some(writer.lock().await) };
        for _ in 0..ATTEMPTS {
            let state = self.namespaces.read(store, &order.namespace).await?;
            let current = current(store, &state, &order.namespace, &order.experiment).await?;
            let created = !matches!(current, Current::Defined(_));
            if created && order.edit == Edit::Put {
                check_names(store, &state, order).await?;
            }
            let decision = match &current {
                Current::Defined(document) if completes(document.definition.status, order) => {
                    decision(store, &state, &order.namespace, &order.experiment, now).await?
                }
                _ => None,
            };
            let settings = state.settings.as_ref().map_err(damaged)?;
            let body = with_defaults(&order.body, &settings.defaults, order.edit);
            let generated = generated(&state, &current);
            let request = Request {
                edit: order.edit,
                body: &body,
                precondition: order.precondition,
                writer: Writer::Operator,
                now,
                generated: &generated,
            };
            let mut planned =
                plan(&state, &order.experiment, &current, &request, &order.author, decision)?;
            let version = planned.after.version;
            planned.warnings.extend(counting_warning(store, order, &planned).await?);
            let before = match &current {
                Current::Defined(document) => Some(&document.definition),
                Current::Absent | Current::Deleted(_) => None,
            };
            let after = &planned.after.definition;
            if let Some(before) = before {
                check_kinds(store, order, before, after).await?;
            }
            if order.dry_run || planned.writes.is_empty() {
                return Ok((edited(order, planned, created, false), version));
            }
            let writes = planned.writes.clone();
            if committed(store, &order.namespace, state.version, writes).await? {
                caps::follow(store, &order.namespace, &order.experiment, before, after).await;
                return Ok((edited(order, planned, created, true), version));
            }
        }
        Err(busy())
    }

    /// Deletes the definition of an experiment, and says whether there was one.
    pub(crate) async fn delete<S: Store>(
        &self,
        store: &S,
        namespace: &Namespace,
        experiment: &Experiment,
        author: &Author,
    ) -> Result<bool, Box<Problem>> {
        let writer = self.writer(namespace);
        let _turn = writer.lock().await;
        for _ in 0..ATTEMPTS {
            let state = self.namespaces.read(store, namespace).await?;
            let Some(writes) = plan_deletion(&state, experiment, author)? else {
                return Ok(false);
            };
            if committed(store, namespace, state.version, writes).await? {
                return Ok(true);
            }
        }
        Err(busy())
    }

    /// The turn of a writer in a namespace.
    pub(crate) fn writer(&self, namespace: &Namespace) -> Arc<tokio::sync::Mutex<()>> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        // Only those that someone waits for need to be remembered.
        writers.retain(|_, writer| Arc::strong_count(writer) > 1);
        Arc::clone(writers.entry(namespace.clone()).or_default())
    }
}

/// What is stored under the name now. A name without a definition may have had one before.
pub(super) async fn current<S: Store>(
    store: &S,
    state: &NamespaceState,
    namespace: &Namespace,
    experiment: &Experiment,
) -> Result<Current, Box<Problem>> {
    if let Some(defined) = state.experiments.get(experiment.as_str()) {
        let document = defined.document.as_ref().map_err(damaged)?;
        return Ok(Current::Defined(document.clone()));
    }
    let history = store.history(namespace, &Kind::Definition.of(experiment)).await?;
    let Some(last) = history.last() else { return Ok(Current::Absent) };
    let record = serde_json::from_str::<ChangeRecord>(&last.entry).ok();
    let version = record.as_ref().and_then(|record| record.version).unwrap_or(last.version);
    let tombstone = record.and_then(|record| record.deleted).unwrap_or_else(|| {
        // The deleted document could not be read, so its id is not known.
        let id = Seed::generated(uuid::Uuid::new_v4().as_fields().0);
        Tombstone { id, version, allocation: None }
    });
    Ok(Current::Deleted(tombstone))
}

/// Whether the request completes an experiment with this status.
fn completes(status: Status, order: &Order) -> bool {
    matches!(status, Status::Running | Status::Paused)
        && order.body.get("status").and_then(Value::as_str) == Some(Status::Completed.as_str())
}

/// The name of a new definition must work in a URL. A name that already counts may be adopted.
async fn check_names<S: Store>(
    store: &S,
    state: &NamespaceState,
    order: &Order,
) -> Result<(), Box<Problem>> {
    let new = |name: &str| check_new_name("name", name, false);
    let namespace_is_known = !state.experiments.is_empty();
    if new(order.experiment.as_str()).is_ok()
        && (namespace_is_known || new(order.namespace.as_str()).is_ok())
    {
        return Ok(());
    }
    let tallies = counted(store, order, Include::COUNTS).await?;
    let counts = tallies.iter().any(|tally| !tally.is_empty());
    check_new_name("name", order.experiment.as_str(), counts)?;
    check_new_name("namespace", order.namespace.as_str(), counts || namespace_is_known)
}

/// What a change of `counting` does not do: a store may have one mode, and an experiment keeps the mode
/// in which it began.
async fn counting_warning<S: Store>(
    store: &S,
    order: &Order,
    planned: &Planned,
) -> Result<Option<Warning>, Box<Problem>> {
    let Some(asked) = planned.after.definition.counting else { return Ok(None) };
    if !planned.changed.contains_key("counting") {
        return Ok(None);
    }
    let message = if store.counting_of_new(Some(asked)) != asked {
        format!("this store counts every experiment exactly, so {asked} changes nothing")
    } else {
        let tallies = counted(store, order, Include::COUNTS).await?;
        let begun = tallies.iter().find(|tally| !tally.is_empty()).map(|tally| tally.counting);
        match begun {
            Some(begun) if begun != asked => format!(
                "the experiment began to count as {begun} and continues so; to count as {asked}, \
                 delete the counts or take another name"
            ),
            _ => return Ok(None),
        }
    };
    Ok(Some(Warning { member: "counting".to_owned(), message }))
}

/// A goal that has totals keeps its kind: euros and repeats do not add up.
async fn check_kinds<S: Store>(
    store: &S,
    order: &Order,
    before: &Definition,
    after: &Definition,
) -> Result<(), Box<Problem>> {
    let other_kind = |old: &&DefinedGoal| {
        old.kind != GoalKind::Conversion
            && after.goal(old.name.as_str()).is_some_and(|new| new.kind != old.kind)
    };
    let changed: Vec<&DefinedGoal> = before.goals.iter().filter(other_kind).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let tallies = counted(store, order, Include { values: true, ..Include::COUNTS }).await?;
    let values = tallies.iter().filter_map(|tally| tally.values.as_ref());
    let mut with_totals = values.flat_map(|values| values.0.keys());
    let Some(goal) = with_totals.find(|goal| changed.iter().any(|one| one.name == **goal)) else {
        return Ok(());
    };
    let detail = format!(
        "the goal `{}` has totals already, and another kind cannot continue them; declare a goal with another name, or remove \
         this one from the definition and prune it first",
        goal.as_str().escape_debug()
    );
    Err(Problem::boxed(http::StatusCode::CONFLICT, detail))
}

/// What is counted of the experiment.
async fn counted<S: Store>(
    store: &S,
    order: &Order,
    include: Include,
) -> Result<Vec<Tally>, StoreError> {
    store.read(&order.namespace, Some(std::slice::from_ref(&order.experiment)), include).await
}

fn edited(order: &Order, planned: Planned, created: bool, stored: bool) -> Edited {
    let announced = |kind: &abtest_model::definition::DisturbanceKind| AnnouncedDisturbance {
        kind: *kind,
        sentence: kind.sentence().to_owned(),
    };
    Edited {
        experiment: order.experiment.to_string(),
        stored,
        created,
        changed: planned.changed,
        disturbances: planned.contaminates.iter().map(announced).collect(),
        units: planned.units,
        warnings: planned.warnings,
        definition: serde_json::to_value(&planned.after).unwrap_or_default(),
    }
}

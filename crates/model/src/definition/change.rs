//! PUT and PATCH as pure functions: from the current document, a request and the time to a change.

mod allowed;
mod disturbance;
mod refusal;

use serde_json::{Map, Value, json};

use self::allowed::conflicts;
use self::disturbance::{contaminates, disturbances};
pub use self::refusal::{Conflict, LayerHolder, Refusal};
use super::document::{Disturbance, DisturbanceKind, Document, Tombstone};
use super::read::{SERVER_OWNED, has};
use super::rule::{Violation, Violations};
use super::status::Status;
use super::time::Time;
use super::{Definition, Seed};

/// Longest reason for a change, in bytes.
pub const MAX_WHY_BYTES: usize = 2_000;

/// Members of a request that are not stored: the reason for the history, and the confirmation that
/// withdrawing a winner needs.
const WHY: &str = "why";
const CONFIRM: &str = "confirm";

/// Members whose PATCH replaces lists or trees, so that it needs `If-Match`.
const GUARDED: [&str; 4] = ["variants", "goals", "schedule", "targeting"];
/// Members that a PUT keeps when it omits them.
const KEPT_BY_PUT: [&str; 4] = ["id", "salt", "status", "counting"];

/// What is stored under the name now.
#[derive(Debug, Clone, PartialEq)]
pub enum Current {
    /// Nothing, and nothing was ever deleted.
    Absent,
    /// A definition was deleted.
    Deleted(Tombstone),
    /// A definition.
    Defined(Box<Document>),
}

/// How the body relates to the current definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// The body is the whole definition. Omitted members take their default, except `id`, `salt`,
    /// `status` and `counting`, which keep their value.
    Put,
    /// Each member of the body replaces that member, `weights` merge by key, and null restores the
    /// default.
    Patch,
}

/// The request's condition on the current version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// No condition.
    None,
    /// `If-Match: "<version>"`.
    Version(u64),
    /// `If-Match: *`: any definition.
    Exists,
    /// `If-None-Match: *`: no definition.
    Absent,
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// A person or a program with a key.
    Operator,
    /// The server's own scheduled work. It may change weights that a bandit owns.
    Monitor,
}

/// A random id and salt for a definition without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The id.
    pub id: Seed,
    /// The salt.
    pub salt: Seed,
}

/// A request to change a definition.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// How the body is meant.
    pub edit: Edit,
    /// The body.
    pub body: &'a Value,
    /// The condition on the current version.
    pub precondition: Precondition,
    /// Who writes.
    pub writer: Writer,
    /// The server's clock.
    pub now: Time,
    /// The id and salt of a new definition.
    pub generated: &'a Generated,
}

/// What a request leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The content is the same: no new version.
    Unchanged,
    /// A new version.
    Changed(Box<Change>),
}

/// A legal change of a definition. Slots and allocation of the new document follow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The new definition.
    pub definition: Definition,
    /// The new version.
    pub version: u64,
    /// The status before, if there was a definition.
    pub previous_status: Option<Status>,
    /// The reason, for the history.
    pub why: Option<String>,
    /// All disturbances after the change.
    pub disturbances: Vec<Disturbance>,
    /// What this change contaminates. Announce it before the change is applied.
    pub contaminates: Vec<DisturbanceKind>,
}

/// Applies a request to what is stored now.
///
/// Checks, in this order: the precondition, the rules of the document, the legal transition, what
/// may change in the present status. Rules that span the namespace are in
/// [`Surroundings::violations`](super::Surroundings::violations).
///
/// # Errors
/// The first kind of [`Refusal`] that applies, with all violations or conflicts of that kind.
pub fn change(current: &Current, request: &Request<'_>) -> Result<Outcome, Refusal> {
    let before = match current {
        Current::Defined(document) => Some(&**document),
        Current::Absent | Current::Deleted(_) => None,
    };
    check_precondition(before, request)?;
    let Value::Object(body) = request.body else {
        return Err(invalid("", request.body, "must be a JSON object"));
    };
    let Instructed { members, why, confirm } = take_instructions(body)?;
    let definition = proposed(current, before, request, members)?;
    check_schedule(before, &definition, request.now)?;

    let Some(before) = before else {
        return new_definition(current, definition, why);
    };
    if definition == before.definition {
        return Ok(Outcome::Unchanged);
    }
    let conflicts = conflicts(before, &definition, request.writer, confirm);
    if !conflicts.is_empty() {
        return Err(Refusal::Conflict(conflicts));
    }
    let version = before.version + 1;
    let contaminates = contaminates(before, &definition);
    let disturbances = disturbances(before, &definition, &contaminates, version, request.now);
    Ok(Outcome::Changed(Box::new(Change {
        definition,
        version,
        previous_status: Some(before.definition.status),
        why,
        disturbances,
        contaminates,
    })))
}

/// What remains after a deletion, Gimel's included. Only drafts and archived experiments can be
/// deleted.
///
/// # Errors
/// A conflict that names the status and the way to delete.
pub fn delete(document: &Document) -> Result<Tombstone, Refusal> {
    let status = document.definition.status;
    match status {
        Status::Draft | Status::Archived => Ok(Tombstone {
            id: document.definition.id.clone(),
            version: document.version + 1,
            allocation: document.allocation.clone(),
        }),
        Status::Running | Status::Paused | Status::Completed => {
            Err(Refusal::Conflict(vec![Conflict::Undeletable { status }]))
        }
    }
}

fn check_precondition(before: Option<&Document>, request: &Request<'_>) -> Result<(), Refusal> {
    let current = before.map(|document| document.version);
    let stale = Err(Refusal::Stale { current });
    match (request.precondition, before) {
        (Precondition::Version(_) | Precondition::Exists, None) => return stale,
        (Precondition::Version(expected), Some(document)) if document.version != expected => {
            return stale;
        }
        (Precondition::Absent, Some(document)) => {
            return Err(Refusal::Exists { current: document.version });
        }
        _ => {}
    }
    let Some(document) = before else {
        return match request.edit {
            Edit::Put => Ok(()),
            Edit::Patch => Err(Refusal::Missing),
        };
    };
    if request.precondition != Precondition::None {
        return Ok(());
    }
    let required =
        |reason: String| Err(Refusal::PreconditionRequired { current: document.version, reason });
    match (request.edit, request.body) {
        (Edit::Put, _) => required("replacing a definition".to_owned()),
        (Edit::Patch, Value::Object(body)) => {
            match GUARDED.into_iter().find(|member| has(body, member)) {
                Some(member) => required(format!("changing {member}")),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// A body, split into members of the definition and instructions to the server.
struct Instructed {
    members: Map<String, Value>,
    why: Option<String>,
    confirm: bool,
}

/// Takes the members that instruct the server out of the body.
fn take_instructions(body: &Map<String, Value>) -> Result<Instructed, Refusal> {
    let mut members = body.clone();
    let why = match members.remove(WHY).unwrap_or_default() {
        Value::Null => None,
        Value::String(why) if why.len() <= MAX_WHY_BYTES => Some(why).filter(|why| !why.is_empty()),
        other => {
            let rule = format!("must be a text of at most {MAX_WHY_BYTES} bytes");
            return Err(invalid(WHY, &other, &rule));
        }
    };
    let confirm = match members.remove(CONFIRM).unwrap_or_default() {
        Value::Null => false,
        Value::Bool(confirm) => confirm,
        other => return Err(invalid(CONFIRM, &other, "must be true or false")),
    };
    members.retain(|member, _| !SERVER_OWNED.contains(&member.as_str()));
    Ok(Instructed { members, why, confirm })
}

/// The definition that the request asks for.
fn proposed(
    current: &Current,
    before: Option<&Document>,
    request: &Request<'_>,
    body: Map<String, Value>,
) -> Result<Definition, Refusal> {
    let mut wanted = match (request.edit, before) {
        (Edit::Put, None) => body,
        (Edit::Put, Some(before)) => {
            let mut kept = before.definition.to_members();
            kept.retain(|member, _| KEPT_BY_PUT.contains(&member.as_str()));
            kept.extend(body.into_iter().filter(|(_, value)| !value.is_null()));
            kept
        }
        (Edit::Patch, before) => {
            let members = before.map(|before| before.definition.to_members());
            patched(members.unwrap_or_default(), body)
        }
    };
    if let Some(before) = before {
        // Null restores the default, and these defaults are what the experiment already has.
        for (member, seed) in [("id", &before.definition.id), ("salt", &before.definition.salt)] {
            let given = wanted.entry(member).or_insert(Value::Null);
            if given.is_null() {
                *given = json!(seed);
            }
        }
    }
    let wanted = Value::Object(wanted);
    let mut definition = Definition::parse(&wanted, Some(request.generated))?;
    let previous_schedule = before.and_then(|before| before.definition.schedule.as_ref());
    if request.writer == Writer::Operator {
        definition.schedule =
            definition.schedule.map(|schedule| schedule.remembering(previous_schedule));
    }
    if let Current::Deleted(tombstone) = current
        && definition.id == tombstone.id
    {
        let rule = "must be new: the deleted definition of this name had it";
        return Err(invalid("id", &json!(definition.id), rule));
    }
    Ok(definition)
}

fn patched(mut members: Map<String, Value>, patch: Map<String, Value>) -> Map<String, Value> {
    for (member, value) in patch {
        match (members.get_mut(&member), value) {
            (Some(Value::Object(weights)), Value::Object(patch)) if member == "weights" => {
                for (name, weight) in patch {
                    if weight.is_null() {
                        weights.remove(&name);
                    } else {
                        weights.insert(name, weight);
                    }
                }
            }
            (_, value) => {
                members.insert(member, value);
            }
        }
    }
    members
}

fn check_schedule(
    before: Option<&Document>,
    definition: &Definition,
    now: Time,
) -> Result<(), Refusal> {
    let Some(schedule) = &definition.schedule else { return Ok(()) };
    let previous = before.and_then(|before| before.definition.schedule.as_ref());
    let past: Vec<Violation> = schedule
        .added(previous)
        .filter(|(_, at)| *at <= now)
        .map(|(member, at)| {
            let rule = format!("must lie in the future; the server's clock shows {now}");
            Violation::new(format!("schedule.{member}"), &json!(at), rule)
        })
        .collect();
    if past.is_empty() { Ok(()) } else { Err(Violations(past).into()) }
}

fn new_definition(
    current: &Current,
    definition: Definition,
    why: Option<String>,
) -> Result<Outcome, Refusal> {
    if !matches!(definition.status, Status::Draft | Status::Running) {
        let rule = "must be draft or running in a new definition";
        return Err(invalid("status", &json!(definition.status), rule));
    }
    let version = match current {
        Current::Deleted(tombstone) => tombstone.version + 1,
        Current::Absent | Current::Defined(_) => 1,
    };
    Ok(Outcome::Changed(Box::new(Change {
        definition,
        version,
        previous_status: None,
        why,
        disturbances: Vec::new(),
        contaminates: Vec::new(),
    })))
}

fn invalid(member: &str, value: &Value, rule: &str) -> Refusal {
    Violations(vec![Violation::new(member, value, rule)]).into()
}

#[cfg(test)]
mod tests;

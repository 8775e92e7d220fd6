use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::definition::document::Allocation;
use crate::definition::testing::{arbitrary_definition, full, generated, minimal};

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn now() -> Time {
    time("2026-11-25T00:00:00Z")
}

fn ask(current: &Current, edit: Edit, body: &Value) -> Result<Outcome, Refusal> {
    let precondition = match current {
        Current::Defined(document) => Precondition::Version(document.version),
        _ => Precondition::None,
    };
    ask_if(current, edit, body, precondition)
}

fn ask_if(
    current: &Current,
    edit: Edit,
    body: &Value,
    precondition: Precondition,
) -> Result<Outcome, Refusal> {
    let generated = generated();
    let writer = Writer::Operator;
    change(
        current,
        &Request { edit, body, precondition, writer, now: now(), generated: &generated },
    )
}

fn changed(current: &Current, edit: Edit, body: &Value) -> Change {
    match ask(current, edit, body) {
        Ok(Outcome::Changed(change)) => *change,
        other => panic!("{body} gives {other:?}"),
    }
}

fn patch(current: &Current, body: Value) -> Change {
    changed(current, Edit::Patch, &body)
}

fn refused(current: &Current, edit: Edit, body: Value) -> Refusal {
    ask(current, edit, &body).unwrap_err()
}

fn conflicts_of(current: &Current, body: Value) -> Vec<String> {
    match refused(current, Edit::Patch, body) {
        Refusal::Conflict(conflicts) => conflicts.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

/// What would be stored after a change. The allocation only says that the experiment was started.
fn stored(current: &Current, change: Change) -> Current {
    let before = match current {
        Current::Defined(document) => Some(document),
        _ => None,
    };
    let started = before.is_some_and(|document| document.started())
        || change.definition.status == Status::Running;
    Current::Defined(Box::new(Document {
        allocation: started.then(|| Allocation {
            number: 1,
            from: now(),
            weights: BTreeMap::new(),
            ranges: BTreeMap::new(),
            by: "key".to_owned(),
            why: None,
        }),
        earlier_allocations: Vec::new(),
        version: change.version,
        slots: Vec::new(),
        first_start: None,
        created: before.map_or(now(), |document| document.created),
        updated: now(),
        decision: None,
        disturbances: change.disturbances,
        definition: change.definition,
    }))
}

fn draft() -> Current {
    stored(&Current::Absent, changed(&Current::Absent, Edit::Put, &full()))
}

fn then(current: &Current, body: Value) -> Current {
    stored(current, patch(current, body))
}

fn running() -> Current {
    then(&draft(), json!({"status": "running"}))
}

fn completed() -> Current {
    then(&running(), json!({"status": "completed", "winner": "green"}))
}

#[test]
fn a_new_definition_has_version_1_and_generated_seeds() {
    let change = changed(&Current::Absent, Edit::Put, &minimal());
    assert_eq!((change.version, change.previous_status), (1, None));
    assert_eq!(change.definition.id.as_str(), "00000001");
    let mut body = minimal();
    body["status"] = json!("running");
    assert_eq!(changed(&Current::Absent, Edit::Put, &body).definition.status, Status::Running);
    body["status"] = json!("paused");
    assert!(matches!(refused(&Current::Absent, Edit::Put, body), Refusal::Invalid(_)));
}

#[test]
fn a_recreated_name_continues_the_versions_and_cannot_reuse_the_id() {
    let id: Seed = "5f2b9c01".parse().unwrap();
    let deleted = Current::Deleted(Tombstone { id, version: 7, allocation: None });
    assert_eq!(changed(&deleted, Edit::Put, &minimal()).version, 8);
    let Refusal::Invalid(Violations(violations)) = refused(&deleted, Edit::Put, full()) else {
        panic!("the old id is accepted");
    };
    assert_eq!(violations[0].member, "id");
}

#[test]
fn only_drafts_and_archived_experiments_can_be_deleted() {
    let document = |current: Current| match current {
        Current::Defined(document) => document,
        other => panic!("{other:?}"),
    };
    let tombstone = delete(&document(draft())).unwrap();
    assert_eq!((tombstone.id.as_str(), tombstone.version), ("5f2b9c01", 2));
    let archived = then(&completed(), json!({"status": "archived", "confirm": true}));
    assert!(delete(&document(archived)).unwrap().allocation.is_some());
    for current in [running(), completed()] {
        let refusal = delete(&document(current)).unwrap_err();
        assert!(refusal.to_string().contains("cannot be deleted"), "{refusal}");
    }
}

#[test]
fn preconditions_guard_against_lost_changes() {
    let draft = draft();
    let put = |precondition| ask_if(&draft, Edit::Put, &minimal(), precondition);
    assert!(matches!(
        put(Precondition::None),
        Err(Refusal::PreconditionRequired { current: 1, .. })
    ));
    assert_eq!(put(Precondition::Version(2)), Err(Refusal::Stale { current: Some(1) }));
    assert_eq!(put(Precondition::Absent), Err(Refusal::Exists { current: 1 }));
    assert!(put(Precondition::Version(1)).is_ok() && put(Precondition::Exists).is_ok());
    let absent = ask_if(&Current::Absent, Edit::Put, &minimal(), Precondition::Version(1));
    assert_eq!(absent, Err(Refusal::Stale { current: None }));
    assert_eq!(ask(&Current::Absent, Edit::Patch, &json!({})), Err(Refusal::Missing));

    for member in GUARDED {
        let body = json!({member: null});
        let answer = ask_if(&draft, Edit::Patch, &body, Precondition::None);
        assert!(matches!(answer, Err(Refusal::PreconditionRequired { .. })), "{member}");
    }
    assert!(ask_if(&draft, Edit::Patch, &json!({"traffic": 5}), Precondition::None).is_ok());
}

#[test]
fn put_keeps_seeds_status_and_counting_and_resets_the_rest() {
    let current = then(&draft(), json!({"counting": "hll"}));
    let change = changed(&current, Edit::Put, &minimal()).definition;
    assert_eq!((change.id.as_str(), change.salt.as_str()), ("5f2b9c01", "c0ffee12"));
    assert_eq!(change.counting, Some(crate::Counting::Hll));
    assert_eq!((change.goals.len(), change.traffic.percent()), (0, 100.0));
    let same = changed(&running(), Edit::Put, &{
        let mut body = full();
        body.as_object_mut().unwrap().remove("status");
        body["traffic"] = json!(20);
        body
    });
    assert_eq!(same.definition.status, Status::Running);
}

#[test]
fn the_same_content_makes_no_version() {
    let draft = draft();
    assert_eq!(ask(&draft, Edit::Put, &full()), Ok(Outcome::Unchanged));
    assert_eq!(ask(&draft, Edit::Patch, &json!({})), Ok(Outcome::Unchanged));
    assert_eq!(ask(&draft, Edit::Patch, &json!({"why": "no reason"})), Ok(Outcome::Unchanged));
}

#[test]
fn patch_replaces_members_merges_weights_and_restores_defaults() {
    let draft = draft();
    let change = patch(&draft, json!({"analysis": {"level": 0.9}, "weights": {"green": 80}}));
    assert_eq!(change.definition.analysis.minimum_lift, None);
    let weights: Vec<f64> = change.definition.weights.values().copied().collect();
    assert_eq!(weights, [50.0, 80.0]);
    let change = patch(&draft, json!({"traffic": null, "weights": null, "why": "a test"}));
    assert_eq!(change.definition.traffic.percent(), 100.0);
    assert!(change.definition.weights.values().all(|weight| *weight == 1.0));
    assert_eq!(change.why.as_deref(), Some("a test"));
    let change = patch(
        &draft,
        json!({"variants": [{"name": "control"}, {"name": "red"}],
               "weights": {"green": null, "red": 50}, "overrides": null}),
    );
    assert!(change.definition.weights.keys().any(|name| name.as_str() == "red"));
}

#[test]
fn only_the_transitions_of_the_table_are_legal() {
    let allowed = |from: Status, started| from.allowed_next(started).to_vec();
    assert_eq!(allowed(Status::Draft, false), [Status::Running, Status::Archived]);
    assert_eq!(allowed(Status::Running, true), [Status::Paused, Status::Completed]);
    assert_eq!(allowed(Status::Paused, true), [Status::Running, Status::Completed]);
    assert_eq!(allowed(Status::Completed, true), [Status::Archived]);
    assert_eq!(allowed(Status::Archived, true), [Status::Completed]);
    assert_eq!(allowed(Status::Archived, false), [Status::Draft]);
    assert_eq!(
        conflicts_of(&draft(), json!({"status": "paused"})),
        ["a draft experiment cannot become paused; it can become running or archived"]
    );
    let archived = then(&draft(), json!({"status": "archived"}));
    assert_eq!(patch(&archived, json!({"status": "draft"})).definition.status, Status::Draft);
    assert!(!conflicts_of(&archived, json!({"status": "running"})).is_empty());
}

#[test]
fn completing_needs_a_winner_and_archiving_withdraws_it_only_when_confirmed() {
    let Refusal::Invalid(Violations(violations)) =
        refused(&running(), Edit::Patch, json!({"status": "completed"}))
    else {
        panic!("no winner is needed");
    };
    assert_eq!(violations[0].member, "winner");
    let completed = completed();
    let conflicts = conflicts_of(&completed, json!({"status": "archived"}));
    assert!(conflicts[0].contains("withdraws the winner green"), "{conflicts:?}");
    let archived = then(&completed, json!({"status": "archived", "confirm": true}));
    let restored = patch(&archived, json!({"status": "completed"}));
    assert_eq!(restored.definition.winner.unwrap().as_str(), "green");
}

#[test]
fn what_was_counted_with_cannot_change_after_the_start() {
    let running = running();
    let fixed = [
        ("id", json!("new")),
        ("salt", json!("new")),
        ("counting", json!("hll")),
        ("layer", json!(null)),
        ("variants", json!([{"name": "control"}, {"name": "green"}])),
        ("control", json!("green")),
        ("fallback", json!("green")),
        ("server_only", json!(true)),
        ("segments", json!({})),
        ("analysis", json!({"level": 0.9})),
        ("bandit", json!({})),
        ("goals", json!([{"name": "purchase"}])),
    ];
    for (member, value) in fixed {
        let conflicts = conflicts_of(&running, json!({member: value}));
        assert!(conflicts[0].starts_with(&format!("{member} cannot change: ")), "{conflicts:?}");
    }
    let mut goals = full()["goals"].clone();
    goals.as_array_mut().unwrap().push(json!({"name": "signup"}));
    let mut other_cap = full()["goals"].clone();
    other_cap[1]["cap"] = json!(99);
    let allowed = [
        ("description", json!("new")),
        ("tags", json!(["new"])),
        ("traffic", json!(50)),
        ("weights", json!({"green": 10})),
        ("targeting", json!({"country": "DE"})),
        ("overrides", json!({})),
        ("goals", goals),
        ("goals", other_cap),
        ("schedule", json!({"stop": "2027-01-01T00:00:00Z"})),
    ];
    for (member, value) in allowed {
        patch(&running, json!({member: value}));
    }
}

#[test]
fn a_completed_experiment_changes_only_its_description_and_winner() {
    let completed = completed();
    patch(&completed, json!({"description": "It sells more."}));
    assert_eq!(
        patch(&completed, json!({"winner": "control"})).previous_status,
        Some(Status::Completed)
    );
    assert_eq!(conflicts_of(&completed, json!({"traffic": 1, "goals": []})).len(), 2);
}

#[test]
fn a_bandit_owns_its_weights() {
    let with_bandit = then(&draft(), json!({"bandit": {}, "status": "running"}));
    let conflicts = conflicts_of(&with_bandit, json!({"weights": {"green": 60}}));
    assert!(conflicts[0].contains("while a bandit is active"), "{conflicts:?}");
    patch(&with_bandit, json!({"weights": {"green": 60}, "bandit": null}));
    let generated = generated();
    let body = json!({"weights": {"green": 60}});
    let request = Request {
        edit: Edit::Patch,
        body: &body,
        precondition: Precondition::None,
        writer: Writer::Monitor,
        now: now(),
        generated: &generated,
    };
    assert!(matches!(change(&with_bandit, &request), Ok(Outcome::Changed(_))));
}

#[test]
fn only_steps_that_a_request_adds_must_lie_in_the_future() {
    let past = json!({"schedule": {"start": "2026-11-24T00:00:00Z"}});
    let Refusal::Invalid(Violations(violations)) = refused(&draft(), Edit::Patch, past) else {
        panic!("a past start is accepted");
    };
    assert_eq!(violations[0].member, "schedule.start");

    let Current::Defined(mut document) = draft() else { panic!("not defined") };
    let done_at = time("2026-11-02T00:00:01Z");
    document.definition.schedule = Some(super::super::Schedule {
        start: Some(time("2026-11-02T00:00:00Z")),
        start_done_at: Some(done_at),
        ramp: Vec::new(),
        stop: None,
        stop_done_at: None,
    });
    let current = Current::Defined(document);
    let body = json!({"schedule": {"start": "2026-11-02T00:00:00Z", "stop": "2027-01-01T00:00:00Z",
                                   "start_done_at": "2001-01-01T00:00:00Z"}});
    let schedule = patch(&current, body).definition.schedule.unwrap();
    assert_eq!(schedule.start_done_at, Some(done_at));
}

#[test]
fn changes_that_contaminate_groups_are_recorded() {
    let current = running();
    let narrower = patch(&current, json!({"targeting": {"country": "DE"}, "traffic": 5}));
    assert_eq!(narrower.contaminates, [DisturbanceKind::Targeting, DisturbanceKind::Traffic]);
    assert_eq!(patch(&current, json!({"targeting": null, "traffic": 50})).contaminates, []);
    let paused = then(&current, json!({"status": "paused"}));
    let resumed = patch(&paused, json!({"status": "running"}));
    assert_eq!(resumed.contaminates, []);
    assert_eq!(resumed.disturbances.len(), 1);
    assert_eq!(resumed.disturbances[0].kind, DisturbanceKind::Pause);
    assert_eq!(resumed.disturbances[0].until, Some(now()));
    assert_eq!(patch(&draft(), json!({"traffic": 5})).contaminates, []);
}

#[test]
fn the_history_gets_each_changed_member_before_and_after() {
    let (Current::Defined(before), Current::Defined(after)) =
        (draft(), then(&draft(), json!({"traffic": 25})))
    else {
        panic!("not defined");
    };
    let changed = Document::changed(Some(&before), &after);
    assert_eq!(json!(changed), json!({"traffic": [10, 25]}));
    assert_eq!(Document::changed(None, &before)["traffic"], [Value::Null, json!(10)]);
}

#[test]
fn a_document_reads_back_as_it_was_stored() {
    let Current::Defined(document) = completed() else { panic!("not defined") };
    let text = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), *document);
}

proptest! {
    #[test]
    fn a_patch_with_what_is_there_changes_nothing(
        definition in arbitrary_definition(),
        member in any::<prop::sample::Index>(),
    ) {
        let members = definition.to_members();
        let change = changed(&Current::Absent, Edit::Put, &Value::Object(members.clone()));
        let current = stored(&Current::Absent, change);
        let (member, value) = members.iter().nth(member.index(members.len())).unwrap();
        prop_assert_eq!(ask(&current, Edit::Patch, &json!({member: value})), Ok(Outcome::Unchanged));
        prop_assert_eq!(ask(&current, Edit::Patch, &Value::Object(members)), Ok(Outcome::Unchanged));
    }

    #[test]
    fn a_put_of_any_definition_over_a_draft_gives_that_definition(
        first in arbitrary_definition(),
        second in arbitrary_definition(),
    ) {
        let put = |current: &Current, definition: &Definition| {
            changed(current, Edit::Put, &Value::Object(definition.to_members()))
        };
        let current = stored(&Current::Absent, put(&Current::Absent, &first));
        if first != second {
            let change = put(&current, &second);
            prop_assert_eq!(change.definition, Definition { counting: None, ..second });
            prop_assert_eq!(change.version, 2);
        }
    }
}

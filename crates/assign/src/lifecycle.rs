//! Slots and allocation of a changed definition: from a [`Change`] to the [`Document`] to store.

use abtest_model::definition::{
    Allocation, Change, Current, Definition, Document, FirstStart, Status, Time,
};
use abtest_model::{Goal, Variant};

use crate::allocation::{first, rebalanced, sizes};
use crate::slots::{FullRing, SlotTable};

/// Who changes a definition, and when.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The server's clock.
    pub now: Time,
    /// A key's id, or `monitor`.
    pub by: &'a str,
}

/// The document after a change.
///
/// Running and paused experiments hold slots for their traffic; others hold none. The first start
/// makes the first allocation, and a change of weights makes the next one. `ring` is the slot table
/// of the experiment's layer, or nothing for an experiment without a layer; it is changed, too, and
/// belongs into the same commit.
///
/// # Errors
/// When the layer has too few free slots. `ring` is unchanged then.
pub fn document(
    name: &str,
    current: &Current,
    change: Change,
    ring: Option<&mut SlotTable>,
    stamp: Stamp<'_>,
) -> Result<Document, FullRing> {
    let before = match current {
        Current::Defined(document) => Some(&**document),
        Current::Absent | Current::Deleted(_) => None,
    };
    let definition = change.definition;
    let wanted = match definition.status {
        Status::Running | Status::Paused => definition.traffic.slots(),
        Status::Draft | Status::Completed | Status::Archived => 0,
    };
    let mut own = SlotTable::default();
    let table = match ring {
        Some(layer) => layer,
        None => {
            // One experiment alone: its slots cannot be taken by another.
            let held = before.map(|before| before.slots.as_slice()).unwrap_or_default();
            let _ = own.place(name, held);
            &mut own
        }
    };
    table.resize(name, wanted)?;

    let order: Vec<Variant> = definition.variant_names().cloned().collect();
    let previous = before.and_then(|before| before.allocation.as_ref());
    let next = |number: u64, ranges| Allocation {
        number,
        from: stamp.now,
        weights: definition.weights.clone(),
        ranges,
        by: stamp.by.to_owned(),
        why: change.why.clone(),
    };
    let allocation = match (previous, definition.status) {
        (None, Status::Running) => {
            let number = match current {
                Current::Deleted(tombstone) => {
                    tombstone.allocation.as_ref().map_or(1, |allocation| allocation.number + 1)
                }
                Current::Absent | Current::Defined(_) => 1,
            };
            Some(next(number, first(&order, &definition.weights)))
        }
        (Some(previous), Status::Running | Status::Paused)
            if sizes(&order, &previous.weights) != sizes(&order, &definition.weights) =>
        {
            let ranges = rebalanced(&previous.ranges, &order, &definition.weights);
            Some(next(previous.number + 1, ranges))
        }
        (previous, _) => previous.cloned(),
    };
    let earlier = before.map(|before| before.earlier_allocations.as_slice()).unwrap_or_default();
    let replaced = previous.filter(|previous| {
        allocation.as_ref().is_some_and(|newest| newest.number != previous.number)
    });
    let earlier_allocations =
        earlier.iter().cloned().chain(replaced.map(Allocation::to_earlier)).collect();
    let first_start = match (previous, &allocation) {
        (None, Some(allocation)) => Some(FirstStart {
            at: stamp.now,
            goals: definition.goals.iter().map(|goal| goal.name.clone()).collect(),
            allocation: allocation.number,
        }),
        _ => before.and_then(|before| {
            let start = before.first_start.clone()?;
            // Totals under another cap are other totals: the goal decides nothing from now on.
            let has_same_cap = |name: &Goal| {
                let cap = |definition: &Definition| definition.goal(name.as_str())?.cap;
                cap(&before.definition) == cap(&definition)
            };
            let goals = start.goals.into_iter().filter(has_same_cap).collect();
            Some(FirstStart { goals, ..start })
        }),
    };
    Ok(Document {
        first_start,
        slots: table.of(name).to_vec(),
        version: change.version,
        allocation,
        earlier_allocations,
        created: before.map_or(stamp.now, |before| before.created),
        updated: stamp.now,
        decision: before.and_then(|before| before.decision.clone()),
        disturbances: change.disturbances,
        definition,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_model::definition::change::change;
    use abtest_model::definition::{
        Edit, Generated, Outcome, Precondition, Range, Request, Seed, Tombstone, Writer,
    };
    use serde_json::{Value, json};

    fn now() -> Time {
        Time::from_millis(1_000).unwrap()
    }

    fn ask(current: &Current, edit: Edit, body: &Value) -> Change {
        let generated = Generated { id: Seed::generated(1), salt: Seed::generated(2) };
        let precondition = match current {
            Current::Defined(_) => Precondition::Exists,
            _ => Precondition::None,
        };
        let (writer, now) = (Writer::Operator, now());
        let request = Request { edit, body, precondition, writer, now, generated: &generated };
        match change(current, &request) {
            Ok(Outcome::Changed(change)) => *change,
            other => panic!("{body}: {other:?}"),
        }
    }

    fn then(current: &Current, body: Value, ring: Option<&mut SlotTable>) -> Current {
        let edit = if matches!(current, Current::Defined(_)) { Edit::Patch } else { Edit::Put };
        let change = ask(current, edit, &body);
        let stamp = Stamp { now: now(), by: "key-1" };
        Current::Defined(Box::new(document("button", current, change, ring, stamp).unwrap()))
    }

    fn stored(current: &Current) -> &Document {
        match current {
            Current::Defined(document) => document,
            other => panic!("{other:?}"),
        }
    }

    fn new() -> Value {
        json!({"variants": [{"name": "control"}, {"name": "green"}], "traffic": 10})
    }

    #[test]
    fn slots_and_allocation_follow_the_life_of_an_experiment() {
        let draft = then(&Current::Absent, new(), None);
        assert_eq!((stored(&draft).slots.len(), stored(&draft).started()), (0, false));
        let running = then(&draft, json!({"status": "running", "why": "go"}), None);
        let held = [Range::new(0, 1_000).unwrap()];
        assert_eq!(stored(&running).slots, held);
        let allocation = stored(&running).allocation.clone().unwrap();
        assert_eq!((allocation.number, allocation.by.as_str()), (1, "key-1"));
        let start = stored(&running).first_start.clone().unwrap();
        assert_eq!((start.at, start.allocation, start.goals.len()), (now(), 1, 0));
        assert_eq!(allocation.why.as_deref(), Some("go"));
        let paused = then(&running, json!({"status": "paused"}), None);
        assert_eq!(stored(&paused).first_start, Some(start));
        assert_eq!(stored(&paused).slots, held);
        let reweighted = then(&paused, json!({"weights": {"control": 3}}), None);
        assert_eq!(stored(&reweighted).allocation.as_ref().unwrap().number, 2);
        let earlier = &stored(&reweighted).earlier_allocations;
        assert_eq!((earlier.len(), earlier[0].number, earlier[0].from), (1, 1, allocation.from));
        assert!(earlier[0].shares.values().all(|share| *share == 0.5));
        let same = then(&reweighted, json!({"weights": {"control": 30, "green": 10}}), None);
        assert_eq!(stored(&same).allocation, stored(&reweighted).allocation);
        assert_eq!(stored(&same).earlier_allocations, *earlier);
        let done = then(&same, json!({"status": "completed", "winner": "green"}), None);
        assert_eq!(stored(&done).slots, []);
        assert_eq!(stored(&done).allocation.as_ref().unwrap().number, 2);
    }

    #[test]
    fn experiments_of_a_layer_share_its_table() {
        let mut layer = SlotTable::default();
        layer.resize("other", 9_500).unwrap();
        let draft = then(&Current::Absent, new(), Some(&mut layer));
        let change = ask(&draft, Edit::Patch, &json!({"status": "running"}));
        let stamp = Stamp { now: now(), by: "key-1" };
        let full = document("button", &draft, change, Some(&mut layer), stamp).unwrap_err();
        assert_eq!(full.holders, [("other".to_owned(), 9_500)]);
        let smaller = then(&draft, json!({"status": "running", "traffic": 5}), Some(&mut layer));
        assert_eq!(stored(&smaller).slots, [Range::new(9_500, 10_000).unwrap()]);
        assert_eq!(layer.of("button"), stored(&smaller).slots);
        let done = json!({"status": "completed", "winner": "green"});
        then(&smaller, done, Some(&mut layer));
        assert!(layer.of("button").is_empty());
    }

    #[test]
    fn a_recreated_experiment_continues_the_numbers_of_its_allocations() {
        let running =
            then(&Current::Absent, json!({"status": "running", "variants": [{"name": "a"}]}), None);
        let last = stored(&running).allocation.clone();
        let id = "old".parse().unwrap();
        let deleted = Current::Deleted(Tombstone { id, version: 4, allocation: last });
        let again = then(&deleted, json!({"status": "running", "variants": [{"name": "a"}]}), None);
        assert_eq!(stored(&again).version, 5);
        assert_eq!(stored(&again).allocation.as_ref().unwrap().number, 2);
    }
}

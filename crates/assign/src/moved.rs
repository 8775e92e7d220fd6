//! What a change does to units: how many enter, leave, or see another variant.

use abtest_model::Variant;
use abtest_model::definition::{Allocation, BUCKETS, Document, Range, Status};
use serde::{Deserialize, Serialize};

/// The units that a change moves, in percent with two decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MovedUnits {
    /// The share of all units that take part after the change and did not before.
    pub entering: f64,
    /// The share of all units that took part before the change and do not after it.
    pub leaving: f64,
    /// The share of the participating units that see another variant after the change.
    pub changing: f64,
}

impl MovedUnits {
    /// What the step from one document to the next does. Targeting is not considered: how many
    /// units match it is not known. Only running experiments have participating units.
    #[must_use]
    pub fn between(before: Option<&Document>, after: &Document) -> Self {
        let taking_part = |document: &Document| match document.definition.status {
            Status::Running => bitmap(&document.slots),
            Status::Draft | Status::Paused | Status::Completed | Status::Archived => {
                vec![false; usize::from(BUCKETS)]
            }
        };
        let old = before.map_or_else(|| vec![false; usize::from(BUCKETS)], taking_part);
        let new = taking_part(after);
        let count = |wanted: (bool, bool)| {
            old.iter().zip(&new).filter(|(old, new)| (**old, **new) == wanted).count()
        };
        let allocations = before.and_then(|before| before.allocation.as_ref());
        let changing = match (allocations, &after.allocation) {
            (Some(old), Some(new)) => {
                variants(old).iter().zip(variants(new)).filter(|(old, new)| **old != *new).count()
            }
            _ => 0,
        };
        Self {
            entering: percent(count((false, true))),
            leaving: percent(count((true, false))),
            changing: percent(changing),
        }
    }
}

fn bitmap(ranges: &[Range]) -> Vec<bool> {
    let mut held = vec![false; usize::from(BUCKETS)];
    for range in ranges {
        held[usize::from(range.from())..usize::from(range.to())].fill(true);
    }
    held
}

/// The variant of each bucket.
fn variants(allocation: &Allocation) -> Vec<Option<&Variant>> {
    let mut variants = vec![None; usize::from(BUCKETS)];
    for (variant, ranges) in &allocation.ranges {
        for range in ranges {
            variants[usize::from(range.from())..usize::from(range.to())].fill(Some(variant));
        }
    }
    variants
}

fn percent(buckets: usize) -> f64 {
    buckets as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document(status: &str, slots: Value, green: Value) -> Document {
        let mut document = json!({
            "variants": [{"name": "control"}, {"name": "green"}], "id": "i", "salt": "s",
            "status": status, "version": 1, "slots": slots, "created": "2026-12-01T09:00:00Z",
            "updated": "2026-12-01T09:00:00Z",
            "allocation": {"number": 1, "from": "2026-12-01T09:00:00Z", "by": "edit",
                "weights": {"control": 1, "green": 1},
                "ranges": {"control": [[0, 4000]], "green": green}},
        });
        if status == "completed" {
            document["winner"] = json!("green");
        }
        serde_json::from_value(document).unwrap()
    }

    fn moved(before: Option<&Document>, after: &Document) -> [f64; 3] {
        let MovedUnits { entering, leaving, changing } = MovedUnits::between(before, after);
        [entering, leaving, changing]
    }

    #[test]
    fn units_enter_with_traffic_and_leave_with_a_pause() {
        let green = json!([[4000, 10000]]);
        let draft = document("draft", json!([]), green.clone());
        let small = document("running", json!([[0, 1000]]), green.clone());
        let large = document("running", json!([[0, 1000], [5000, 5050]]), green.clone());
        let paused = document("paused", json!([[0, 1000]]), green.clone());
        let done = document("completed", json!([]), green);
        assert_eq!(moved(None, &draft), [0.0, 0.0, 0.0]);
        assert_eq!(moved(Some(&draft), &small), [10.0, 0.0, 0.0]);
        assert_eq!(moved(Some(&small), &large), [0.5, 0.0, 0.0]);
        assert_eq!(moved(Some(&large), &small), [0.0, 0.5, 0.0]);
        assert_eq!(moved(Some(&small), &paused), [0.0, 10.0, 0.0]);
        assert_eq!(moved(Some(&small), &done), [0.0, 10.0, 0.0]);
    }

    #[test]
    fn units_change_with_weights() {
        let before = document("running", json!([[0, 1000]]), json!([[4000, 10000]]));
        let mut after = document("running", json!([[0, 1000]]), json!([[6000, 10000]]));
        let allocation = after.allocation.as_mut().unwrap();
        let control = allocation.ranges.get_mut("control").unwrap();
        control.push(Range::new(4000, 6000).unwrap());
        assert_eq!(moved(Some(&before), &after), [0.0, 0.0, 20.0]);
    }
}

//! The laws of counts by allocation.

use abtest_model::Stated;

use super::*;

fn under(allocation: u64, event: Event) -> Event {
    let allocation = abtest_model::AllocationNumber::from_number(allocation).unwrap();
    Event { allocation: Some(allocation.into()), ..event }
}

/// An event whose allocation gives its unit another variant.
fn mismatching(allocation: u64, event: Event) -> Event {
    let mut event = under(allocation, event);
    event.allocation = event.allocation.map(|stated| Stated { mismatch: true, ..stated });
    event
}

/// The counts of an event's counter by allocation.
async fn by_allocation<S: Counters>(store: &S, event: &Event) -> Vec<(u32, u64)> {
    let found = by_statement(store, event).await.into_iter();
    found.map(|(stated, count)| (stated.allocation.get(), count)).collect()
}

/// The counts of an event's counter by what was stated.
async fn by_statement<S: Counters>(store: &S, event: &Event) -> Vec<(Stated, u64)> {
    let scope = [event.experiment.clone()];
    let include = Include { allocations: true, ..Include::COUNTS };
    let tally = store.read(&event.namespace, Some(&scope), include).await.unwrap().remove(0);
    let allocations = tally.allocations.unwrap();
    allocations.of(&event.goal, &event.variant).collect()
}

pub(crate) async fn a_uuid_counts_under_the_allocation_of_its_first_event<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let one = |uuid: &str| participation("a:b", uuid);
    stored(&store, &[under(2, one("1")), one("2"), under(1, one("1")), under(1, one("3"))]).await;
    stored(&store, &[under(1, one("1")), under(1, one("2")), under(1, one("4"))]).await;
    assert_eq!(by_allocation(&store, &one("x")).await, [(1, 2), (2, 1)]);
    assert_eq!(count(&store, &one("x")).await, 4);
    stored(&store, &[under(3, event("ns", "a:b", "buy", "red", "1"))]).await;
    drop(store);
    let store = backend.open(Limits::default());
    assert_eq!(by_allocation(&store, &one("x")).await, [(1, 2), (2, 1)]);
    assert_eq!(by_allocation(&store, &event("ns", "a:b", "buy", "red", "x")).await, [(3, 1)]);
    let scope = [experiment("a:b")];
    let without = store.read(&namespace(), Some(&scope), DAYS).await.unwrap().remove(0);
    assert_eq!(without.allocations, None);
}

pub(crate) async fn mismatches_of_an_allocation_are_counted_beside_it<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let one = |uuid: &str| participation("e", uuid);
    stored(&store, &[mismatching(1, one("1"))]).await;
    let batch = [under(1, one("2")), mismatching(1, one("3")), under(2, one("4")), one("5")];
    stored(&store, &batch).await;
    // The first event of a uuid decides.
    stored(&store, &[under(1, one("1")), mismatching(1, one("2")), mismatching(2, one("5"))]).await;
    let expected = [("1", 1), ("1x", 2), ("2", 1)]
        .map(|(text, count)| (Stated::from_text(text).unwrap(), count));
    assert_eq!(by_statement(&store, &one("x")).await, expected);
    assert_eq!(count(&store, &one("x")).await, 5);
    drop(store);
    let store = backend.open(Limits::default());
    assert_eq!(by_statement(&store, &one("x")).await, expected);
    assert!(store.delete(&namespace(), &experiment("e")).await.unwrap());
    stored(&store, &[under(1, one("1"))]).await;
    assert_eq!(by_allocation(&store, &one("x")).await, [(1, 1)]);
}

pub(crate) async fn a_part_and_an_experiment_take_their_counts_by_allocation_along<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let [red, blue] = ["red", "blue"].map(|variant| event("ns", "e", "g", variant, "1"));
    stored(&store, &[under(1, red.clone()), under(1, blue.clone())]).await;
    let part = Part::Variant(red.variant.clone());
    assert!(store.prune(&namespace(), &experiment("e"), &part).await.unwrap());
    assert_eq!(by_allocation(&store, &red).await, []);
    assert_eq!(by_allocation(&store, &blue).await, [(1, 1)]);
    stored(&store, &[under(2, red.clone())]).await;
    assert_eq!(by_allocation(&store, &red).await, [(2, 1)]);
    assert!(store.delete(&namespace(), &experiment("e")).await.unwrap());
    stored(&store, &[red.clone(), blue.clone()]).await;
    assert_eq!(by_allocation(&store, &red).await, []);
    assert_eq!(by_allocation(&store, &blue).await, []);
}

pub(crate) async fn allocations_of_one_batch_add_up<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    for batch in 0..20 {
        let events: Vec<Event> = (0..100)
            .map(|number| {
                let one = participation("e", &format!("{batch} {number}"));
                if number % 4 == 0 { one } else { under(1 + number % 4, one) }
            })
            .collect();
        stored(&store, &events).await;
        stored(&store, &events).await;
    }
    let parts = by_allocation(&store, &participation("e", "x")).await;
    assert_eq!(parts.iter().map(|(allocation, _)| *allocation).collect::<Vec<_>>(), [2, 3, 4]);
    for (allocation, count) in &parts {
        // Of 2,000 uuids; Redis' estimates are off by a few.
        assert!((470..=530).contains(count), "allocation {allocation}: {count}");
    }
}

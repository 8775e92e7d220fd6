//! The laws of [`Recorder`], [`Counters`] and [`Documents`](abtest_store::Documents), for every
//! backend. A backend's test file calls [`contract!`](crate::contract) with a type that opens it.

mod allocations;
pub(crate) mod documents;
mod limits;
mod removal;
mod values;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use abtest_config::Limits;
use abtest_model::{Day, Event, Experiment, Goal, Namespace, Tally, Uuid, Variant};
use abtest_store::{
    Counters, Documents, Expected, Include, Kind, Part, Recorder, Refusal, Store, Write,
};
use proptest::prelude::*;

pub(crate) use {allocations::*, limits::*, removal::*, values::*};

const DAYS: Include = Include { days: true, ..Include::COUNTS };

/// A place where counts are kept, which can be opened again after everything was dropped.
pub(crate) trait Backend: Sized {
    type Store: Store;
    /// A new, empty place.
    fn new() -> Self;
    fn open(&self, limits: Limits) -> Self::Store;
    /// Makes the experiment `spoiled` in the namespace `ns` impossible to store, and says whether
    /// that can be done.
    fn spoil(&self) -> bool;
}

/// Makes a test of each law.
#[macro_export]
macro_rules! contract {
    ($backend:ty: $($law:ident)*; documents: $($document_law:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                contract::$law::<$backend>().await;
            }
        )*
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $document_law() {
                contract::documents::$document_law::<$backend>().await;
            }
        )*
        #[test]
        fn any_stream_of_values_adds_up_like_a_plain_sum() {
            contract::any_stream_of_values_adds_up_like_a_plain_sum::<$backend>();
        }
        #[test]
        fn any_stream_counts_like_a_set() {
            contract::any_stream_counts_like_a_set::<$backend>();
        }
    };
    ($backend:ty) => {
        $crate::contract! { $backend:
            a_duplicate_never_counts
            a_uuid_counts_in_each_counter_for_itself
            concurrent_duplicates_count_once
            every_name_comes_back_exactly
            names_that_resemble_each_other_stay_apart
            namespaces_are_apart
            a_scope_keeps_its_order_and_shows_the_unknown_as_empty
            a_full_batch_is_stored_and_an_empty_one_is_fine
            deleting_removes_one_experiment_and_only_it
            a_deleted_experiment_starts_again_from_nothing
            pruning_removes_a_part_and_nothing_else
            a_pruned_part_is_counted_anew
            pruning_at_the_same_moment_as_recording_loses_no_other_event
            past_the_limit_of_experiments_the_known_go_on
            past_the_limit_of_counters_the_known_go_on
            past_the_limit_of_an_experiments_counters_others_go_on
            past_the_limit_of_namespaces_the_known_go_on
            an_hours_new_experiments_may_come_at_once_and_no_more
            an_hours_new_counters_and_namespaces_may_come_at_once_and_no_more
            a_deletion_makes_the_limits_per_hour_start_again
            what_a_definition_declares_fits_whatever_strangers_did
            made_up_namespaces_leave_room_for_the_default_and_the_operators_ones
            a_uuid_counts_under_the_allocation_of_its_first_event
            mismatches_of_an_allocation_are_counted_beside_it
            a_part_and_an_experiment_take_their_counts_by_allocation_along
            allocations_of_one_batch_add_up
            stuffed_goals_and_units_in_two_variants_are_found_where_counters_can_be_compared
            the_same_id_never_adds_twice
            without_an_id_a_unit_has_one_value
            a_refund_lowers_the_total_of_its_unit
            a_cap_clamps_totals_on_both_sides_and_can_change
            sums_of_squares_beyond_64_bits_are_exact
            a_total_that_is_too_large_is_refused_and_no_other
            parallel_senders_add_every_id_once
            a_total_counts_under_the_allocation_of_its_first_value
            what_is_removed_takes_its_values_along
            every_namespace_that_counts_is_listed
            a_refused_event_leaves_no_trace_and_stops_no_other
            deleting_makes_room
            what_was_acknowledged_is_there_after_reopening
            a_healthy_store_says_so
            the_time_line_shows_what_was_new_today
            the_time_line_adds_up_to_the_count_also_after_a_concurrent_deletion
            an_event_that_cannot_be_stored_never_fails_the_others
            ; documents:
            a_document_reads_as_it_was_written
            documents_of_other_namespaces_and_kinds_stay_apart
            a_commit_with_one_conflict_stores_nothing
            a_write_expects_the_version_that_it_read
            a_document_created_again_continues_its_versions
            the_version_of_a_namespace_grows_with_every_change
            a_snapshot_shows_all_documents_of_one_moment
            a_commit_based_on_an_old_version_is_refused
            a_deletion_refuses_what_was_decided_before_it
            the_history_has_every_entry_once_also_after_a_deletion
            of_concurrent_first_writes_one_wins
            of_concurrent_changes_each_accepted_one_counts_once
            deleting_an_experiment_deletes_its_documents
            documents_are_there_after_reopening
            definitions_are_a_snapshot_without_what_belongs_to_counts
        }
    };
}

pub(crate) fn event(
    namespace: &str,
    experiment: &str,
    goal: &str,
    variant: &str,
    uuid: &str,
) -> Event {
    Event {
        namespace: Namespace::new(namespace).unwrap(),
        experiment: Experiment::new(experiment).unwrap(),
        variant: Variant::new(variant).unwrap(),
        goal: Goal::new(goal).unwrap(),
        uuid: Uuid::new(uuid).unwrap(),
        allocation: None,
        value: None,
        id: None,
    }
}

fn participation(experiment: &str, uuid: &str) -> Event {
    event("ns", experiment, "participate", "red", uuid)
}

fn namespace() -> Namespace {
    Namespace::new("ns").unwrap()
}

fn experiment(name: &str) -> Experiment {
    Experiment::new(name).unwrap()
}

async fn stored<S: Counters>(store: &S, events: &[Event]) {
    let outcomes = store.record(events.to_vec()).await.unwrap();
    assert_eq!(outcomes, vec![Ok(()); events.len()]);
}

async fn all<S: Counters>(store: &S) -> Vec<Tally> {
    store.read(&namespace(), None, Include::COUNTS).await.unwrap()
}

async fn count<S: Counters>(store: &S, event: &Event) -> u64 {
    let scope = [event.experiment.clone()];
    let tallies = store.read(&event.namespace, Some(&scope), Include::COUNTS).await.unwrap();
    tallies[0].count(event.goal.as_str(), &event.variant)
}

pub(crate) async fn a_duplicate_never_counts<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let one = participation("e", "1");
    stored(&store, &[one.clone(), one.clone(), participation("e", "2")]).await;
    stored(&store, std::slice::from_ref(&one)).await;
    assert_eq!(count(&store, &one).await, 2);
}

pub(crate) async fn a_uuid_counts_in_each_counter_for_itself<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let events = [
        event("ns", "e", "participate", "red", "1"),
        event("ns", "e", "goal", "red", "1"),
        event("ns", "e", "goal", "blue", "1"),
        event("ns", "f", "goal", "red", "1"),
    ];
    stored(&store, &events).await;
    for event in &events {
        assert_eq!(count(&store, event).await, 1);
    }
    let tallies = all(&store).await;
    assert_eq!(tallies[0].goals().count(), 1);
    assert_eq!(tallies[0].trials(&Variant::new("red").unwrap()), 1);
    assert_eq!(tallies[0].trials(&Variant::new("blue").unwrap()), 0);
}

pub(crate) async fn concurrent_duplicates_count_once<B: Backend>() {
    let backend = B::new();
    let store = Arc::new(backend.open(Limits::default()));
    let senders = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for uuid in 0..50 {
                stored(&*store, &[participation("e", &uuid.to_string())]).await;
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    assert_eq!(count(&*store, &participation("e", "x")).await, 50);
}

pub(crate) async fn every_name_comes_back_exactly<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let longest = "é".repeat(100);
    let names = [
        "a",
        ":",
        "::",
        "a:b",
        "%",
        "50% off",
        "100%",
        "a%3Ab",
        "a%25",
        "%%3A:%25",
        "%3a",
        "a/b?c#d",
        " a ",
        "a b",
        "naïve",
        "👩‍👩‍👧",
        "<img src=x onerror=alert(1)>",
        "counters",
        "experiments",
        "counter_keys",
        "participate",
        &longest,
    ];
    for (position, name) in names.iter().enumerate() {
        let next = names[(position + 1) % names.len()];
        stored(&store, &[event("ns", name, next, name, "1"), event("ns", name, "g", next, "1")])
            .await;
    }
    let tallies = all(&store).await;
    let read: HashSet<&str> = tallies.iter().map(|tally| tally.experiment.as_str()).collect();
    assert_eq!(read, HashSet::from(names));
    for (position, name) in names.iter().enumerate() {
        let next = names[(position + 1) % names.len()];
        let tally = tallies.iter().find(|tally| tally.experiment.as_str() == *name).unwrap();
        assert_eq!(tally.count(next, &Variant::new(*name).unwrap()), 1, "{name}");
        assert_eq!(tally.count("g", &Variant::new(next).unwrap()), 1, "{name}");
        assert_eq!(tally.variants().len(), 2, "{name}");
    }
    assert!(tallies.is_sorted_by_key(|tally| tally.experiment.clone()));
}

pub(crate) async fn names_that_resemble_each_other_stay_apart<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let names = ["a:b", "a%3Ab", "a%253Ab", "a%25", "a%", "a%2525"];
    for (number, name) in names.iter().enumerate() {
        for uuid in 0..=number {
            stored(&store, &[event("ns", name, "g", "v", &uuid.to_string())]).await;
        }
    }
    stored(&store, &[event("ns", "a", "b:c", "d", "1"), event("ns", "a", "b", "c:d", "1")]).await;
    for (number, name) in names.iter().enumerate() {
        assert_eq!(
            count(&store, &event("ns", name, "g", "v", "x")).await,
            number as u64 + 1,
            "{name}"
        );
    }
    assert_eq!(count(&store, &event("ns", "a", "b:c", "d", "x")).await, 1);
    assert_eq!(count(&store, &event("ns", "a", "b", "c:d", "x")).await, 1);
}

pub(crate) async fn namespaces_are_apart<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let namespaces = ["ns", "ns:e", "n", "ns%3Ae", "abtest"];
    for namespace in namespaces {
        stored(&store, &[event(namespace, "e", "g", "v", "1")]).await;
    }
    store.delete(&namespace(), &experiment("e")).await.unwrap();
    for (position, namespace) in namespaces.iter().enumerate() {
        let expected = u64::from(position > 0);
        assert_eq!(count(&store, &event(namespace, "e", "g", "v", "x")).await, expected);
    }
}

pub(crate) async fn a_scope_keeps_its_order_and_shows_the_unknown_as_empty<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    stored(&store, &[participation("a", "1"), participation("b", "1"), participation("c", "1")])
        .await;
    let scope = [experiment("c"), experiment("unknown"), experiment("a")];
    let tallies = store.read(&namespace(), Some(&scope), Include::COUNTS).await.unwrap();
    let read: Vec<_> = tallies.iter().map(|tally| tally.experiment.clone()).collect();
    assert_eq!(read, scope);
    assert_eq!(tallies.iter().map(Tally::is_empty).collect::<Vec<_>>(), [false, true, false]);
    assert!(
        store
            .read(&Namespace::new("none").unwrap(), None, Include::COUNTS)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn a_full_batch_is_stored_and_an_empty_one_is_fine<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let batch: Vec<Event> = (0..500).map(|uuid| participation("e", &uuid.to_string())).collect();
    stored(&store, &batch).await;
    stored(&store, &[]).await;
    // Redis's estimate of 500 is off by a few at the most.
    let counted = count(&store, &batch[0]).await;
    assert!((490..=510).contains(&counted), "{counted}");
}

pub(crate) async fn stuffed_goals_and_units_in_two_variants_are_found_where_counters_can_be_compared<
    B: Backend,
>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let record = async |goal: &str, variant: &str, uuids: std::ops::Range<u32>| {
        let one = |uuid: u32| event("ns", "e", goal, variant, &format!("{uuid}"));
        stored(&store, &uuids.map(one).collect::<Vec<_>>()).await;
    };
    record("participate", "red", 0..1_000).await;
    record("participate", "blue", 800..1_800).await;
    record("buy", "blue", 1_000..1_200).await;
    record("buy", "red", 0..200).await;
    record("buy", "red", 5_000..5_300).await;
    let Some(found) = store.overlaps(&namespace(), &experiment("e")).await.unwrap() else {
        let tally = all(&store).await.remove(0);
        assert_eq!(tally.counting, abtest_model::Counting::Exact, "only these may not know");
        return;
    };
    assert_eq!(found.strangers.len(), 2);
    for one in &found.strangers {
        let share = one.share;
        let (looked_at, strange) =
            if one.variant.as_str() == "red" { (500, 300) } else { (200, 0) };
        assert!(share.looked_at.abs_diff(looked_at) <= 10, "{one:?}");
        assert!(share.found.abs_diff(strange) <= 12 * u64::from(strange > 0), "{one:?}");
    }
    let several = found.in_several.unwrap();
    assert!(several.looked_at.abs_diff(2_000) <= 40, "{several:?}");
    assert!(several.found.abs_diff(200) <= 4 * several.error.ceil() as u64, "{several:?}");
    let unknown = store.overlaps(&namespace(), &experiment("unknown")).await.unwrap();
    assert_eq!(unknown.unwrap_or_default(), abtest_store::Overlaps::default());
}

pub(crate) async fn every_namespace_that_counts_is_listed<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    assert_eq!(store.counted().await.unwrap(), []);
    let events = [
        event("b:%3A", "e", "g", "v", "1"),
        event("b:%3A", "e", "h", "v", "1"),
        event("b:%3A", "f", "g", "v", "1"),
        event("a", "e", "g", "v", "1"),
    ];
    stored(&store, &events).await;
    let found = store.counted().await.unwrap();
    let found = found.iter().map(|one| {
        let names: Vec<&str> = one.experiments.iter().map(Experiment::as_str).collect();
        (one.namespace.as_str(), names, one.counters)
    });
    let wanted = [("a", vec!["e"], 1), ("b:%3A", vec!["e", "f"], 3)];
    assert_eq!(found.collect::<Vec<_>>(), wanted);
    store.delete(&events[3].namespace, &experiment("e")).await.unwrap();
    assert_eq!(store.counted().await.unwrap().len(), 1);
}

pub(crate) async fn what_was_acknowledged_is_there_after_reopening<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    stored(&store, &[participation("a", "1"), participation("a", "2")]).await;
    stored(&store, &[participation("gone", "1")]).await;
    store.delete(&namespace(), &experiment("gone")).await.unwrap();
    drop(store);
    let store = backend.open(Limits { experiments: 1, ..Limits::default() });
    stored(&store, &[participation("a", "2"), participation("a", "3")]).await;
    assert_eq!(count(&store, &participation("a", "x")).await, 3);
    assert_eq!(all(&store).await.len(), 1);
    assert!(store.record(vec![participation("b", "1")]).await.unwrap()[0].is_err());
}

pub(crate) async fn a_healthy_store_says_so<B: Backend>() {
    let backend = B::new();
    assert_eq!(backend.open(Limits::default()).health().await, Ok(Vec::new()));
}

pub(crate) async fn the_time_line_shows_what_was_new_today<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let today = async |event: &Event, day: Day| {
        let scope = [event.experiment.clone()];
        let mut tallies = store.read(&event.namespace, Some(&scope), DAYS).await.unwrap();
        let timeline = tallies.remove(0).timeline.unwrap();
        timeline.new_on(&event.goal, &event.variant, day)
    };
    let one = participation("a:b", "1");
    let goal = event("ns", "a:b", "goal:", "red", "1");
    // Midnight may come in between.
    let (before, counts) = loop {
        let before = Day::today();
        stored(&store, &[one.clone(), one.clone(), participation("a:b", "2"), goal.clone()]).await;
        stored(&store, &[one.clone(), participation("a:b", "3")]).await;
        let counts = [today(&one, before).await, today(&goal, before).await];
        if before == Day::today() {
            break (before, counts);
        }
        assert!(store.delete(&one.namespace, &one.experiment).await.unwrap());
    };
    assert_eq!(counts, [3, 1]);
    assert!(store.delete(&one.namespace, &one.experiment).await.unwrap());
    assert_eq!(today(&one, before).await, 0);
    stored(&store, std::slice::from_ref(&one)).await;
    drop(store);
    let store = backend.open(Limits::default());
    let mut tallies = store.read(&one.namespace, None, DAYS).await.unwrap();
    let timeline = tallies.remove(0).timeline.unwrap();
    let days = [before, Day(before.0 + 1)];
    let all: u64 = days.map(|day| timeline.new_on(&one.goal, &one.variant, day)).iter().sum();
    assert_eq!(all, 1, "what was deleted does not come back, what was counted is kept");
}

pub(crate) async fn the_time_line_adds_up_to_the_count_also_after_a_concurrent_deletion<
    B: Backend,
>() {
    let backend = B::new();
    let store = Arc::new(backend.open(Limits::default()));
    let batch = ["1", "2", "3"].map(|uuid| participation("e", uuid)).to_vec();
    for _ in 0..40 {
        stored(&*store, &batch).await;
        let (recorder, events) = (Arc::clone(&store), batch[..1].to_vec());
        let recording = tokio::spawn(async move { recorder.record(events).await.unwrap() });
        store.delete(&namespace(), &experiment("e")).await.unwrap();
        recording.await.unwrap();
        let scope = [experiment("e")];
        let tally = store.read(&namespace(), Some(&scope), DAYS).await.unwrap().remove(0);
        let one = &batch[0];
        let timeline = tally.timeline.as_ref().unwrap();
        let today = Day::today();
        // Midnight may have passed.
        let days = [Day(today.0 - 1), today];
        let new: u64 = days.map(|day| timeline.new_on(&one.goal, &one.variant, day)).iter().sum();
        assert_eq!(new, tally.trials(&one.variant));
    }
}

pub(crate) async fn an_event_that_cannot_be_stored_never_fails_the_others<B: Backend>() {
    let backend = B::new();
    let limits = Limits { counters_per_experiment: 1, ..Limits::default() };
    let store = Arc::new(backend.open(limits));
    stored(&*store, &[participation("full", "1")]).await;
    let can_be_spoiled = backend.spoil();
    let bad = |number: usize| match number % 2 {
        0 if can_be_spoiled => participation("spoiled", "1"),
        _ => event("ns", "full", "one more", "red", "1"),
    };
    let mixed = vec![bad(0), participation("a", "1"), bad(1), participation("b", "1")];
    let outcomes = store.record(mixed).await.unwrap();
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false, true]);
    // Requests that share a round trip do not share a failure either.
    let requests: Vec<_> = (0..40)
        .map(|number| {
            let store = Arc::clone(&store);
            let event = if number % 4 == 0 {
                bad(number / 4)
            } else {
                participation("c", &number.to_string())
            };
            tokio::spawn(async move { store.record(vec![event]).await.unwrap()[0].is_ok() })
        })
        .collect();
    for (number, request) in requests.into_iter().enumerate() {
        assert_eq!(request.await.unwrap(), number % 4 != 0, "{number}");
    }
    assert_eq!(count(&*store, &participation("c", "x")).await, 30);
}

/// Random streams over few names, so that they meet, against a plain set.
pub(crate) fn any_stream_counts_like_a_set<B: Backend>() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let backend = B::new();
    let name = "[a:%5]{1,2}";
    let step = prop_oneof![
        20 => ("[nm]", name, "[gp]", name, 0..30_u32).prop_map(Some),
        1 => Just(None),
    ];
    let config =
        ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step, 1..120), number in 0..u32::MAX)| {
        runtime.block_on(async {
            let store = backend.open(Limits { namespaces: 10_000, namespaces_per_hour: u32::MAX, ..Limits::default() });
            let mut model = BTreeMap::<Event, HashSet<Uuid>>::new();
            for step in steps {
                let Some((space, experiment, goal, variant, uuid)) = step else {
                    if let Some(event) = model.keys().next().cloned() {
                        store.delete(&event.namespace, &event.experiment).await.unwrap();
                        model.retain(|other, _| {
                            (&other.namespace, &other.experiment) != (&event.namespace, &event.experiment)
                        });
                    }
                    continue;
                };
                let space = format!("{space}{number}");
                let event = event(&space, &experiment, &goal, &variant, &uuid.to_string());
                stored(&store, std::slice::from_ref(&event)).await;
                let uuid = event.uuid.clone();
                let counter = Event { uuid: Uuid::new("x").unwrap(), ..event };
                model.entry(counter).or_default().insert(uuid);
            }
            for (event, uuids) in &model {
                assert_eq!(count(&store, event).await, uuids.len() as u64, "{event:?}");
            }
            for event in model.keys() {
                store.delete(&event.namespace, &event.experiment).await.unwrap();
            }
        });
    });
}

//! The laws of limits: names that are known go on, and made-up names leave room.

use super::*;

pub(crate) async fn past_the_limit_of_experiments_the_known_go_on<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits { experiments: 2, ..Limits::default() });
    stored(&store, &[participation("a", "1"), participation("b", "1")]).await;
    let refused = store.record(vec![participation("c", "1")]).await.unwrap();
    assert_eq!(refused, [Err(Refusal::Experiments { limit: 2 })]);
    stored(&store, &[participation("a", "2"), event("ns", "b", "new goal", "v", "1")]).await;
    assert_eq!(all(&store).await.len(), 2);
}

pub(crate) async fn past_the_limit_of_counters_the_known_go_on<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits { counters: 3, ..Limits::default() });
    let counters: Vec<Event> =
        (0..3).map(|number| event("ns", "a", "g", &number.to_string(), "1")).collect();
    stored(&store, &counters).await;
    let refused = store.record(vec![event("ns", "b", "g", "v", "1")]).await.unwrap();
    assert_eq!(refused, [Err(Refusal::Counters { limit: 3 })]);
    stored(&store, &[event("ns", "a", "g", "0", "2"), event("other", "a", "g", "9", "1")]).await;
    assert_eq!(count(&store, &counters[0]).await, 2);
}

pub(crate) async fn past_the_limit_of_an_experiments_counters_others_go_on<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits { counters_per_experiment: 2, ..Limits::default() });
    stored(&store, &[event("ns", "a", "g", "1", "1"), event("ns", "a", "g", "2", "1")]).await;
    let outcomes = store
        .record(vec![event("ns", "a", "g", "3", "1"), event("ns", "b", "g", "3", "1")])
        .await
        .unwrap();
    assert_eq!(outcomes, [Err(Refusal::CountersPerExperiment { limit: 2 }), Ok(())]);
}

pub(crate) async fn past_the_limit_of_namespaces_the_known_go_on<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits { namespaces: 2, ..Limits::default() });
    stored(&store, &[event("a", "e", "g", "v", "1"), event("b", "e", "g", "v", "1")]).await;
    let refused = store.record(vec![event("c", "e", "g", "v", "1")]).await.unwrap();
    assert_eq!(refused, [Err(Refusal::Namespaces { limit: 2 })]);
    stored(&store, &[event("a", "new", "g", "v", "1")]).await;
    let namespace = Namespace::new("b").unwrap();
    assert!(store.delete(&namespace, &experiment("e")).await.unwrap());
    stored(&store, &[event("c", "e", "g", "v", "1")]).await;
}

pub(crate) async fn an_hours_new_experiments_may_come_at_once_and_no_more<B: Backend>() {
    let backend = B::new();
    let limits = Limits { experiments_per_hour: 2, ..Limits::default() };
    let store = backend.open(limits);
    let refused = [Err(Refusal::ExperimentsPerHour { limit: 2 })];
    stored(&store, &[participation("a", "1"), participation("b", "1")]).await;
    assert_eq!(store.record(vec![participation("c", "1")]).await.unwrap(), refused);
    // Known experiments and their new goals go on, and other namespaces have their own hour.
    stored(&store, &[participation("a", "2"), event("ns", "b", "new goal", "v", "1")]).await;
    stored(&store, &[event("other", "c", "g", "v", "1")]).await;
    // All processes share the hour, and it outlives them.
    drop(store);
    let store = backend.open(limits);
    assert_eq!(store.record(vec![participation("c", "1")]).await.unwrap(), refused);
    assert_eq!(all(&store).await.len(), 2);
}

pub(crate) async fn an_hours_new_counters_and_namespaces_may_come_at_once_and_no_more<
    B: Backend,
>() {
    let backend = B::new();
    let limits = Limits { counters_per_hour: 2, namespaces_per_hour: 2, ..Limits::default() };
    let store = backend.open(limits);
    stored(&store, &[event("ns", "e", "a", "v", "1"), event("ns", "e", "b", "v", "1")]).await;
    let outcomes = store
        .record(vec![event("ns", "e", "c", "v", "1"), event("ns", "e", "b", "v", "2")])
        .await
        .unwrap();
    assert_eq!(outcomes, [Err(Refusal::CountersPerHour { limit: 2 }), Ok(())]);
    stored(&store, &[event("second", "e", "a", "v", "1")]).await;
    let refused = store.record(vec![event("third", "e", "a", "v", "1")]).await.unwrap();
    assert_eq!(refused, [Err(Refusal::NamespacesPerHour { limit: 2 })]);
}

pub(crate) async fn a_deletion_makes_the_limits_per_hour_start_again<B: Backend>() {
    let backend = B::new();
    let limits = Limits { experiments_per_hour: 1, namespaces_per_hour: 1, ..Limits::default() };
    let store = backend.open(limits);
    stored(&store, &[participation("a", "1")]).await;
    for name in ["b", "c"] {
        assert!(store.record(vec![participation(name, "1")]).await.unwrap()[0].is_err());
        assert!(store.delete(&namespace(), &experiment("a")).await.unwrap());
        stored(&store, &[participation("a", "1")]).await;
    }
    assert!(store.record(vec![event("other", "a", "g", "v", "1")]).await.unwrap()[0].is_err());
}

/// A definition as the API stores it.
fn definition(goal: &str) -> String {
    let at = "2026-11-25T10:00:00Z";
    serde_json::json!({
        "variants": [{"name": "red"}, {"name": "blue"}], "weights": {"red": 50, "blue": 50},
        "control": "red", "fallback": "red", "status": "running", "traffic": 100,
        "goals": [{"name": goal}], "id": "00000001", "salt": "00000002",
        "version": 1, "created": at, "updated": at,
    })
    .to_string()
}

pub(crate) async fn what_a_definition_declares_fits_whatever_strangers_did<B: Backend>() {
    let backend = B::new();
    let limits = Limits {
        namespaces: 1,
        experiments: 1,
        counters: 1,
        experiments_per_hour: 1,
        namespaces_per_hour: 1,
        counters_per_hour: 1,
        counters_per_experiment: 4,
    };
    let store = backend.open(limits);
    stored(&store, &[participation("made up", "1")]).await;
    for space in ["ns", "operators"] {
        let namespace = Namespace::new(space).unwrap();
        let write = Write::put(
            Kind::Definition.of(&experiment("mine")),
            Expected::Absent,
            definition("buy"),
        );
        store.commit(&namespace, None, vec![write]).await.unwrap();
        let mine = |goal: &str, variant: &str| event(space, "mine", goal, variant, "1");
        let outcomes = store
            .record(vec![
                mine("participate", "red"),
                mine("buy", "red"),
                mine("participate", "green"),
                mine("undeclared", "red"),
                mine("buy", "blue"),
                participation("another", "1"),
                mine("participate", "blue"),
            ])
            .await
            .unwrap();
        let stored: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(stored, [true, true, false, false, true, false, true], "{outcomes:?}");
        assert_eq!(count(&store, &mine("buy", "blue")).await, 1);
    }
}

pub(crate) async fn made_up_namespaces_leave_room_for_the_default_and_the_operators_ones<
    B: Backend,
>() {
    let backend = B::new();
    let store = backend.open(Limits { namespaces: 4, ..Limits::default() });
    for number in 0..4 {
        stored(&store, &[event(&format!("made up {number}"), "e", "g", "v", "1")]).await;
    }
    assert!(store.record(vec![event("new", "e", "g", "v", "1")]).await.unwrap()[0].is_err());
    stored(&store, &[event("alephbet", "e", "g", "v", "1")]).await;
    let settings = Write::put(abtest_store::DocumentKey::settings(), Expected::Absent, "{}");
    store.commit(&Namespace::new("new").unwrap(), None, vec![settings]).await.unwrap();
    stored(&store, &[event("new", "e", "g", "v", "1")]).await;
}

pub(crate) async fn a_refused_event_leaves_no_trace_and_stops_no_other<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits { experiments: 1, ..Limits::default() });
    let batch = [
        participation("a", "1"),
        participation("b", "1"),
        participation("a", "2"),
        participation("c", "1"),
        event("ns", "a", "g", "v", "1"),
    ];
    let outcomes = store.record(batch.to_vec()).await.unwrap();
    let refused = Err(Refusal::Experiments { limit: 1 });
    assert_eq!(outcomes, [Ok(()), refused.clone(), Ok(()), refused, Ok(())]);
    assert_eq!(all(&store).await.len(), 1);
    assert_eq!(count(&store, &batch[0]).await, 2);
    assert!(!store.delete(&namespace(), &experiment("b")).await.unwrap());
}

pub(crate) async fn deleting_makes_room<B: Backend>() {
    let backend = B::new();
    let limits = Limits { experiments: 1, counters: 1, ..Limits::default() };
    let store = backend.open(limits);
    for name in ["a", "b", "c"] {
        stored(&store, &[participation(name, "1")]).await;
        assert!(store.record(vec![participation("d", "1")]).await.unwrap()[0].is_err());
        assert!(store.delete(&namespace(), &experiment(name)).await.unwrap());
    }
}

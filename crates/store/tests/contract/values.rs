//! The laws of values: what units' events add up to.

use abtest_model::{AllocationNumber, Amount, EventId, GoalValues, Sums};

use super::*;

const VALUES: Include = Include { values: true, ..Include::COUNTS };

/// An event of unit `uuid` with a value, and with an id unless it is empty.
fn paid(variant: &str, uuid: &str, value: &str, id: &str) -> Event {
    Event {
        value: Some(Amount::from_text(value).unwrap()),
        id: (!id.is_empty()).then(|| EventId::new(id).unwrap()),
        ..event("ns", "a:b", "reve:nue", variant, uuid)
    }
}

fn cap(text: &str) -> Option<Amount> {
    Some(Amount::from_text(text).unwrap())
}

async fn set_cap<S: Counters>(store: &S, cap: Option<Amount>) {
    let one = paid("red", "x", "1", "");
    assert!(store.set_cap(&one.namespace, &one.experiment, &one.goal, cap).await.unwrap());
}

async fn values<S: Counters>(store: &S) -> GoalValues {
    let scope = [experiment("a:b")];
    let tally = store.read(&namespace(), Some(&scope), VALUES).await.unwrap().remove(0);
    tally.values.unwrap().0.remove("reve:nue").unwrap_or_default()
}

/// The units, the sum and the sum of squares of a variant, in the goal's unit.
async fn sums<S: Counters>(store: &S, variant: &str) -> (u64, f64, f64) {
    let values = values(store).await;
    let sums = values.variants.get(variant).map(|found| found.total).unwrap_or_default();
    (sums.units, sums.sum as f64 / 1e4, sums.squares as f64 / 1e8)
}

pub(crate) async fn the_same_id_never_adds_twice<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let order = paid("red", "1", "10", "order 1");
    stored(&store, &[order.clone(), order.clone(), paid("red", "1", "2.5", "order 2")]).await;
    stored(&store, &[order.clone(), paid("red", "1", "99", "order 1")]).await;
    assert_eq!(sums(&store, "red").await, (1, 12.5, 156.25));
    // The order's confirmation is opened in another browser, which has another variant.
    stored(&store, &[paid("blue", "2", "10", "order 1"), paid("red", "3", "10", "order 1")]).await;
    assert_eq!(sums(&store, "red").await, (1, 12.5, 156.25));
    assert_eq!(sums(&store, "blue").await, (0, 0.0, 0.0));
    drop(store);
    let store = backend.open(Limits::default());
    stored(&store, &[order, paid("red", "1", "1", "order 3")]).await;
    assert_eq!(sums(&store, "red").await, (1, 13.5, 182.25));
    assert_eq!(count(&store, &paid("red", "x", "0", "")).await, 2, "units that reached the goal");
}

pub(crate) async fn without_an_id_a_unit_has_one_value<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    stored(&store, &[paid("red", "1", "3", ""), paid("red", "1", "4", "")]).await;
    stored(
        &store,
        &[paid("red", "1", "3", ""), paid("red", "2", "5", ""), paid("blue", "1", "6", "")],
    )
    .await;
    assert_eq!(sums(&store, "red").await, (2, 8.0, 34.0));
    assert_eq!(sums(&store, "blue").await, (1, 6.0, 36.0));
    stored(&store, &[paid("red", "1", "1", "a"), paid("red", "1", "9", "")]).await;
    assert_eq!(sums(&store, "red").await, (2, 9.0, 41.0));
}

pub(crate) async fn a_refund_lowers_the_total_of_its_unit<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let events = [
        paid("red", "1", "19.99", "a"),
        paid("red", "1", "-19.99", "a refund"),
        paid("red", "2", "-0.5", "b"),
    ];
    stored(&store, &events).await;
    stored(&store, &events).await;
    assert_eq!(sums(&store, "red").await, (2, -0.5, 0.25));
    let largest = values(&store).await.variants["red"].total.largest;
    assert_eq!(largest, 199_900, "a unit had this total");
}

pub(crate) async fn a_cap_clamps_totals_on_both_sides_and_can_change<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    set_cap(&store, cap("1")).await;
    stored(
        &store,
        &[paid("red", "1", "8", "a"), paid("red", "2", "-8", "b"), paid("blue", "1", "3", "c")],
    )
    .await;
    set_cap(&store, cap("10")).await;
    assert_eq!(sums(&store, "red").await, (2, 0.0, 128.0));
    stored(&store, &[paid("red", "1", "5", "d"), paid("red", "2", "-5", "e")]).await;
    assert_eq!(sums(&store, "red").await, (2, 0.0, 200.0));
    // Of 13 and -13, a refund changes what is left below the cap.
    stored(&store, &[paid("red", "1", "-2", "f"), paid("red", "1", "-7", "g")]).await;
    assert_eq!(sums(&store, "red").await, (2, -6.0, 116.0));
    set_cap(&store, None).await;
    assert_eq!(sums(&store, "red").await, (2, -9.0, 185.0));
    set_cap(&store, cap("2.5")).await;
    let found = values(&store).await;
    assert_eq!((found.cap, found.variants["red"].total.largest), (cap("2.5"), 130_000));
    assert_eq!(sums(&store, "red").await, (2, 0.0, 12.5));
    assert_eq!(sums(&store, "blue").await, (1, 2.5, 6.25));
    drop(store);
    let store = backend.open(Limits::default());
    stored(&store, &[paid("blue", "2", "7", "h")]).await;
    assert_eq!(sums(&store, "blue").await, (2, 5.0, 12.5));
}

pub(crate) async fn sums_of_squares_beyond_64_bits_are_exact<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let most = "100000000000";
    let (sizes, mut plain) =
        ([most, "-99999999999.9999", "12345678901.2345", "0.0001"], Sums::default());
    for batch in 0..5 {
        let events: Vec<Event> = (0..200)
            .map(|number| {
                let value = sizes[(number + batch) % 4];
                plain.replace(None, Amount::from_text(value).unwrap(), None);
                let uuid = format!("{batch} {number}");
                paid("red", &uuid, value, if number % 2 == 0 { "" } else { &uuid })
            })
            .collect();
        stored(&store, &events).await;
    }
    assert!(plain.squares > i128::from(u64::MAX) * 1_000_000_000);
    assert_eq!(values(&store).await.variants["red"].total, plain);
}

pub(crate) async fn a_total_that_is_too_large_is_refused_and_no_other<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    stored(&store, &[paid("red", "1", "100000000000", "a")]).await;
    let events = vec![
        paid("red", "1", "0.0001", "b"),
        paid("red", "1", "-1", "c"),
        paid("red", "2", "1", "d"),
    ];
    let outcomes = store.record(events).await.unwrap();
    assert_eq!(outcomes, [Err(Refusal::TotalTooLarge), Ok(()), Ok(())]);
    stored(&store, &[paid("red", "1", "0.0001", "b")]).await;
    let found = values(&store).await.variants["red"].total;
    assert_eq!((found.units, found.sum), (2, 999_999_999_990_000 + 1 + 10_000));
}

pub(crate) async fn parallel_senders_add_every_id_once<B: Backend>() {
    let backend = B::new();
    let store = Arc::new(backend.open(Limits::default()));
    let senders = (0..6).map(|sender| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for order in 0..40 {
                let unit = ((order + sender) % 7).to_string();
                let variant = if order % 2 == 0 { "red" } else { "blue" };
                stored(&*store, &[paid(variant, &unit, "1.25", &order.to_string())]).await;
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let [(red_units, red, _), (blue_units, blue, _)] =
        [sums(&*store, "red").await, sums(&*store, "blue").await];
    assert_eq!((red, blue), (25.0, 25.0));
    assert!((1..=7).contains(&red_units) && (1..=7).contains(&blue_units));
}

pub(crate) async fn a_total_counts_under_the_allocation_of_its_first_value<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let number = |number| AllocationNumber::from_number(number).unwrap();
    let under =
        |allocation, event: Event| Event { allocation: Some(number(allocation).into()), ..event };
    let events = [
        under(1, paid("red", "1", "1", "a")),
        under(2, paid("red", "1", "2", "b")),
        under(2, paid("red", "2", "4", "c")),
        paid("red", "3", "8", "d"),
        under(1, paid("red", "3", "16", "e")),
    ];
    stored(&store, &events).await;
    set_cap(&store, cap("20")).await;
    stored(&store, &events).await;
    let found = values(&store).await.variants.remove("red").unwrap();
    let of = |sums: &Sums| (sums.units, sums.sum / 10_000);
    assert_eq!(of(&found.total), (3, 27));
    let parts: Vec<_> =
        found.allocations.iter().map(|(number, sums)| (number.get(), of(sums))).collect();
    assert_eq!(parts, [(1, (1, 3)), (2, (1, 4))]);
}

pub(crate) async fn what_is_removed_takes_its_values_along<B: Backend>() {
    let backend = B::new();
    let store = backend.open(Limits::default());
    let (red, blue) = (paid("red", "1", "5", "a"), paid("blue", "2", "7", "b"));
    let events = [red.clone(), blue.clone(), paid("red", "2", "1", "")];
    stored(&store, &events).await;
    let part = Part::Variant(red.variant.clone());
    assert!(store.prune(&namespace(), &red.experiment, &part).await.unwrap());
    assert_eq!(sums(&store, "red").await, (0, 0.0, 0.0));
    assert_eq!(sums(&store, "blue").await, (1, 7.0, 49.0));
    stored(&store, &events).await;
    assert_eq!(sums(&store, "red").await, (2, 6.0, 26.0), "counted anew");
    assert_eq!(sums(&store, "blue").await, (1, 7.0, 49.0));
    set_cap(&store, cap("4")).await;
    assert_eq!(sums(&store, "red").await, (2, 5.0, 17.0), "what was removed does not come back");
    assert!(
        store.prune(&namespace(), &red.experiment, &Part::Goal(red.goal.clone())).await.unwrap()
    );
    assert_eq!(values(&store).await, GoalValues::default());
    stored(&store, &events).await;
    assert_eq!(sums(&store, "red").await, (2, 6.0, 26.0));
    assert!(store.delete(&namespace(), &red.experiment).await.unwrap());
    assert_eq!(values(&store).await, GoalValues::default());
    stored(&store, &events[1..]).await;
    assert_eq!(sums(&store, "red").await, (1, 1.0, 1.0));
    assert_eq!(sums(&store, "blue").await, (1, 7.0, 49.0));
    drop(store);
    let store = backend.open(Limits::default());
    stored(&store, &events).await;
    assert_eq!(sums(&store, "red").await, (2, 6.0, 26.0));
    let without = store.read(&namespace(), None, DAYS).await.unwrap().remove(0);
    assert_eq!(without.values, None);
}

/// What happens to a goal with values.
#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<(u8, u8, i64, Option<u8>, u64)>),
    Cap(Option<i64>),
    Reopen,
}

/// Totals and ids, as a plain program would keep them.
#[derive(Default)]
struct Model {
    ids: HashSet<u8>,
    units: BTreeMap<(u8, u8), (i64, u64, bool)>,
}

impl Model {
    fn add(&mut self, (variant, uuid, value, id, allocation): (u8, u8, i64, Option<u8>, u64)) {
        let unit = self.units.get(&(variant, uuid)).copied();
        let is_new = match id {
            Some(id) => self.ids.insert(id),
            None => unit.is_none_or(|(_, _, has_plain)| !has_plain),
        };
        if is_new {
            let (total, allocation, has_plain) = unit.unwrap_or((0, allocation, false));
            let unit = (total + value, allocation, has_plain || id.is_none());
            self.units.insert((variant, uuid), unit);
        }
    }

    fn sums(&self, variant: u8, allocation: Option<u64>, cap: Option<i64>) -> (u64, i128, i128) {
        let chosen = self.units.iter().filter(|((of, _), (_, under, _))| {
            *of == variant && allocation.is_none_or(|allocation| allocation == *under)
        });
        let totals = chosen.map(|(_, (total, ..))| {
            i128::from(cap.map_or(*total, |cap| (*total).clamp(-cap, cap)))
        });
        totals.fold((0, 0, 0), |(units, sum, squares), total| {
            (units + 1, sum + total, squares + total * total)
        })
    }
}

pub(crate) fn any_stream_of_values_adds_up_like_a_plain_sum<B: Backend>() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let backend = B::new();
    let one = (
        0..3_u8,
        0..40_u8,
        -3_000_000..9_000_000_i64,
        prop::option::weighted(0.7, 0..200_u8),
        0..3_u64,
    );
    let step = prop_oneof![
        12 => prop::collection::vec(one, 1..60).prop_map(Step::Batch),
        2 => prop::option::of(1..5_000_000_i64).prop_map(Step::Cap),
        1 => Just(Step::Reopen),
    ];
    let config =
        ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step, 1..30))| {
        runtime.block_on(async {
            let mut store = backend.open(Limits::default());
            let (mut model, mut cap) = (Model::default(), None);
            for step in steps {
                match step {
                    Step::Batch(events) => {
                        let batch: Vec<Event> = events.iter().map(|(variant, uuid, value, id, allocation)| {
                            let id = id.map(|id| id.to_string()).unwrap_or_default();
                            let value = Amount::from_ten_thousandths(*value).unwrap().to_string();
                            Event {
                                allocation: AllocationNumber::from_number(*allocation).ok().map(Into::into),
                                ..paid(&variant.to_string(), &uuid.to_string(), &value, &id)
                            }
                        }).collect();
                        stored(&store, &batch).await;
                        events.into_iter().for_each(|event| model.add(event));
                    }
                    Step::Cap(new) => {
                        // Before the first value there is nothing to clamp.
                        if !model.units.is_empty() {
                            cap = new;
                        }
                        set_cap(&store, new.and_then(Amount::from_ten_thousandths)).await;
                    }
                    Step::Reopen => {
                        drop(store);
                        store = backend.open(Limits::default());
                    }
                }
                let found = values(&store).await;
                for variant in 0..3 {
                    let of = |sums: Sums| (sums.units, sums.sum, sums.squares);
                    let found = found.variants.get(&*variant.to_string()).cloned().unwrap_or_default();
                    assert_eq!(of(found.total), model.sums(variant, None, cap));
                    for allocation in 1..3 {
                        let number = AllocationNumber::from_number(allocation).unwrap();
                        let part = found.allocations.get(&number).copied().unwrap_or_default();
                        assert_eq!(of(part), model.sums(variant, Some(allocation), cap));
                    }
                }
            }
            store.delete(&namespace(), &experiment("a:b")).await.unwrap();
        });
    });
}

use super::*;
use crate::allocation::{Ranges, first, rebalanced};
use crate::explain::StepName;
use crate::slots::SlotTable;
use abtest_model::definition::published::PublishedAllocation;
use proptest::prelude::*;
use serde_json::json;

fn published(change: impl FnOnce(&mut Value)) -> PublishedExperiment {
    let mut value = json!({
        "name": "button", "id": "5f2b9c01", "salt": "c0ffee12", "status": "running",
        "ring": "5f2b9c01", "slots": [[0, 5_000]],
        "allocation": {"number": 3, "ranges": {"control": [[0, 5_000]], "green": [[5_000, 10_000]]}},
        "targeting": {"country": "DE"},
        "variants": [{"name": "control", "payload": 1}, {"name": "green", "payload": 2}],
        "fallback": "control", "overrides": {"qa": "green"},
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

fn experiment(change: impl FnOnce(&mut Value)) -> Evaluated {
    Evaluated::new(published(change), UnitHash::Murmur3).unwrap()
}

fn unit(text: &str) -> Uuid {
    Uuid::new(text).unwrap()
}

/// The first unit of this form that the experiment accepts.
fn unit_where(accepts: impl Fn(&Uuid) -> bool) -> Uuid {
    (0..).map(|n| unit(&format!("unit-{n}"))).find(accepts).unwrap()
}

fn german() -> Map<String, Value> {
    json!({"country": "DE"}).as_object().unwrap().clone()
}

fn found(experiment: &Evaluated, context: &Context<'_>) -> (Option<String>, Reason, Option<u64>) {
    let answer = experiment.evaluate(context);
    assert_eq!(answer.exposure(), answer.reason == Reason::Split);
    let explained = experiment.explain(context);
    let variant = answer.variant.map(|variant| variant.name.to_string());
    assert_eq!((&explained.variant, explained.reason), (&variant, answer.reason));
    assert_eq!(explained.to_include.is_none(), answer.exposure());
    assert_eq!(explained.steps.iter().filter(|step| step.decides).count(), 1);
    assert!(explained.steps.last().unwrap().decides);
    (variant, answer.reason, answer.allocation)
}

#[test]
fn the_first_step_that_applies_decides() {
    let german = german();
    let running = experiment(|_| {});
    let inside =
        unit_where(|unit| running.ring_bucket(unit) < 5_000 && running.split_bucket(unit) >= 5_000);
    let outside = unit_where(|unit| running.ring_bucket(unit) >= 5_000);
    let control = Some("control".to_owned());
    let green = Some("green".to_owned());

    let no_unit = Context { unit: None, attributes: &german, remembered: None };
    assert_eq!(found(&running, &no_unit), (None, Reason::NoUnit, None));
    let here = Context::with(&inside, &german);
    let newer = experiment(|value| value["requires"] = json!(["holdouts"]));
    assert_eq!(found(&newer, &here), (None, Reason::Unknown, None));
    assert_eq!(found(&running, &Context::of(&unit("qa"))), (green.clone(), Reason::Override, None));
    for status in ["draft", "paused"] {
        let disabled = experiment(|value| value["status"] = json!(status));
        assert_eq!(found(&disabled, &here), (control.clone(), Reason::Disabled, None));
        assert_eq!(
            found(&disabled, &Context::of(&unit("qa"))),
            (green.clone(), Reason::Override, None)
        );
    }
    let bot = json!({"country": "DE", "bot": true}).as_object().unwrap().clone();
    assert_eq!(
        found(&running, &Context::with(&inside, &bot)),
        (control.clone(), Reason::Bot, None)
    );
    assert_eq!(found(&running, &Context::of(&inside)), (control.clone(), Reason::Targeting, None));
    let completed = experiment(|value| {
        value["status"] = json!("completed");
        value["winner"] = json!("green");
        value["slots"] = json!([]);
    });
    assert_eq!(found(&completed, &here), (green.clone(), Reason::Winner, None));
    assert_eq!(
        found(&completed, &Context::with(&outside, &german)),
        (green.clone(), Reason::Winner, None)
    );
    assert_eq!(
        found(&completed, &Context::of(&unit("qa"))),
        (control.clone(), Reason::Targeting, None)
    );
    assert_eq!(
        found(&running, &Context::with(&outside, &german)),
        (control.clone(), Reason::Traffic, None)
    );
    assert_eq!(found(&running, &here), (green.clone(), Reason::Split, Some(3)));
}

#[test]
fn a_remembered_variant_holds_as_long_as_slot_and_targeting_do() {
    let german = german();
    let running = experiment(|_| {});
    let inside =
        unit_where(|unit| running.ring_bucket(unit) < 5_000 && running.split_bucket(unit) >= 5_000);
    let outside = unit_where(|unit| running.ring_bucket(unit) >= 5_000);
    let ask = |unit, attributes, variant, allocation| {
        let remembered = Some(Remembered { variant, allocation });
        found(&running, &Context { unit: Some(unit), attributes, remembered })
    };
    let control = Some("control".to_owned());
    assert_eq!(ask(&inside, &german, "control", 1), (control.clone(), Reason::Split, Some(1)));
    assert_eq!(
        ask(&inside, &german, "blue", 1),
        (Some("green".to_owned()), Reason::Split, Some(3))
    );
    assert_eq!(ask(&outside, &german, "green", 1), (control.clone(), Reason::Traffic, None));
    assert_eq!(ask(&inside, &NO_ATTRIBUTES, "green", 1), (control, Reason::Targeting, None));
    assert_eq!(ask(&inside, &german, "control", 99).2, Some(3));
}

#[test]
fn an_experiment_that_contradicts_itself_is_broken() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 5] = [
        ("the fallback red", |value| value["fallback"] = json!("red")),
        ("the overriding variant red", |value| value["overrides"] = json!({"u": "red"})),
        ("has no winner", |value| value["status"] = json!("completed")),
        ("the allocated variant red", |value| {
            value["allocation"]["ranges"] = json!({"red": [[0, 1]]})
        }),
        ("overlap", |value| value["allocation"]["ranges"]["control"] = json!([[0, 6_000]])),
    ];
    for (reason, change) in cases {
        let error = Evaluated::new(published(change), UnitHash::Murmur3).unwrap_err();
        assert!(error.reason.contains(reason), "{error}");
    }
}

#[test]
fn an_explanation_shows_buckets_and_what_would_have_to_change() {
    let german = german();
    let running = experiment(|_| {});
    let outside = unit_where(|unit| running.ring_bucket(unit) >= 5_000);
    let explained = running.explain(&Context::with(&outside, &german));
    let last = explained.steps.last().unwrap();
    assert_eq!(last.step, StepName::Traffic);
    assert_eq!(last.bucket, Some(running.ring_bucket(&outside)));
    assert!(last.finding.contains("is not in the slots 0–4999"), "{}", last.finding);
    assert!(explained.to_include.unwrap().contains("now 50%"));
}

fn names(count: usize) -> Vec<Variant> {
    (0..count).map(|index| Variant::new(format!("v{index}")).unwrap()).collect()
}

fn with_ranges(
    id: &str,
    salt: &str,
    slots: Vec<Range>,
    order: &[Variant],
    ranges: Ranges,
) -> Evaluated {
    let variants: Vec<Value> = order.iter().map(|name| json!({"name": name})).collect();
    let mut published = published(|value| {
        value["id"] = json!(id);
        value["ring"] = json!(id);
        value["salt"] = json!(salt);
        value["targeting"] = json!(null);
        value["overrides"] = json!({});
        value["variants"] = json!(variants);
        value["fallback"] = variants[0]["name"].clone();
        value["allocation"] = json!(null);
    });
    published.slots = slots;
    published.allocation = Some(PublishedAllocation { number: 1, ranges });
    Evaluated::new(published, UnitHash::Murmur3).unwrap()
}

fn split(id: &str, salt: &str, shares: &[f64]) -> Evaluated {
    let order = names(shares.len());
    let weights = order.iter().cloned().zip(shares.iter().copied()).collect();
    let ranges = first(&order, &weights);
    with_ranges(id, salt, vec![Range::ALL], &order, ranges)
}

fn variant_of(experiment: &Evaluated, unit: &Uuid) -> usize {
    let answer = experiment.evaluate(&Context::of(unit));
    let name = answer.variant.unwrap().name.as_str();
    name[1..].parse().unwrap()
}

/// χ² with df degrees stays below this with a chance of 1 − 1e-6 (Wilson and Hilferty 1931).
fn bound(df: f64) -> f64 {
    let z = 4.753;
    df * (1.0 - 2.0 / (9.0 * df) + z * (2.0 / (9.0 * df)).sqrt()).powi(3)
}

#[test]
fn shares_of_a_million_units_are_within_chance() {
    for (hash, salt) in [(UnitHash::Murmur3, "c0ffee12"), (UnitHash::Growthbook, "c0ffee12")] {
        let shares = [50.0, 30.0, 19.0, 1.0];
        let mut experiment = split("5f2b9c01", salt, &shares);
        experiment.hash = hash;
        let mut counts = [0u32; 4];
        for n in 0..1_000_000 {
            counts[variant_of(&experiment, &unit(&format!("visitor-{n}")))] += 1;
        }
        let chi: f64 = counts
            .iter()
            .zip(shares)
            .map(|(count, share)| {
                let expected = share * 10_000.0;
                (f64::from(*count) - expected).powi(2) / expected
            })
            .sum();
        assert!(chi < bound(3.0), "{hash:?} {counts:?}: χ² {chi}");
    }
}

/// χ² of independence of two even splits with three variants, over sequential ids.
fn dependence(a: &Evaluated, b: &Evaluated, units: &[Uuid]) -> f64 {
    let mut table = [[0.0f64; 3]; 3];
    for unit in units {
        table[variant_of(a, unit)][variant_of(b, unit)] += 1.0;
    }
    let total = units.len() as f64;
    let columns: Vec<f64> = (0..3).map(|j| table.iter().map(|row| row[j]).sum()).collect();
    let mut chi = 0.0;
    for row in &table {
        let row_total: f64 = row.iter().sum();
        for (count, column) in row.iter().zip(&columns) {
            let expected = row_total * column / total;
            chi += (count - expected).powi(2) / expected;
        }
    }
    chi
}

#[test]
fn assignments_of_a_thousand_pairs_of_experiments_are_independent() {
    let units: Vec<Uuid> = (0..2_000).map(|n| unit(&format!("user{n}"))).collect();
    let even = [1.0, 1.0, 1.0];
    let mut sum = 0.0;
    let mut largest: f64 = 0.0;
    for pair in 0..1_000u32 {
        // Half of the pairs have salts that differ in one character only.
        let a = format!("{:08x}", pair.wrapping_mul(0x9e37_79b9));
        let b = match pair % 2 {
            0 => format!("{}{}", &a[..7], if a.ends_with('0') { '1' } else { '0' }),
            _ => format!("{:08x}", pair.wrapping_mul(0x85eb_ca6b) ^ 0xabcd),
        };
        let chi = dependence(&split("a", &a, &even), &split("b", &b, &even), &units);
        sum += chi;
        largest = largest.max(chi);
    }
    // The sum has 4,000 degrees of freedom; the largest of 1,000 is bounded with the same chance.
    assert!((3_500.0..4_500.0).contains(&sum), "{sum}");
    assert!(largest < bound(4.0) * 1.3, "{largest}");
}

#[test]
fn slots_and_splits_of_ids_that_differ_in_one_character_are_independent() {
    let units: Vec<Uuid> = (0..20_000).map(|n| unit(&format!("user{n}"))).collect();
    for (id, other) in [("a", "b"), ("layer-1", "layer-2"), ("5f2b9c01", "5f2b9c02"), ("x1", "1x")]
    {
        let even = [1.0, 1.0, 1.0];
        // The ring of one experiment against the split of the other, and both splits.
        let chi = dependence(&split("r", id, &even), &split("s", other, &even), &units);
        assert!(chi < bound(4.0), "{id} {other}: {chi}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_same_input_gives_the_same_answer(text in "[^\\p{Cc}]{1,40}", salt in "[A-Za-z0-9_-]{1,64}") {
        let unit = unit(&text);
        let experiment = split("id", &salt, &[1.0, 2.0]);
        let again = split("id", &salt, &[1.0, 2.0]);
        prop_assert_eq!(experiment.evaluate(&Context::of(&unit)), again.evaluate(&Context::of(&unit)));
    }

    #[test]
    fn experiments_of_one_layer_never_share_a_unit(
        traffics in prop::collection::vec(0u16..5_000, 2..6),
        start in any::<u32>(),
    ) {
        let mut table = SlotTable::default();
        let order = names(2);
        let weights = order.iter().cloned().map(|name| (name, 1.0)).collect();
        let mut experiments = Vec::new();
        for (index, traffic) in traffics.iter().enumerate() {
            let _ = table.resize(&index.to_string(), *traffic);
        }
        for index in 0..traffics.len() {
            let slots = table.of(&index.to_string()).to_vec();
            let ranges = first(&order, &weights);
            experiments.push(with_ranges("layer", &format!("salt{index}"), slots, &order, ranges));
        }
        for n in 0..300 {
            let unit = unit(&format!("{}", u64::from(start) + n));
            let exposures =
                experiments.iter().filter(|e| e.evaluate(&Context::of(&unit)).exposure()).count();
            prop_assert!(exposures <= 1);
        }
    }

    #[test]
    fn ramping_from_1_to_100_percent_moves_nobody(salt in "[a-z0-9]{8}", others in 0u16..3_000) {
        let order = names(3);
        let weights = order.iter().cloned().zip([50.0, 30.0, 20.0]).collect();
        let mut table = SlotTable::default();
        // Another experiment leaves the layer between two steps.
        table.resize("other", others).unwrap();
        let mut before: Vec<Option<usize>> = vec![None; 400];
        for percent in [1u16, 5, 25, 50, 100] {
            if percent == 100 {
                table.resize("other", 0).unwrap();
            }
            table.resize("mine", percent * 100).unwrap();
            let slots = table.of("mine").to_vec();
            let experiment = with_ranges("ring", &salt, slots, &order, first(&order, &weights));
            for (n, known) in before.iter_mut().enumerate() {
                let unit = unit(&format!("{salt}{n}"));
                let answer = experiment.evaluate(&Context::of(&unit));
                let now = answer.exposure().then(|| variant_of(&experiment, &unit));
                prop_assert!(known.is_none() || *known == now);
                *known = now;
            }
        }
        prop_assert!(before.iter().all(Option::is_some));
    }

    #[test]
    fn a_remembered_unit_never_moves_whatever_happens_to_the_weights(
        changes in prop::collection::vec(prop::array::uniform3(0u32..100), 1..8),
        salt in "[a-z0-9]{8}",
    ) {
        let order = names(3);
        let even = order.iter().cloned().map(|name| (name, 1.0)).collect();
        let mut ranges = first(&order, &even);
        let experiment = with_ranges("ring", &salt, vec![Range::ALL], &order, ranges.clone());
        let units: Vec<Uuid> = (0..50).map(|n| unit(&format!("{salt}{n}"))).collect();
        let first_seen: Vec<usize> = units.iter().map(|unit| variant_of(&experiment, unit)).collect();
        for values in changes {
            let weights = order.iter().cloned().zip(values.map(f64::from)).collect();
            if values.iter().all(|value| *value == 0) {
                continue;
            }
            ranges = rebalanced(&ranges, &order, &weights);
            let experiment = with_ranges("ring", &salt, vec![Range::ALL], &order, ranges.clone());
            for (unit, seen) in units.iter().zip(&first_seen) {
                let name = order[*seen].to_string();
                let remembered = Some(Remembered { variant: &name, allocation: 1 });
                let context = Context { remembered, ..Context::of(unit) };
                let answer = experiment.evaluate(&context);
                prop_assert_eq!(answer.variant.unwrap().name.as_str(), name.as_str());
                prop_assert_eq!((answer.reason, answer.allocation), (Reason::Split, Some(1)));
            }
        }
    }
}

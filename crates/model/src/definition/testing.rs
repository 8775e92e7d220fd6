//! Definitions for tests.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Definition, Generated, Seed};

pub(super) fn generated() -> Generated {
    Generated { id: Seed::generated(1), salt: Seed::generated(2) }
}

pub(super) fn minimal() -> Value {
    json!({"variants": [{"name": "control"}, {"name": "green"}]})
}

/// A document with every member, written in the form in which it is stored.
pub(super) fn full() -> Value {
    json!({
        "description": "Does a green button sell more?", "hypothesis": "Green invites.",
        "owner": "shop", "tags": ["checkout"], "url": "https://wiki.example/button",
        "labels": {"team": "a"}, "status": "draft",
        "variants": [{"name": "control", "payload": {"color": "blue"}},
                     {"name": "green", "payload": {"color": "green"}}],
        "weights": {"control": 50, "green": 50}, "control": "control", "fallback": "control",
        "traffic": 10, "layer": "checkout", "targeting": {"country": {"$in": ["DE", "AT"]}},
        "overrides": {"qa-user-1": "green"}, "server_only": false,
        "goals": [{"name": "purchase", "role": "primary"},
                  {"name": "revenue", "kind": "value", "unit": "EUR", "decimals": 2, "cap": 500},
                  {"name": "load time", "kind": "value", "unit": "ms", "role": "guardrail",
                   "better": "lower", "margin": 0.02}],
        "segments": {"country": ["DE", "AT", "US"], "platform": ["ios", "android", "web"]},
        "analysis": {"method": "always_valid", "level": 0.95, "minimum_lift": 0.05,
                     "correction": "bonferroni", "planned": 80000},
        "bandit": null,
        "schedule": {"start": "2026-12-01T09:00:00Z",
                     "ramp": [{"at": "2026-12-02T09:00:00Z", "traffic": 50}], "stop": null},
        "counting": "exact", "id": "5f2b9c01", "salt": "c0ffee12",
    })
}

prop_compose! {
    /// Valid definitions that differ in most members.
    pub(super) fn arbitrary_definition()(
        names in prop::collection::btree_set("[^\\p{Cc}]{1,12}", 1..6),
        weights in prop::collection::vec(0.0f64..1000.0, 6),
        control in any::<prop::sample::Index>(),
        fallback in any::<prop::sample::Index>(),
        slots in 0u16..=10_000,
        payloads in prop::option::of(prop::collection::vec(any::<i64>(), 6)),
        texts in prop::array::uniform3("[^\\p{Cc}]{0,20}"),
        tags in prop::collection::btree_set("[a-z]{1,8}", 0..4),
        units in prop::collection::btree_set("[^\\p{Cc}]{1,12}", 0..4),
        goals in prop::collection::btree_set("[a-z ]{1,12}", 0..5),
        kinds in prop::collection::vec(0usize..3, 5),
        bandit in any::<bool>(),
        hours in prop::collection::btree_set(0i64..9_000, 0..5),
        layer in prop::option::of("[a-z]{1,8}"),
        country in prop::option::of("[A-Z]{2}"),
        seeds in ("[A-Za-z0-9_-]{1,64}", "[A-Za-z0-9_-]{1,64}")
            .prop_filter("different", |(id, salt)| id != salt),
    ) -> Definition {
        let names: Vec<String> = names.into_iter().collect();
        let variants: Vec<Value> = names
            .iter()
            .enumerate()
            .map(|(index, name)| match &payloads {
                Some(payloads) => json!({"name": name, "payload": payloads[index]}),
                None => json!({"name": name}),
            })
            .collect();
        let weights: serde_json::Map<String, Value> = names
            .iter()
            .zip(&weights)
            .map(|(name, weight)| (name.clone(), json!(weight + 0.5)))
            .collect();
        let goals: Vec<Value> = goals
            .iter()
            .zip(&kinds)
            .map(|(name, kind)| match kind {
                0 => json!({"name": name}),
                1 => json!({"name": name, "kind": "value", "decimals": 2, "cap": 99.5}),
                _ => json!({"name": name, "role": "guardrail", "better": "lower", "margin": 0.1}),
            })
            .collect();
        let ramp: Vec<Value> = hours
            .iter()
            .map(|hour| {
                let at = super::Time::from_millis(4_000_000_000_000 + hour * 3_600_000).unwrap();
                json!({"at": at, "traffic": f64::from(slots) / 100.0})
            })
            .collect();
        let overrides: serde_json::Map<String, Value> =
            units.into_iter().map(|unit| (unit, json!(names[0]))).collect();
        let value = json!({
            "description": texts[0], "hypothesis": texts[1], "owner": texts[2], "tags": tags,
            "variants": variants, "weights": weights,
            "control": names[control.index(names.len())],
            "fallback": names[fallback.index(names.len())],
            "traffic": f64::from(slots) / 100.0, "layer": layer,
            "targeting": country.map(|country| json!({"country": country})),
            "overrides": overrides, "goals": goals,
            "bandit": bandit.then(|| json!({"burn_in": 5})),
            "schedule": {"ramp": ramp}, "id": seeds.0, "salt": seeds.1,
        });
        Definition::parse(&value, None).unwrap()
    }
}

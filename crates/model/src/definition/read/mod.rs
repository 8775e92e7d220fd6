//! From JSON to a [`Definition`]: each rule is checked here, once.

mod parts;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::parts::{
    list, read_analysis, read_bandit, read_goals, read_labels, read_overrides, read_schedule,
    read_segments, read_texts, read_traffic, read_variants, read_weights,
};
use super::rule::{Members, Reader, Violations};
use super::status::Status;
use super::{Analysis, Definition, Generated, MAX_DEFINITION_BYTES, Seed, Traffic};
use crate::name::Variant;

/// The members that an operator writes, in the order in which they are shown. A completed experiment
/// also has a `winner`.
pub const MEMBERS: [&str; 24] = [
    "description",
    "hypothesis",
    "owner",
    "tags",
    "url",
    "labels",
    "status",
    "variants",
    "weights",
    "control",
    "fallback",
    "traffic",
    "layer",
    "targeting",
    "overrides",
    "server_only",
    "goals",
    "segments",
    "analysis",
    "bandit",
    "schedule",
    "counting",
    "id",
    "salt",
];

/// The winner is a member, too, but only a completed experiment has one.
pub(super) const WINNER: &str = "winner";

/// Members that the server writes. They are ignored on input.
pub(super) const SERVER_OWNED: [&str; 9] = [
    "version",
    "slots",
    "allocation",
    "earlier_allocations",
    "started",
    "created",
    "updated",
    "decision",
    "disturbances",
];

const LONG_TEXT: usize = 10_000;
const SHORT_TEXT: usize = 200;
const MAX_URL_BYTES: usize = 2_000;
const MAX_TAGS: usize = 50;

impl Definition {
    /// Reads a whole definition. Only `variants` is required; `id` and `salt` are taken from
    /// `generated` if they are absent. Server-owned members are ignored.
    ///
    /// # Errors
    /// Every rule that the document breaks, each with its member and value.
    pub fn parse(value: &Value, generated: Option<&Generated>) -> Result<Self, Violations> {
        let mut reader = Reader::default();
        let definition = read(&mut reader, value, generated);
        match definition {
            Some(definition) => reader.finish(definition),
            // A missing part was noted as a violation, so `finish` is an error here.
            None => reader.finish(()).and_then(|()| Err(Violations(Vec::new()))),
        }
    }
}

fn read(reader: &mut Reader, value: &Value, generated: Option<&Generated>) -> Option<Definition> {
    let known: Vec<&str> = MEMBERS.into_iter().chain([WINNER]).chain(SERVER_OWNED).collect();
    let members = reader.members("", value, &known)?;
    let status = match members.get("status") {
        Some((path, value)) => {
            reader.choice(&path, value, &Status::ALL.map(Status::as_str)).unwrap_or_default()
        }
        None => Status::default(),
    };

    let variants = match members.get("variants") {
        Some((path, value)) => read_variants(reader, &path, value),
        None => {
            reader.refuse("variants", &Value::Null, "is required: list at least one variant");
            Vec::new()
        }
    };
    let names: Vec<&Variant> = variants.iter().map(|variant| &variant.name).collect();
    let one_of_them = |reader: &mut Reader, member: &str| {
        let (path, value) = members.get(member)?;
        let name = reader.name(&path, value, Variant::new)?;
        if !names.contains(&&name) {
            reader.refuse(&path, value, format!("must be one of the variants: {}", list(&names)));
            return None;
        }
        Some(name)
    };
    let control = one_of_them(reader, "control").or_else(|| names.first().copied().cloned());
    let fallback = one_of_them(reader, "fallback").or_else(|| control.clone());
    let winner = one_of_them(reader, WINNER);
    match (status, members.get(WINNER)) {
        (Status::Completed, None) => reader.refuse(
            WINNER,
            &Value::Null,
            format!("is required to complete an experiment: name one of {}", list(&names)),
        ),
        (Status::Draft | Status::Running | Status::Paused, Some((path, value))) => {
            reader.refuse(&path, value, "is only allowed with status completed");
        }
        _ => {}
    }

    let weights = match members.get("weights") {
        Some((path, value)) => read_weights(reader, &path, value, &names),
        None => names.iter().map(|name| ((*name).clone(), 1.0)).collect(),
    };
    let traffic = match members.get("traffic") {
        Some((path, value)) => read_traffic(reader, &path, value).unwrap_or(Traffic::ALL),
        None => Traffic::ALL,
    };
    let targeting = members.get("targeting").and_then(|(path, value)| {
        let Value::Object(condition) = value else {
            reader.refuse(&path, value, "must be an object: a condition on attributes");
            return None;
        };
        (!condition.is_empty()).then(|| condition.clone())
    });
    let overrides = match members.get("overrides") {
        Some((path, value)) => read_overrides(reader, &path, value, &names),
        None => BTreeMap::new(),
    };
    let server_only = members
        .get("server_only")
        .and_then(|(path, value)| reader.boolean(&path, value))
        .unwrap_or_default();
    let goals = match members.get("goals") {
        Some((path, value)) => read_goals(reader, &path, value),
        None => Vec::new(),
    };
    let segments = match members.get("segments") {
        Some((path, value)) => read_segments(reader, &path, value),
        None => BTreeMap::new(),
    };
    let analysis = match members.get("analysis") {
        Some((path, value)) => read_analysis(reader, &path, value).unwrap_or_default(),
        None => Analysis::default(),
    };
    let bandit = members
        .get("bandit")
        .and_then(|(path, value)| read_bandit(reader, &path, value, names.len()));
    let schedule =
        members.get("schedule").and_then(|(path, value)| read_schedule(reader, &path, value));
    let layer =
        members.get("layer").and_then(|(path, value)| reader.parsed(&path, value, str::parse));
    let counting = members
        .get("counting")
        .and_then(|(path, value)| reader.choice(&path, value, &["hll", "exact"]));
    let id = seed(reader, &members, "id", generated.map(|generated| &generated.id));
    let salt = seed(reader, &members, "salt", generated.map(|generated| &generated.salt));

    let mut text = |member: &str, limit: usize| {
        let (path, value) = members.get(member)?;
        reader.text(&path, value, limit).filter(|text| !text.is_empty())
    };
    let description = text("description", LONG_TEXT);
    let hypothesis = text("hypothesis", LONG_TEXT);
    let owner = text("owner", SHORT_TEXT);
    let url = text("url", MAX_URL_BYTES);
    if let (Some(url), Some((path, value))) = (&url, members.get("url"))
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        reader.refuse(&path, value, "must begin with https:// or http://");
    }
    let tags = match members.get("tags") {
        Some((path, value)) => read_texts(reader, &path, value, MAX_TAGS),
        None => Vec::new(),
    };
    let labels = match members.get("labels") {
        Some((path, value)) => read_labels(reader, &path, value),
        None => BTreeMap::new(),
    };

    let definition = Definition {
        description,
        hypothesis,
        owner,
        tags,
        url,
        labels,
        status,
        control: control?,
        fallback: fallback?,
        variants,
        weights,
        traffic,
        layer,
        targeting,
        overrides,
        server_only,
        goals,
        segments,
        analysis,
        bandit,
        schedule,
        counting,
        id: id?,
        salt: salt?,
        winner,
    };
    if definition.id == definition.salt {
        let rule = "must differ from id: equal seeds destroy the split";
        reader.refuse("salt", &json!(definition.salt), rule);
    }
    let size = Value::Object(definition.to_members()).to_string().len();
    if size > MAX_DEFINITION_BYTES {
        let rule = format!("must be at most {MAX_DEFINITION_BYTES} bytes of JSON; it has {size}");
        reader.refuse("", value, rule);
    }
    Some(definition)
}

fn seed(
    reader: &mut Reader,
    members: &Members<'_>,
    member: &str,
    generated: Option<&Seed>,
) -> Option<Seed> {
    match (members.get(member), generated) {
        (Some((path, value)), _) => reader.parsed(&path, value, str::parse),
        (None, Some(generated)) => Some(generated.clone()),
        (None, None) => {
            reader.refuse(member, &Value::Null, "is required");
            None
        }
    }
}

/// Whether the object has the member, null included.
pub(super) fn has(members: &Map<String, Value>, member: &str) -> bool {
    members.contains_key(member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::testing::{arbitrary_definition, full, generated, minimal};
    use proptest::prelude::*;

    fn broken(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut value = full();
        change(&mut value);
        match Definition::parse(&value, Some(&generated())) {
            Ok(_) => Vec::new(),
            Err(Violations(violations)) => violations.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn only_variants_are_required_and_the_rest_has_defaults() {
        let definition = Definition::parse(&minimal(), Some(&generated())).unwrap();
        let members = Value::Object(definition.to_members());
        let expected = json!({
            "description": null, "hypothesis": null, "owner": null, "tags": [], "url": null,
            "labels": {}, "status": "draft",
            "variants": [{"name": "control"}, {"name": "green"}],
            "weights": {"control": 1, "green": 1}, "control": "control", "fallback": "control",
            "traffic": 100, "layer": null, "targeting": null, "overrides": {},
            "server_only": false, "goals": [], "segments": {},
            "analysis": {"method": "always_valid", "level": 0.95, "minimum_lift": null,
                         "correction": "bonferroni", "planned": null},
            "bandit": null, "schedule": null, "counting": null,
            "id": "00000001", "salt": "00000002", "winner": null,
        });
        assert_eq!(members, expected);
        let error = Definition::parse(&json!({}), Some(&generated())).unwrap_err();
        assert_eq!(error.0[0].member, "variants");
    }

    #[test]
    fn a_full_document_reads_as_written() {
        let mut expected = full();
        expected["winner"] = Value::Null;
        let definition = Definition::parse(&full(), None).unwrap();
        let mut members = Value::Object(definition.to_members());
        members["goals"][0]
            .as_object_mut()
            .unwrap()
            .retain(|key, _| key == "name" || key == "role");
        for goal in members["goals"].as_array_mut().unwrap().iter_mut().skip(1) {
            let shown = expected["goals"].as_array().unwrap();
            let same = shown.iter().find(|other| other["name"] == goal["name"]).unwrap();
            goal.as_object_mut().unwrap().retain(|key, _| same.get(key).is_some());
        }
        assert_eq!(members, expected);
    }

    #[test]
    fn each_broken_rule_names_member_value_and_rule() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 44] = [
            ("colour is not a known member", |d| d["colour"] = json!("red")),
            ("variants must list at least one", |d| d["variants"] = json!([])),
            ("variants must have at most 100", |d| {
                d["variants"] = (0..101).map(|n| json!({"name": n.to_string()})).collect();
            }),
            ("variants[1].name must be unique", |d| d["variants"][1]["name"] = json!("control")),
            ("variants[0].name must be a name", |d| d["variants"][0]["name"] = json!("")),
            ("variants[0].name is required", |d| d["variants"][0] = json!({})),
            ("variants must have no payloads", |d| d["variants"][1]["payload"] = json!(5)),
            ("variants[0].payload must be at most 16384", |d| {
                d["variants"][0]["payload"] = json!({"a": "x".repeat(17_000)});
            }),
            ("weights must have at least one weight above 0", |d| {
                d["weights"] = json!({"control": 0, "green": 0});
            }),
            ("weights.green is missing", |d| d["weights"] = json!({"control": 1})),
            ("weights.blue must name one of", |d| d["weights"]["blue"] = json!(1)),
            ("weights.green must be a number from 0", |d| d["weights"]["green"] = json!(-1)),
            ("control must be one of the variants", |d| d["control"] = json!("blue")),
            ("fallback must be one of the variants", |d| d["fallback"] = json!("blue")),
            ("winner is required", |d| d["status"] = json!("completed")),
            ("winner is only allowed", |d| d["winner"] = json!("green")),
            ("status must be one of draft", |d| d["status"] = json!("started")),
            ("traffic must be a percentage", |d| d["traffic"] = json!(101)),
            ("traffic must be a percentage", |d| d["traffic"] = json!(0.001)),
            ("layer must not contain", |d| d["layer"] = json!("a/b")),
            ("targeting must be an object", |d| d["targeting"] = json!([1])),
            ("overrides.u must be one of", |d| d["overrides"]["u"] = json!("blue")),
            ("overrides must have at most 100", |d| {
                let units = (0..101).map(|n| (n.to_string(), json!("green")));
                d["overrides"] = Value::Object(units.collect());
            }),
            ("server_only must be true or false", |d| d["server_only"] = json!("yes")),
            ("goals[1].role must not be a second primary", |d| {
                d["goals"][1]["role"] = json!("primary");
            }),
            ("goals[1].name must be unique", |d| d["goals"][1]["name"] = json!("purchase")),
            ("goals[0].name must not be participate", |d| {
                d["goals"][0]["name"] = json!("participate");
            }),
            ("goals[0].cap is only allowed", |d| d["goals"][0]["cap"] = json!(5)),
            ("goals[0].unit is only allowed", |d| d["goals"][0]["unit"] = json!("EUR")),
            ("goals[1].decimals must be a whole number from 0 to 4", |d| {
                d["goals"][1]["decimals"] = json!(5);
            }),
            ("goals[1].margin is only allowed", |d| d["goals"][1]["margin"] = json!(0.1)),
            ("goals[2].margin must be a number above 0", |d| d["goals"][2]["margin"] = json!(2)),
            ("segments.country[1] must be a text", |d| {
                d["segments"]["country"] = json!(["DE", "DE"]);
            }),
            ("analysis.level must be a number", |d| d["analysis"]["level"] = json!(95)),
            ("analysis.method must be one of", |d| d["analysis"]["method"] = json!("bayes")),
            ("analysis.planned must be a whole number", |d| d["analysis"]["planned"] = json!(0.5)),
            ("bandit.floor must be a share", |d| d["bandit"] = json!({"floor": 0.3})),
            ("bandit.ceiling must be a share", |d| d["bandit"] = json!({"ceiling": 0.4})),
            ("schedule.start must be a time", |d| d["schedule"]["start"] = json!("soon")),
            ("schedule.ramp[0].at must be later", |d| {
                d["schedule"]["ramp"][0]["at"] = d["schedule"]["start"].clone();
            }),
            ("schedule.stop must be later", |d| {
                d["schedule"]["stop"] = d["schedule"]["start"].clone();
            }),
            ("counting must be one of hll, exact", |d| d["counting"] = json!("sketch")),
            ("salt must differ from id", |d| d["salt"] = d["id"].clone()),
            ("url must begin with", |d| d["url"] = json!("javascript:alert(1)")),
        ];
        for (start, change) in cases {
            let found = broken(change);
            assert!(found.iter().any(|text| text.starts_with(start)), "{start}: {found:?}");
        }
    }

    #[test]
    fn all_violations_are_listed_at_once() {
        let found = broken(|d| {
            d["traffic"] = json!(-1);
            d["url"] = json!(5);
            d["goals"][0]["role"] = json!("main");
        });
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().any(|text| text.ends_with("found \"main\"")), "{found:?}");
    }

    #[test]
    fn a_definition_over_128_kib_is_refused() {
        let found = broken(|d| {
            let goals = (0..100).map(|n| json!({"name": format!("{n}{}", "x".repeat(150))}));
            d["goals"] = goals.collect();
            d["targeting"] = json!({"country": {"$in": vec!["x".repeat(100); 1_200]}});
        });
        assert!(
            found.iter().any(|text| text.starts_with("the document must be at most")),
            "{found:?}"
        );
    }

    #[test]
    fn server_owned_members_are_ignored() {
        let mut value = full();
        for member in SERVER_OWNED {
            value[member] = json!("anything");
        }
        assert_eq!(Definition::parse(&value, None), Definition::parse(&full(), None));
    }

    proptest! {
        #[test]
        fn a_definition_reads_back_as_it_was_written(definition in arbitrary_definition()) {
            let written = Value::Object(definition.to_members());
            prop_assert_eq!(Definition::parse(&written, None).unwrap(), definition.clone());
            let text = serde_json::to_string(&definition).unwrap();
            prop_assert_eq!(serde_json::from_str::<Definition>(&text).unwrap(), definition);
        }
    }
}

//! The same unit gets the same variant from every client: 10,000 generated definitions and
//! contexts, with several ranges, layers, overrides, bots, and experiments of each status.

mod ask;
mod generate;

use abtest_assign::bucket::unit_of;
use abtest_assign::{Context, Evaluated};
use abtest_model::definition::{PublishedExperiment, UnitHash};
use abtest_tests::serve::Serve;
use abtest_tests::shop::Shop;
use fastrand::Rng;
use serde_json::{Value, json};

use generate::{agreed_condition, create, typed_attributes, unit, valid_unit};

#[path = "../../../../crates/assign/tests/cases/mod.rs"]
mod cases;

const EXPERIMENTS: usize = 100;
const CONTEXTS: usize = 100;

/// The answers of a client: for each context one per experiment.
type Answers = Vec<Vec<Value>>;

/// A namespace on a server, with everything that the clients are asked.
struct Questions {
    /// The published document.
    published: Value,
    /// Each with `unit` and `attributes`.
    contexts: Vec<Value>,
}

impl Questions {
    /// Creates experiments in a namespace, each with a random condition or none.
    fn create(
        serve: &Serve,
        namespace: &str,
        settings: Value,
        rng: &mut Rng,
        condition: impl Fn(&mut Rng) -> Value,
        context: impl Fn(&mut Rng) -> Value,
    ) -> Self {
        let path = format!("/settings?namespace={namespace}");
        let changed = serve.call("PATCH", &path, Some(&settings.to_string()));
        assert_eq!(changed.status, 200, "{}", changed.text);
        for number in 0..EXPERIMENTS {
            let targeting = (rng.u8(..3) > 0).then(|| condition(rng));
            create(serve, rng, namespace, number, targeting);
        }
        let contexts = (0..CONTEXTS).map(|_| context(rng)).collect();
        let path = format!("/config?namespace={namespace}");
        let published = serve.request("GET", &path, &[], &[]).json();
        let questions = Self { published, contexts };
        assert_eq!(questions.experiments().len(), EXPERIMENTS);
        questions
    }

    fn namespace(&self) -> &str {
        self.published["namespace"].as_str().unwrap()
    }

    fn names(&self) -> Vec<&str> {
        self.experiments().iter().map(|one| one["name"].as_str().unwrap()).collect()
    }

    fn experiments(&self) -> &Vec<Value> {
        self.published["experiments"].as_array().unwrap()
    }

    /// What `crates/assign` answers.
    fn expected(&self) -> Answers {
        let hash: UnitHash = serde_json::from_value(self.published["hash"].clone()).unwrap();
        let evaluated: Vec<Evaluated> = self
            .experiments()
            .iter()
            .map(|one| {
                let published: PublishedExperiment = serde_json::from_value(one.clone()).unwrap();
                Evaluated::new(published, hash).unwrap()
            })
            .collect();
        let answers = |context: &Value| {
            let unit = unit_of(&context["unit"]);
            let attributes = context["attributes"].as_object().unwrap();
            let context = Context { unit: unit.as_ref(), attributes, remembered: None };
            let answer = |one: &Evaluated| {
                let answer = one.evaluate(&context);
                json!({
                    "variant": answer.variant.map(|variant| &variant.name),
                    "payload": answer.variant.and_then(|variant| variant.payload.clone()),
                    "reason": answer.reason, "exposure": answer.exposure(),
                    "allocation": answer.allocation,
                })
            };
            evaluated.iter().map(answer).collect()
        };
        self.contexts.iter().map(answers).collect()
    }

    fn compare(&self, client: &str, expected: &Answers, found: &Answers) {
        assert_eq!(found.len(), CONTEXTS, "{client}");
        for (context, (expected, found)) in self.contexts.iter().zip(expected.iter().zip(found)) {
            assert_eq!(expected.len(), found.len(), "{client}");
            for (one, (expected, found)) in
                self.experiments().iter().zip(expected.iter().zip(found))
            {
                let (expected, found) = (comparable(expected), comparable(found));
                assert_eq!(found, expected, "{client}: {one} {context}");
            }
        }
    }
}

/// The same value with every number as a fraction. JavaScript writes 1.0 as 1.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(list) => list.iter().map(comparable).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), comparable(value))).collect()
        }
        other => other.clone(),
    }
}

/// What OFREP says instead of an answer: its value is the payload, or the variant's name.
fn as_flags(expected: &Answers) -> Answers {
    let flag = |answer: &Value| match &answer["variant"] {
        Value::Null => json!({"error": true}),
        variant => json!({
            "variant": variant, "value": value_of(answer), "reason": answer["reason"],
            "exposure": answer["exposure"], "allocation": answer["allocation"],
        }),
    };
    expected.iter().map(|answers| answers.iter().map(flag).collect()).collect()
}

/// What GrowthBook's SDKs say: the value, and the variant of an exposure.
fn as_features(expected: &Answers) -> Answers {
    let feature = |answer: &Value| {
        let exposed = answer["exposure"] == true;
        json!({"value": value_of(answer), "exposed": exposed.then(|| &answer["variant"])})
    };
    expected.iter().map(|answers| answers.iter().map(feature).collect()).collect()
}

fn value_of(answer: &Value) -> &Value {
    if answer["payload"].is_null() { &answer["variant"] } else { &answer["payload"] }
}

/// Checks that the cases are worth comparing.
fn check_variety(questions: &Questions, expected: &Answers, reasons: &[&str]) {
    let has = |reason: &str| expected.iter().flatten().any(|answer| answer["reason"] == reason);
    for reason in reasons {
        assert!(has(reason), "{reason} does not occur");
    }
    let several = |one: &&Value| {
        let ranges = one["allocation"]["ranges"].as_object();
        ranges.is_some_and(|all| all.values().any(|ranges| ranges.as_array().unwrap().len() > 1))
    };
    assert!(questions.experiments().iter().filter(several).count() > 20);
}

const REASONS: [&str; 7] =
    ["override", "disabled", "bot", "targeting", "winner", "traffic", "split"];

#[test]
fn ten_thousand_cases_get_the_same_answer_from_every_client() {
    let (serve, shop) = (Serve::embedded(), Shop::start());
    let settings = json!({"layers": [{"name": "checkout", "id": "checkout"}]});
    let condition = |rng: &mut Rng| cases::condition(rng, 3);
    let context = |rng: &mut Rng| json!({"unit": unit(rng, cases::unit), "attributes": cases::attributes(rng)});
    let mut rng = Rng::with_seed(20_261_125);
    let questions = Questions::create(&serve, "alephbet", settings, &mut rng, condition, context);
    let expected = questions.expected();
    check_variety(&questions, &expected, &REASONS);
    check_variety(&questions, &expected, &["no_unit"]);
    questions.compare("the client in Node", &expected, &questions.in_node());
    questions.compare("the client in Chromium", &expected, &questions.in_chromium(&shop));
    questions.compare("/assign", &expected, &questions.at_assign(&serve));
    questions.compare("OFREP", &as_flags(&expected), &questions.over_ofrep(&serve));
    questions.check_single_flags(&serve, &as_flags(&expected));
}

#[test]
fn ten_thousand_cases_get_the_same_answer_from_growthbooks_sdks() {
    let serve = Serve::embedded();
    let settings =
        json!({"hash": "growthbook", "layers": [{"name": "checkout", "id": "checkout"}]});
    let condition = |rng: &mut Rng| agreed_condition(rng, 2);
    let context =
        |rng: &mut Rng| json!({"unit": unit(rng, valid_unit), "attributes": typed_attributes(rng)});
    let mut rng = Rng::with_seed(20_261_126);
    let questions = Questions::create(&serve, "shop", settings, &mut rng, condition, context);
    let expected = questions.expected();
    check_variety(&questions, &expected, &REASONS);
    questions.compare("the client in Node", &expected, &questions.in_node());
    questions.compare("/assign", &expected, &questions.at_assign(&serve));
    questions.compare("OFREP", &as_flags(&expected), &questions.over_ofrep(&serve));
    let features = as_features(&expected);
    let javascript = questions.in_growthbooks_javascript(&serve);
    questions.compare("GrowthBook's JavaScript SDK", &features, &javascript);
    let python = questions.in_growthbooks_python(&serve);
    questions.compare("GrowthBook's Python SDK", &features, &python);
}

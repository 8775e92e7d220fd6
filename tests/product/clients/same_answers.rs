//! The same unit gets the same variant from every client: 10,000 generated definitions and
//! contexts, with several ranges, layers, overrides, bots, and experiments of each status.

use std::io::Write;
use std::process::{Command, Stdio};

use abtest_assign::bucket::unit_of;
use abtest_assign::{Context, Evaluated};
use abtest_model::definition::{PublishedExperiment, UnitHash};
use abtest_tests::serve::Serve;
use abtest_tests::shop::Shop;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::{client, define_in, patch_in};

#[path = "../../../crates/assign/tests/cases/mod.rs"]
mod cases;

const EXPERIMENTS: usize = 100;
const CONTEXTS: usize = 100;
/// Variants of generated experiments.
const VARIANTS: [&str; 4] = ["control", "green", "größer", "constructor"];
/// Units that some experiments override.
const KNOWN_UNITS: [&str; 3] = ["qa", "ada", "unit-7"];

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

    /// What the client answers in Node.
    fn in_node(&self) -> Answers {
        let mut node = Command::new("node")
            .arg("tests/answers.mjs")
            .current_dir(client())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = node.stdin.take().unwrap();
        let line = |context: &Value, experiment: &Value| {
            let hash = &self.published["hash"];
            format!("{}\n", json!({"experiment": experiment, "hash": hash, "context": context}))
        };
        let lines: String = self
            .contexts
            .iter()
            .flat_map(|context| self.experiments().iter().map(move |one| line(context, one)))
            .collect();
        let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
        let output = node.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        let answers: Vec<Value> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        answers.chunks(self.experiments().len()).map(<[Value]>::to_vec).collect()
    }

    /// What the client answers in Chromium.
    fn in_chromium(&self, shop: &Shop) -> Answers {
        let visitor = shop.visitor(json!({}));
        let tab =
            visitor.open_text("<!doctype html><title>A page</title><link rel=icon href=data:,>");
        let expression = format!(
            "import('/evaluate/evaluate.js').then(({{ evaluate }}) => {{
                const published = {}, contexts = {}
                const one = (context) => (experiment) => {{
                    const answer = evaluate(experiment, published.hash, context)
                    return {{ ...answer, payload: answer.payload ?? null }}
                }}
                return contexts.map((context) => published.experiments.map(one(context)))
            }})",
            self.published,
            json!(self.contexts),
        );
        serde_json::from_value(visitor.within(tab, &expression)).unwrap()
    }

    /// What `/assign` answers.
    fn at_assign(&self, serve: &Serve) -> Answers {
        let answers = |context: &Value| {
            let mut asked = context.clone();
            asked["namespace"] = self.published["namespace"].clone();
            asked["experiments"] = json!(self.names());
            let headers = [("content-type", "application/json")];
            let answer = serve.request("POST", "/assign", &headers, asked.to_string().as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.text);
            let mut answers = answer.json()["assignments"].as_array().unwrap().clone();
            for one in &mut answers {
                one.as_object_mut().unwrap().remove("experiment");
            }
            answers
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
                assert_eq!(found, expected, "{client}: {one} {context}");
            }
        }
    }
}

/// A payload for each variant, all of one type, or nothing.
fn payloads(rng: &mut Rng) -> Option<Box<dyn Fn(usize) -> Value>> {
    let start = rng.i32(-5..5);
    match rng.u8(..6) {
        0 => Some(Box::new(move |index| json!(start + index as i32))),
        1 => Some(Box::new(move |index| json!(f64::from(start) + index as f64 + 0.25))),
        2 => Some(Box::new(move |index| json!(format!("größe {}", start + index as i32)))),
        3 => Some(Box::new(move |index| json!({"color": {"hue": index}, "list": [start]}))),
        4 => Some(Box::new(move |index| json!(index % 2 == 0))),
        _ => None,
    }
}

fn weights(rng: &mut Rng, variants: &[&str]) -> Value {
    let mut weights: Map<String, Value> =
        variants.iter().map(|name| ((*name).to_owned(), json!(rng.u8(..10)))).collect();
    weights[variants[0]] = json!(rng.u8(1..10));
    Value::Object(weights)
}

/// Creates an experiment and changes it a few times, so that it has several ranges and slots.
fn create(serve: &Serve, rng: &mut Rng, namespace: &str, number: usize, targeting: Option<Value>) {
    let name = format!("e{number:03}");
    let variants = &VARIANTS[..rng.usize(1..=VARIANTS.len())];
    let payload = payloads(rng);
    let described: Vec<Value> = variants
        .iter()
        .enumerate()
        .map(|(index, name)| match &payload {
            Some(payload) => json!({"name": name, "payload": payload(index)}),
            None => json!({"name": name}),
        })
        .collect();
    let status = ["draft", "paused", "completed", "running", "running", "running"][number % 6];
    let in_layer = number.is_multiple_of(5);
    let mut definition = json!({
        "variants": described, "targeting": targeting, "weights": weights(rng, variants),
        "fallback": variants[rng.usize(..variants.len())],
        "overrides": {KNOWN_UNITS[rng.usize(..KNOWN_UNITS.len())]: variants[variants.len() - 1]},
        "traffic": if in_layer { 2 } else if rng.bool() { 100 } else { rng.u8(1..100) },
        "status": if status == "draft" { "draft" } else { "running" },
    });
    if in_layer {
        definition["layer"] = json!("checkout");
    }
    define_in(serve, namespace, &name, &definition);
    if status == "draft" {
        return;
    }
    for _ in 0..rng.usize(..4) {
        patch_in(serve, namespace, &name, &json!({"weights": weights(rng, variants)}));
        let traffic = if in_layer { rng.u8(1..4) } else { rng.u8(1..=100) };
        patch_in(serve, namespace, &name, &json!({"traffic": traffic}));
    }
    match status {
        "paused" => patch_in(serve, namespace, &name, &json!({"status": "paused"})),
        "completed" => {
            let winner = variants[rng.usize(..variants.len())];
            patch_in(serve, namespace, &name, &json!({"status": "completed", "winner": winner}));
        }
        _ => {}
    }
}

#[test]
fn ten_thousand_cases_get_the_same_answer_from_every_client() {
    let (serve, shop) = (Serve::embedded(), Shop::start());
    let mut rng = Rng::with_seed(20_261_125);
    let settings = serve.call("PATCH", "/settings", Some(r#"{"layers": [{"name": "checkout"}]}"#));
    assert_eq!(settings.status, 200, "{}", settings.text);
    for number in 0..EXPERIMENTS {
        let targeting = (rng.u8(..3) > 0).then(|| cases::condition(&mut rng, 3));
        create(&serve, &mut rng, "alephbet", number, targeting);
    }
    let contexts = (0..CONTEXTS).map(|_| {
        let known = KNOWN_UNITS[rng.usize(..KNOWN_UNITS.len())];
        let unit = if rng.u8(..8) == 0 { json!(known) } else { cases::unit(&mut rng) };
        json!({"unit": unit, "attributes": cases::attributes(&mut rng)})
    });
    let contexts = contexts.collect();
    let published = serve.request("GET", "/config", &[], &[]).json();
    let questions = Questions { published, contexts };
    assert_eq!(questions.experiments().len(), EXPERIMENTS);

    let expected = questions.expected();
    let has = |reason: &str| expected.iter().flatten().any(|answer| answer["reason"] == reason);
    for reason in
        ["no_unit", "override", "disabled", "bot", "targeting", "winner", "traffic", "split"]
    {
        assert!(has(reason), "{reason} does not occur");
    }
    let several = |one: &&Value| {
        let ranges = one["allocation"]["ranges"].as_object();
        ranges.is_some_and(|all| all.values().any(|ranges| ranges.as_array().unwrap().len() > 1))
    };
    assert!(questions.experiments().iter().filter(several).count() > 20);

    questions.compare("the client in Node", &expected, &questions.in_node());
    questions.compare("the client in Chromium", &expected, &questions.in_chromium(&shop));
    questions.compare("/assign", &expected, &questions.at_assign(&serve));
}

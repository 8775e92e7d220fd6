//! Asks each client for its answers.

use std::io::Write;
use std::process::{Command, Stdio};

use abtest_tests::binaries::{tests, tool};
use abtest_tests::serve::Serve;
use abtest_tests::shop::Shop;
use serde_json::{Map, Value, json};

use super::super::{client, run};
use super::{Answers, Questions, comparable};

impl Questions {
    /// What the client answers in Node.
    pub(super) fn in_node(&self) -> Answers {
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
    pub(super) fn in_chromium(&self, shop: &Shop) -> Answers {
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
    pub(super) fn at_assign(&self, serve: &Serve) -> Answers {
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

    /// What OFREP answers to a request for all flags.
    pub(super) fn over_ofrep(&self, serve: &Serve) -> Answers {
        let answers = |context: &Value| {
            let answer = self.ask_ofrep(serve, "", context);
            let flags = answer["flags"].as_array().unwrap();
            let found: Map<String, Value> = flags
                .iter()
                .map(|flag| (flag["key"].as_str().unwrap().to_owned(), flag_of(flag)))
                .collect();
            assert_eq!(found.len(), flags.len());
            self.names().into_iter().map(|name| found[name].clone()).collect()
        };
        self.contexts.iter().map(answers).collect()
    }

    /// Asks OFREP for single flags: one of each context.
    pub(super) fn check_single_flags(&self, serve: &Serve, expected: &Answers) {
        for (number, (context, expected)) in self.contexts.iter().zip(expected).enumerate() {
            let index = number % self.experiments().len();
            let answer = self.ask_ofrep(serve, &format!("/{}", self.names()[index]), context);
            let (found, expected) = (comparable(&flag_of(&answer)), comparable(&expected[index]));
            assert_eq!(found, expected, "{answer} {context}");
        }
    }

    fn ask_ofrep(&self, serve: &Serve, flag: &str, context: &Value) -> Value {
        let mut asked = context["attributes"].clone();
        asked["targetingKey"] = context["unit"].clone();
        let path = format!("/ofrep/v1/evaluate/flags{flag}?namespace={}", self.namespace());
        let headers = [("content-type", "application/json")];
        let body = json!({"context": asked}).to_string();
        serve.request("POST", &path, &headers, body.as_bytes()).json()
    }

    /// What GrowthBook's JavaScript SDK answers in Node.
    pub(super) fn in_growthbooks_javascript(&self, serve: &Serve) -> Answers {
        self.in_growthbook(serve, Command::new("node").arg(tests().join("clients/growthbook.mjs")))
    }

    /// What GrowthBook's Python SDK answers.
    pub(super) fn in_growthbooks_python(&self, serve: &Serve) -> Answers {
        let script = tests().join("clients/growthbook_client.py");
        self.in_growthbook(serve, Command::new(tool("python")).arg(script))
    }

    fn in_growthbook(&self, serve: &Serve, script: &mut Command) -> Answers {
        let folder = tempfile::tempdir().unwrap();
        let questions = folder.path().join("questions.json");
        let asked = json!({"names": self.names(), "contexts": self.contexts});
        std::fs::write(&questions, asked.to_string()).unwrap();
        let printed = run(script.args([&serve.url, self.namespace()]).arg(questions));
        serde_json::from_str(&printed).unwrap()
    }
}

/// An evaluated flag of OFREP, in the order of our answers.
fn flag_of(flag: &Value) -> Value {
    if let Some(error) = flag["errorCode"].as_str() {
        assert!(["TARGETING_KEY_MISSING", "INVALID_CONTEXT"].contains(&error), "{flag}");
        return json!({"error": true});
    }
    let metadata = &flag["metadata"];
    json!({
        "variant": flag["variant"], "value": flag["value"], "reason": metadata["reason"],
        "exposure": metadata["exposure"], "allocation": metadata["allocation"],
    })
}

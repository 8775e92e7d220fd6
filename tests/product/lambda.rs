//! The two functions as they are deployed in a Lambda runtime, with API Gateway's events, on a real
//! Redis.

use abtest_tests::binaries::tests;
use abtest_tests::lambda::Lambda;
use abtest_tests::redis::Redis;
use abtest_tests::serve::{count, encode};
use serde_json::{Value, json};

const PARAMETERS: [(&str, &str); 4] = [
    ("experiment", "50% off + 1: é?"),
    ("variant", "a+b c&d=%41"),
    ("event", "购买/👩‍👩‍👧"),
    ("uuid", "u+1"),
];

fn recorded(name: &str) -> Value {
    let path = tests().join("lambda").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// An event of a REST API, which decodes the query string before it hands it over.
fn rest(method: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let mut event = recorded("rest-v1.json");
    event["httpMethod"] = method.into();
    event["path"] = path.into();
    event["requestContext"]["path"] = format!("/prod{path}").into();
    if !parameters.is_empty() {
        let single = parameters.iter().map(|(name, value)| (name.to_string(), json!(value)));
        event["queryStringParameters"] = Value::Object(single.collect());
        let many = parameters.iter().map(|(name, value)| (name.to_string(), json!([value])));
        event["multiValueQueryStringParameters"] = Value::Object(many.collect());
    }
    event
}

/// The same of a method that requires an API key: the gateway names the key that it checked.
fn keyed(method: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let mut event = rest(method, path, parameters);
    event["requestContext"]["identity"]["apiKeyId"] = "k1e2y3".into();
    event
}

/// An event of an HTTP API or a function URL, with the query string as it was sent.
fn version_2(recording: &str, method: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let mut event = recorded(recording);
    event["requestContext"]["http"]["method"] = method.into();
    event["requestContext"]["http"]["path"] = path.into();
    event["rawPath"] = path.into();
    let query: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    event["rawQueryString"] = query.join("&").into();
    event
}

fn environment(redis: &Redis) -> [(&'static str, String); 2] {
    [("ABTEST_REDIS_HOST", "127.0.0.1".into()), ("ABTEST_REDIS_PORT", redis.port().to_string())]
}

/// Starts a function with a handler's name.
fn deploy(lambda: &mut Lambda, name: &str, program: &str, redis: &Redis, more: &[(&str, &str)]) {
    let environment = environment(redis);
    let mut all: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(more);
    lambda.deploy(name, program, &all);
}

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[test]
fn every_kind_of_event_counts_and_names_survive_each() {
    let (redis, mut lambda) = (Redis::start(), Lambda::start(&["track", "experiments"]));
    deploy(&mut lambda, "track", "track", &redis, &[("_HANDLER", "gimel.track")]);
    deploy(&mut lambda, "experiments", "experiments", &redis, &[]);
    let mut different = PARAMETERS;
    let mut events = Vec::new();
    for (number, uuid) in ["1+1", "2 2", "3%33"].into_iter().enumerate() {
        different[3].1 = uuid;
        events.push(match number {
            0 => rest("GET", "/track", &different),
            // extra_wiring gives the function another path.
            1 => version_2("http-v2.json", "GET", "/kcart", &different),
            _ => version_2("function-url.json", "GET", "/", &different),
        });
    }
    for event in events.iter().chain(&events) {
        let answer = lambda.invoke("track", event);
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let headers = answer.to_string();
        assert!(headers.contains("access-control-allow-origin"), "{headers}");
    }
    let results = lambda.invoke("experiments", &keyed("GET", "/experiments", &[]));
    let [(_, experiment), (_, variant), (_, goal), _] = PARAMETERS;
    assert_eq!(count(&body(&results), experiment, goal, variant), 3, "{results}");

    let path = "/experiments/50%25%20off%20%2B%201%3A%20%C3%A9%3F";
    let one = lambda.invoke("experiments", &keyed("GET", path, &[]));
    let head = lambda.invoke("experiments", &keyed("HEAD", path, &[]));
    assert_eq!((&head["statusCode"], head["body"].as_str().unwrap_or("")), (&json!(200), ""));
    assert_eq!(body(&one)["experiment"], experiment);
    let deleted = lambda.invoke("experiments", &keyed("DELETE", path, &[]));
    assert_eq!(deleted["statusCode"], 200, "{deleted}");
    assert_eq!(lambda.invoke("experiments", &keyed("GET", path, &[]))["statusCode"], 404);
}

#[test]
fn a_posted_batch_counts_as_text_and_in_base64() {
    let (redis, mut lambda) = (Redis::start(), Lambda::start(&["track"]));
    deploy(&mut lambda, "track", "track", &redis, &[]);
    let batch = |uuid: &str| {
        json!([{"experiment": "é", "variant": "v", "event": "participate", "uuid": uuid},
               {"experiment": "é", "variant": "v", "event": "participate", "uuid": "same"}])
        .to_string()
    };
    let mut text = rest("POST", "/track", &[]);
    text["headers"]["Content-Type"] = "text/plain;charset=UTF-8".into();
    text["multiValueHeaders"]["Content-Type"] = json!(["text/plain;charset=UTF-8"]);
    text["body"] = batch("1").into();
    let mut encoded = version_2("http-v2.json", "POST", "/track", &[]);
    encoded["headers"]["content-type"] = "application/json".into();
    encoded["body"] = base64(batch("2").as_bytes()).into();
    encoded["isBase64Encoded"] = true.into();
    for event in [text, encoded] {
        let answer = lambda.invoke("track", &event);
        assert_eq!((&answer["statusCode"], &body(&answer)), (&json!(200), &json!({"accepted": 2})));
    }
    assert_eq!(redis.command(&["PFCOUNT", "alephbet:counters:é:participate:v"]), "3");

    // What `serve` refuses is refused here, too.
    let refused = |name: &str, value: &str, body: &str| {
        let mut event = version_2("http-v2.json", "POST", "/track", &[]);
        event["headers"]["content-type"] = "application/json".into();
        event["headers"][name] = value.into();
        event["body"] = body.into();
        event["isBase64Encoded"] = false.into();
        lambda.invoke("track", &event)["statusCode"].clone()
    };
    assert_eq!(refused("content-encoding", "gzip", &batch("4")), 415);
    assert_eq!(refused("content-type", "application/json; charset=utf-16", &batch("4")), 415);
    let twice = r#"{"experiment":"é","variant":"v","event":"participate","uuid":"4","uuid":"5"}"#;
    assert_eq!(refused("x-test", "1", twice), 400);
    assert_eq!(redis.command(&["PFCOUNT", "alephbet:counters:é:participate:v"]), "3");
    let preflight = lambda.invoke("track", &rest("OPTIONS", "/track", &[]));
    assert_eq!(preflight["statusCode"], 204);
    let bad = lambda.invoke("track", &rest("GET", "/track", &[("experiment", "e")]));
    assert_eq!(bad["statusCode"], 400);
    assert_eq!(body(&bad)["parameter"], "variant");
}

#[test]
fn gimels_handlers_answer_as_gimel_does() {
    let handlers = ["gimel.all", "gimel.experiment", "gimel.delete"];
    let names = [&handlers[..], &["track"]].concat();
    let (redis, mut lambda) = (Redis::start(), Lambda::start(&names));
    deploy(&mut lambda, "track", "track", &redis, &[("_HANDLER", "track")]);
    for handler in handlers {
        deploy(&mut lambda, handler, "experiments", &redis, &[("_HANDLER", handler)]);
    }
    for (event, uuid) in [("participate", "1"), ("participate", "2"), ("signup", "1")] {
        let parameters = [("experiment", "e"), ("variant", "v"), ("event", event), ("uuid", uuid)];
        lambda.invoke("track", &rest("GET", "/any/path", &parameters));
    }
    let goals =
        json!([{"goal": "signup", "results": [{"label": "v", "successes": 1, "trials": 2}]}]);
    let named = [("experiment", "e")];
    let one = lambda.invoke("gimel.experiment", &keyed("GET", "/one", &named));
    assert_eq!(body(&one), goals);
    let all = lambda.invoke("gimel.all", &keyed("GET", "/experiments", &[]));
    assert_eq!(body(&all)[1]["goals"], goals);
    let deleted = lambda.invoke("gimel.delete", &keyed("DELETE", "/delete", &named));
    assert_eq!(body(&deleted)["deleted"], true);
    let all = lambda.invoke("gimel.all", &keyed("GET", "/experiments", &[]));
    assert_eq!(body(&all).as_array().unwrap().len(), 1);
}

#[test]
fn operators_need_the_key_where_no_gateway_asked_for_it() {
    const OLD: &str = "old 0123456789ab";
    const NEW: &str = "new 0123456789ab";
    let (redis, mut lambda) = (Redis::start(), Lambda::start(&["open", "keyed"]));
    deploy(&mut lambda, "open", "experiments", &redis, &[]);
    deploy(
        &mut lambda,
        "keyed",
        "experiments",
        &redis,
        &[("ABTEST_API_KEY", &format!("{OLD},{NEW}"))],
    );
    let through_url = |key: &str| {
        let mut event = version_2("function-url.json", "GET", "/experiments", &[]);
        event["headers"]["x-api-key"] = key.into();
        event
    };
    let status =
        |function: &str, event: &Value| lambda.invoke(function, event)["statusCode"].clone();
    assert_eq!(status("open", &keyed("GET", "/experiments", &[])), 200);
    // A method of a REST API that requires no key lets everybody through.
    assert_eq!(status("open", &rest("GET", "/experiments", &[])), 401);
    let mut unnamed = keyed("GET", "/experiments", &[]);
    unnamed["requestContext"]["identity"]["apiKeyId"] = Value::Null;
    assert_eq!(status("open", &unnamed), 401);
    assert_eq!(status("open", &through_url("")), 401);
    assert_eq!(status("keyed", &keyed("GET", "/experiments", &[])), 401);
    assert_eq!(status("keyed", &through_url("wrong")), 401);
    assert_eq!(status("keyed", &through_url(OLD)), 200);
    assert_eq!(status("keyed", &through_url(NEW)), 200);
}

#[test]
fn one_connection_serves_all_invocations_and_comes_back() {
    let (mut redis, mut lambda) =
        (Redis::start_with(&["--appendonly", "no"]), Lambda::start(&["track"]));
    deploy(&mut lambda, "track", "track", &redis, &[]);
    let track = |uuid: &str| {
        let parameters =
            [("experiment", "e"), ("variant", "v"), ("event", "participate"), ("uuid", uuid)];
        lambda.invoke("track", &rest("GET", "/track", &parameters))["statusCode"].clone()
    };
    // redis-cli has a connection of its own each time; the function's keeps its number.
    let connection = || {
        let clients = redis.command(&["CLIENT", "LIST"]);
        let mut others = clients.lines().filter(|client| !client.contains("cmd=client"));
        let number = others.next().unwrap().split(' ').next().unwrap().to_owned();
        assert_eq!(others.next(), None, "{clients}");
        number
    };
    assert_eq!(track("first"), 200);
    let first = connection();
    for uuid in 0..5 {
        assert_eq!(track(&uuid.to_string()), 200);
    }
    assert_eq!(connection(), first);
    redis.stop();
    assert_eq!(track("while down"), 503);
    redis.restart();
    assert_eq!(track("after"), 200);
    let log = lambda.log.lock().unwrap().clone();
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    assert!(log.contains("the connection was refused"), "{log}");
}

#[test]
fn a_handler_that_the_function_cannot_be_is_named_at_the_start() {
    let (redis, mut lambda) = (Redis::start(), Lambda::start(&["track"]));
    deploy(&mut lambda, "track", "track", &redis, &[("_HANDLER", "gimel.all")]);
    let start = std::time::Instant::now();
    while !lambda.log.lock().unwrap().contains("_HANDLER is `gimel.all`") {
        assert!(start.elapsed().as_secs() < 10, "{}", lambda.log.lock().unwrap());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .map(|chunk| {
            let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
            let group = group << (8 * (3 - chunk.len()));
            let digit = |place: usize| DIGITS[(group >> (18 - 6 * place) & 63) as usize] as char;
            let digits: String = (0..=chunk.len()).map(digit).collect();
            format!("{digits:=<4}")
        })
        .collect()
}

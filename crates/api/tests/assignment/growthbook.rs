//! The payload for GrowthBook's SDKs, and the events of their tracking plugin.

use serde_json::{Value, json};

use super::Whole;

const FEATURES: &str = "/api/features/alephbet";

impl Whole {
    async fn with_growthbooks_hash() -> Self {
        let whole = Self::new();
        let answer = whole.send("PATCH", "/settings", json!({"hash": "growthbook"})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        whole
    }

    async fn feature(&self, name: &str) -> Value {
        self.get(FEATURES).await.body["features"][name].clone()
    }
}

#[tokio::test]
async fn a_feature_has_the_rules_of_its_experiment_in_order() {
    let whole = Whole::with_growthbooks_hash().await;
    let members = json!({"id": "the-id", "salt": "the-salt", "traffic": 10,
        "targeting": {"country": "DE"}, "overrides": {"qa-1": "green", "qa-2": "green"}});
    whole.define("button", members).await;
    whole.define("hidden", json!({"server_only": true})).await;
    let answer = whole.get(FEATURES).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!(200)));
    assert!(answer.body["dateUpdated"].as_str().unwrap().ends_with('Z'));
    assert_eq!(answer.header("x-sse-support"), "enabled");
    assert!(answer.header("access-control-expose-headers").contains("x-sse-support"));
    assert!(!answer.body.to_string().contains("hidden"));
    let (blue, green) = (json!({"color": "blue"}), json!({"color": "green"}));
    let expected = json!({"defaultValue": blue, "rules": [
        {"condition": {"id": {"$in": ["qa-1", "qa-2"]}}, "force": green},
        {"key": "button", "variations": [blue, green], "ranges": [[0.0, 0.5], [0.5, 1.0]],
         "meta": [{"key": "control"}, {"key": "green"}], "seed": "the-salt", "hashVersion": 2,
         "hashAttribute": "id",
         "filters": [{"seed": "the-id", "hashVersion": 2, "attribute": "id", "ranges": [[0.0, 0.1]]}],
         "condition": {"$and": [{"country": "DE"}, {"bot": {"$ne": true}}]}},
    ]});
    assert_eq!(answer.body["features"]["button"], expected);
    let same = [("if-none-match", answer.header("etag"))];
    assert_eq!(whole.send_with("GET", FEATURES, &same, Value::Null).await.status, 304);

    whole.patch("button", json!({"status": "paused"})).await;
    let paused = whole.feature("button").await;
    assert_eq!((&paused["defaultValue"], paused["rules"].as_array().unwrap().len()), (&blue, 1));
    whole.patch("button", json!({"status": "completed", "winner": "green"})).await;
    let condition = json!({"$and": [{"country": "DE"}, {"bot": {"$ne": true}}]});
    let winner = json!({"defaultValue": blue, "rules": [{"condition": condition, "force": green}]});
    assert_eq!(whole.feature("button").await, winner);
}

#[tokio::test]
async fn a_variant_with_several_ranges_is_there_once_per_range() {
    let whole = Whole::with_growthbooks_hash().await;
    let variants = json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]);
    whole.define("button", json!({"variants": variants})).await;
    whole.patch("button", json!({"weights": {"a": 10, "b": 20, "c": 70}})).await;
    let rule = whole.feature("button").await["rules"][0].clone();
    let count = |member: &str| rule[member].as_array().unwrap().len();
    assert!(count("ranges") > 3, "{rule}");
    assert_eq!((count("variations"), count("meta")), (count("ranges"), count("ranges")));
    for (value, meta) in
        rule["variations"].as_array().unwrap().iter().zip(rule["meta"].as_array().unwrap())
    {
        assert_eq!(*value, meta["key"]);
    }
}

#[tokio::test]
async fn a_variant_that_gets_every_unit_is_there_twice_because_the_sdks_need_two() {
    let whole = Whole::with_growthbooks_hash().await;
    whole.define("button", json!({"weights": {"control": 0, "green": 100}})).await;
    let rule = whole.feature("button").await["rules"][0].clone();
    let green = json!({"color": "green"});
    assert_eq!(rule["variations"], json!([green, green]));
    assert_eq!(rule["meta"], json!([{"key": "green"}, {"key": "green"}]));
    assert_eq!(rule["ranges"], json!([[0.0, 1.0], [1.0, 1.0]]), "the second range is empty");
}

#[tokio::test]
async fn a_namespace_with_another_hash_says_so() {
    let whole = Whole::new();
    let answer = whole.get(FEATURES).await;
    assert_eq!(answer.status, 409);
    assert!(answer.body["detail"].as_str().unwrap().contains("PATCH /settings"));
    assert_eq!(whole.get("/api/features/a%0ab").await.status, 400);
}

#[tokio::test]
async fn the_exposures_of_the_tracking_plugin_are_participants() {
    let whole = Whole::with_growthbooks_hash().await;
    whole.define("button", json!({})).await;
    let viewed = |unit: &str| {
        json!({"event_name": "Experiment Viewed", "sdk_language": "js", "device_id": unit,
            "properties_json": {"experimentId": "button", "variationId": "green",
                "hashAttribute": "id", "hashValue": unit}})
    };
    let used = json!({"event_name": "Feature Evaluated", "properties_json": {"feature": "button"}});
    let path = "/track?client_key=alephbet";
    let answer = whole.send("POST", path, json!([viewed("u1"), used, viewed("u1")])).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(2)), "{}", answer.body);
    assert_eq!(whole.send("POST", path, json!([viewed("u2")])).await.status, 200);
    assert_eq!(whole.send("POST", path, json!([viewed("")])).await.status, 400);
    assert_eq!(whole.send("POST", "/track?client_key=", json!([])).await.status, 400);
    assert_eq!(whole.participants().await, 2);
}

//! Streams of events about changes.

use std::time::Duration;

use abtest_api::Events;
use serde_json::{Value, json};

use super::{Answer, Whole, request};

impl Whole {
    async fn open(&self, path: &str) -> Result<Events, Answer> {
        let request = request("GET", path, &[], &Value::Null);
        match self.api.open_stream(&request).await.unwrap() {
            Ok(events) => Ok(events),
            Err(answer) => Err(Answer::read(answer).await),
        }
    }
}

async fn next(events: &mut Events) -> String {
    let event = tokio::time::timeout(Duration::from_secs(20), events.next()).await;
    String::from_utf8(event.unwrap().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_client_hears_the_version_at_once_and_after_each_change() {
    let whole = Whole::new();
    whole.define("button", json!({})).await;
    let version = async || whole.get("/config").await.body["version"].clone();
    let told = |version: &Value| {
        format!("event: config\nid: {version}\ndata: {{\"version\":{version}}}\n\n")
    };
    let mut events = whole.open("/config/stream").await.unwrap();
    assert_eq!(next(&mut events).await, told(&version().await));
    let mut openfeature = whole.open("/ofrep/v1/stream").await.unwrap();
    let refetch = "data: {\"type\":\"refetchEvaluation\"}\n\n";
    assert_eq!(next(&mut openfeature).await, refetch);
    whole.patch("button", json!({"status": "paused"})).await;
    assert_eq!(next(&mut events).await, told(&version().await));
    assert_eq!(next(&mut openfeature).await, refetch);
    // A client that connects later hears the newest version.
    let mut late = whole.open("/config/stream?namespace=alephbet").await.unwrap();
    assert_eq!(next(&mut late).await, told(&version().await));
}

#[tokio::test]
async fn growthbooks_sdks_hear_all_features() {
    let whole = Whole::new();
    let refused = whole.open("/sub/alephbet").await.unwrap_err();
    assert_eq!(refused.status, 409);
    whole.send("PATCH", "/settings", json!({"hash": "growthbook"})).await;
    whole.define("button", json!({})).await;
    let mut events = whole.open("/sub/alephbet").await.unwrap();
    let event = next(&mut events).await;
    let data = event.strip_prefix("event: features\ndata: ").unwrap().trim_end();
    let features: Value = serde_json::from_str(data).unwrap();
    assert_eq!(features, whole.get("/api/features/alephbet").await.body);
}

#[tokio::test]
async fn a_stream_that_breaks_a_rule_is_refused() {
    let whole = Whole::new();
    for path in ["/config/stream?namespace=", "/config/stream?name=a", "/sub/a%0ab"] {
        assert_eq!(whole.open(path).await.unwrap_err().status, 400, "{path}");
    }
    assert_eq!(whole.get("/config/stream").await.status, 406);
}

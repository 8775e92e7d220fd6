//! An answer that the way to the client does not carry is refused before anything is stored.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::sync::Arc;

use abtest_api::{ApiKeys, CheckedByGateway, OperatorApi};
use abtest_model::{Event, Namespace, Query};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{Documents, Kind, Recorder};
use http::Request;
use http_body_util::{BodyExt, Empty};
use serde_json::Value;

#[tokio::test]
async fn no_look_is_stored_if_its_answer_cannot_be_sent() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(folder.path(), Default::default()).unwrap());
    let event = |index: usize| {
        let variant = if index.is_multiple_of(2) { "a" } else { "b" };
        let query = format!("experiment=e&variant={variant}&event=participate&uuid={index}");
        Event::from_query(&Query::parse(&query).unwrap()).unwrap()
    };
    store.record((0..200).map(event).collect()).await.unwrap();
    for (bytes, expected, looks) in [(100, 400, 0), (100_000, 200, 1)] {
        let api = OperatorApi::new(Arc::clone(&store), ApiKeys::default()).with_answer_limit(bytes);
        let call = async |method: &str, path: &str| -> (u16, Value) {
            let request = Request::builder().method(method).uri(path).extension(CheckedByGateway);
            let answer = api.answer(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            (status, serde_json::from_slice(&body).unwrap())
        };
        for (method, path) in
            [("POST", "/experiments/e/looks?planned=400"), ("GET", "/experiments/e")]
        {
            let (status, body) = call(method, path).await;
            assert_eq!(status, expected, "{body}");
            if status == 400 {
                assert_eq!(body["rule"], "answer-size");
                let detail = body["detail"].as_str().unwrap();
                assert!(!detail.contains("`limit`") && !detail.contains("`scope`"), "{detail}");
            }
        }
        let stored = store.list(&Namespace::default(), &[Kind::Looks], None).await.unwrap();
        assert_eq!(stored.len(), looks);
    }
}

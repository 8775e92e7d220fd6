//! What is around the app: the layers of `tower-http`.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;

use abtest_api::{AnswerBody, Problem};
use abtest_store::Store;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Either;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::BoxError;
use tower_http::body::UnsyncBoxBody;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, predicate::SizeAbove};

use super::app::{App, FullRequest};
use super::metrics::{self, Metrics};
use crate::server::Answers;

/// Smaller answers are not worth compressing.
const COMPRESSED_FROM: u64 = 1_024;

/// The app with its layers. Answers to events are small and many, and streams are sent as they
/// come, so nothing is compressed there.
pub(super) fn around<S: Store>(app: Arc<App<S>>) -> impl Answers<UnsyncBoxBody<Bytes, BoxError>> {
    let answer = {
        let app = Arc::clone(&app);
        service_fn(move |request: FullRequest| {
            let app = Arc::clone(&app);
            async move { Ok::<_, Infallible>(app.answer(request).await) }
        })
    };
    let compressing = CompressionLayer::new()
        .gzip(true)
        .compress_when(SizeAbove::new(COMPRESSED_FROM))
        .layer(answer);
    let all = Arc::new((app, compressing));
    let split = service_fn(move |mut request: FullRequest| {
        let all = Arc::clone(&all);
        async move {
            let (app, compressing) = &*all;
            app.find_route(&mut request);
            Ok::<_, Infallible>(if App::<S>::is_tracking(&request) {
                app.answer_tracking(request).await.map(|body| Either::Left(Either::Left(body)))
            } else if let Some(answer) = app.answer_stream(&request).await {
                answer.map(Either::Left)
            } else {
                compressing.clone().oneshot(request).await?.map(Either::Right)
            })
        }
    });
    CatchPanicLayer::custom(after_panic).layer(split)
}

/// What Prometheus reads without a key.
pub(super) fn of_metrics(metrics: Arc<Metrics>) -> impl Answers<AnswerBody> {
    service_fn(move |request: FullRequest| {
        let answer = metrics::answer_without_key(&metrics, &request);
        async move { Ok::<_, Infallible>(answer) }
    })
}

/// The answer to a request that failed by a mistake in this program.
fn after_panic(panic: Box<dyn Any + Send>) -> Response<AnswerBody> {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
    let detail = "abtest failed because of a mistake in it; please report what its log says under \
                  this request_id";
    let problem = Problem::of(StatusCode::INTERNAL_SERVER_ERROR, detail);
    problem.because(format!("a panic: {message}")).into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered() {
        let broken = service_fn(|_: FullRequest| async move {
            if true {
                panic!("broken");
            }
            Ok::<_, Infallible>(Response::new(AnswerBody::default()))
        });
        let service = CatchPanicLayer::custom(after_panic).layer(broken);
        let response = service.oneshot(FullRequest::default()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("\"request_id\"") && !body.contains("broken"), "{body}");
    }
}

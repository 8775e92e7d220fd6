//! The Lambda function that browsers reach: it records events, and does nothing else.

use std::sync::Arc;

use abtest_api::TrackApi;
use abtest_lambda::{serve, start};
use abtest_model::Program;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let started = start(Program::Track).await?;
    let api = Arc::new(TrackApi::new(started.store));
    serve(move |request| {
        let api = Arc::clone(&api);
        async move { api.answer(request).await }
    })
    .await
}

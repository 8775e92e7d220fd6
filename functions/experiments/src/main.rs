//! The Lambda function that operators reach, behind the API key: results and deletion.

use std::sync::Arc;

use abtest_api::OperatorApi;
use abtest_lambda::{MAX_ANSWER_BYTES, serve, start};
use abtest_model::Program;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let started = start(Program::Experiments).await?;
    let handler = started.handler;
    let api = OperatorApi::new(started.store, started.keys).with_answer_limit(MAX_ANSWER_BYTES);
    let api = Arc::new(api);
    serve(move |request| {
        let api = Arc::clone(&api);
        async move { api.answer_as(handler, request).await }
    })
    .await
}

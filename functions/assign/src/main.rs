//! The Lambda function that assigns variants: it reads what is published, and can record events.

use std::sync::Arc;

use abtest_api::AssignApi;
use abtest_lambda::{MAX_ANSWER_BYTES, serve, start};
use abtest_model::Program;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let started = start(Program::Assign).await?;
    let api = Arc::new(AssignApi::new(started.store).with_answer_limit(MAX_ANSWER_BYTES));
    serve(move |request| {
        let api = Arc::clone(&api);
        async move { api.answer(request).await }
    })
    .await
}

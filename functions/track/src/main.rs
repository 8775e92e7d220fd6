//! The Lambda function that browsers reach: it records events, and nothing else.

use abtest_lambda::run;
use abtest_model::Program;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    run(Program::Track, None).await
}

//! The Lambda function that operators reach, behind the API key: results and deletion.

use abtest_api::analysis::statistics;
use abtest_lambda::run;
use abtest_model::Program;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    run(Program::Experiments, Some(statistics)).await
}

//! The Lambda function that operators reach, behind the API key: results and deletion.

use abtest_lambda::{EXPERIMENTS, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    run(EXPERIMENTS).await
}

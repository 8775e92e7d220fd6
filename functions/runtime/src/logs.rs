//! One line of JSON for each thing worth telling: what CloudWatch can search.

use abtest_api::RequestSummary;
use http::StatusCode;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard output at `AWS_LAMBDA_LOG_LEVEL`, or else `RUST_LOG`, or at `info`.
pub fn start() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    let filter = EnvFilter::try_new(level.as_deref().unwrap_or("info"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start, in a test, keeps the first one's.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .with_ansi(false)
        .try_init();
}

/// Tells how a request ended; a good end is told at `debug` only, as logs cost more than counting.
pub fn summary(status: StatusCode, summary: &RequestSummary) {
    let RequestSummary {
        operation,
        accepted,
        invalid,
        undeclared,
        limited,
        failed,
        error: _,
        request_id,
    } = summary;
    let status = status.as_u16();
    match request_id {
        // A line before has the reason.
        Some(request_id) => {
            let request_id = request_id.as_str();
            tracing::error!(operation, status, failed, request_id, "request failed");
        }
        None if status >= 400 || undeclared + limited + failed > 0 => {
            tracing::warn!(
                operation, status, accepted, invalid, undeclared, limited, failed, "refused"
            );
        }
        None => tracing::debug!(operation, status, accepted, "answered"),
    }
}

//! Calculations beside the runtime. A report can take seconds, and recording events must not wait for it.

use std::panic::resume_unwind;
use std::sync::{Arc, LazyLock};

use abtest_store::StoreError;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::http::problem::Problem;

/// How many calculations run at the same time: as many as half of the cores, at least one.
static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new((cores / 2).max(1)))
});

/// Runs a calculation on a thread that runs nothing else. It waits until others leave it a core.
///
/// # Errors
/// When the process is ending.
pub(crate) async fn beside<T: Send + 'static>(
    calculation: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Box<Problem>> {
    let ending = || StoreError::Unreachable("it is shutting down".to_owned());
    let turn = Arc::clone(&TURNS).acquire_owned().await.map_err(|_| ending())?;
    let calculated = spawn_blocking(move || {
        // The calculation goes on when its client disconnects, so it keeps its turn.
        let _turn = turn;
        calculation()
    });
    match calculated.await {
        Ok(result) => Ok(result),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(ending().into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn other_tasks_run_during_a_calculation() {
        let (send, receive) = std::sync::mpsc::channel();
        let calculation = tokio::spawn(beside(move || receive.recv().unwrap()));
        // The runtime has one thread. If the calculation held it, this would never be reached.
        tokio::task::yield_now().await;
        send.send(7).unwrap();
        assert_eq!(calculation.await.unwrap().unwrap(), 7);
    }
}

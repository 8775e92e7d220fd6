//! One multiplexed connection for the life of the process.
//!
//! The first use makes it, all requests share it, and it is dropped when it may be broken. It is
//! made again with back-off. A request never fails because of an attempt that began before the
//! request, so the first request after a recovery succeeds.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use abtest_config::RedisConfig;
use redis::{FromRedisValue, RedisError, ScriptInvocation};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

use super::failure::{Failure, failure};
use super::link::{Link, Links};
use super::settings::{SettingsError, links};
use crate::StoreError;

const FIRST_DELAY: Duration = Duration::from_millis(10);
const LAST_DELAY: Duration = Duration::from_millis(320);

/// The connection, which may not exist at the moment.
pub(super) struct Connection {
    links: Links,
    connect_timeout: Duration,
    response_timeout: Duration,
    /// The live connection and its number. A std mutex: held for a clone, never across an await.
    live: SyncMutex<Option<(u64, Link)>>,
    /// How many attempts to connect were started.
    attempts: AtomicU64,
    /// Held while connecting, so that one request connects and the others wait for it.
    connecting: Mutex<LastAttempt>,
}

/// The last attempt to connect, if it failed.
#[derive(Default)]
struct LastAttempt {
    failed: Option<Failed>,
}

struct Failed {
    attempt: u64,
    error: StoreError,
    delay: Duration,
    retry_at: Instant,
}

impl Connection {
    pub(super) fn new(config: &RedisConfig) -> Result<Self, SettingsError> {
        Ok(Self {
            links: links(config)?,
            connect_timeout: config.connect_timeout(),
            response_timeout: config.response_timeout(),
            live: SyncMutex::default(),
            attempts: AtomicU64::new(0),
            connecting: Mutex::default(),
        })
    }

    /// How long one command may take.
    pub(super) fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// Runs `command`, which must be safe to run twice: if the connection is broken (Lambda may
    /// have slept for hours), it runs once more on a new one.
    pub(super) async fn run<T, F>(
        &self,
        limit: Duration,
        command: impl Fn(Link) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let mut retried = false;
        loop {
            let (number, connection) = self.get().await?;
            let error = match timeout(limit, command(connection)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => failure(&error),
                // The peer may be gone silently: do not wait for it a second time.
                Err(_) => Failure::Doubtful(StoreError::TimedOut(limit)),
            };
            match error {
                Failure::Answered(error) => return Err(self.located(error)),
                Failure::Doubtful(error) => {
                    self.drop_connection(number);
                    return Err(self.located(error));
                }
                Failure::Broken(error) => {
                    self.drop_connection(number);
                    if retried {
                        return Err(self.located(error));
                    }
                    retried = true;
                }
            }
        }
    }

    /// Runs a script, which must be safe to run twice, and reads its answer.
    pub(super) async fn invoke<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.run(self.response_timeout, |mut connection| async move {
            script.invoke_async(&mut connection).await
        })
        .await
    }

    async fn get(&self) -> Result<(u64, Link), StoreError> {
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let arrived = self.attempts.load(Ordering::SeqCst);
        let mut last = self.connecting.lock().await;
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let delay = match &last.failed {
            Some(failed) if failed.attempt > arrived => return Err(failed.error.clone()),
            Some(failed) => {
                let delay = (failed.delay * 2).min(LAST_DELAY);
                sleep_until(failed.retry_at).await;
                delay
            }
            None => FIRST_DELAY,
        };
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        match self.connect().await {
            Ok(connection) => {
                last.failed = None;
                let live = (attempt, connection);
                *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
                Ok(live)
            }
            Err(error) => {
                tracing::warn!(attempt, %error, "no connection to Redis");
                let retry_at = Instant::now() + delay;
                last.failed = Some(Failed { attempt, error: error.clone(), delay, retry_at });
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Link, StoreError> {
        let limit = self.connect_timeout;
        match timeout(limit, self.links.connect()).await {
            Ok(connection) => {
                connection.map_err(|error| self.located(refused(failure(&error).into_error())))
            }
            Err(_) => {
                let reason = format!("no connection within {} ms", limit.as_millis());
                Err(self.located(StoreError::Unreachable(reason)))
            }
        }
    }

    /// The error with the address in it, if Redis cannot be reached there.
    fn located(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unreachable(reason) => {
                StoreError::Unreachable(format!("Redis at {}: {reason}", self.links.address))
            }
            error => error,
        }
    }

    fn live(&self) -> Option<(u64, Link)> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the connection, unless another request already replaced it.
    fn drop_connection(&self, number: u64) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.as_ref().is_some_and(|(live, _)| *live == number) {
            *live = None;
        }
    }
}

/// What an error means while connecting: nothing that is stored can be the reason.
fn refused(error: StoreError) -> StoreError {
    match error {
        StoreError::Unexpected(answer) => {
            StoreError::Unreachable(format!("it refused the connection ({answer})"))
        }
        error => error,
    }
}

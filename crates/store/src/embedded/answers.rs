//! Answers all requests of one commit with one wake-up from the writer's thread.
//!
//! Waking a task from a thread outside the runtime is a system call, and the woken worker may
//! take the processor from the writer. So the writer answers the first request and gives it the
//! other answers too. Dropping them sends them from inside the runtime, where it is cheap.

use tokio::sync::oneshot;

use super::import::ImportAnswer;
use super::overlaps::Comparison;
use crate::{CommitError, Committed, HistoryEntry, Refusal, StoreError};

/// Where one answer goes.
pub(super) type Reply<T> = oneshot::Sender<Answered<T>>;

/// An answer, and the answers to other requests that are sent when this one is received.
pub(super) struct Answered<T> {
    pub(super) answer: Result<T, StoreError>,
    _others: Answers,
}

/// An answer that waits for its commit.
pub(super) enum Answer {
    Recorded(Reply<Vec<Result<(), Refusal>>>, Result<Vec<Result<(), Refusal>>, StoreError>),
    Deleted(Reply<bool>, Result<bool, StoreError>),
    Healthy(Reply<()>, Result<(), StoreError>),
    Committed(Reply<Commit>, Result<Commit, StoreError>),
    History(Reply<Vec<HistoryEntry>>, Result<Vec<HistoryEntry>, StoreError>),
    Comparison(Reply<Comparison>, Result<Comparison, StoreError>),
    Imported(Reply<ImportAnswer>, Result<ImportAnswer, StoreError>),
}

/// What became of a commit of documents.
pub(super) type Commit = Result<Committed, CommitError>;

impl Answer {
    /// The same, as a failure.
    pub(super) fn failed(self, error: &StoreError) -> Self {
        match self {
            Self::Recorded(reply, _) => Self::Recorded(reply, Err(error.clone())),
            Self::Deleted(reply, _) => Self::Deleted(reply, Err(error.clone())),
            Self::Healthy(reply, _) => Self::Healthy(reply, Err(error.clone())),
            Self::Committed(reply, _) => Self::Committed(reply, Err(error.clone())),
            Self::History(reply, _) => Self::History(reply, Err(error.clone())),
            Self::Comparison(reply, _) => Self::Comparison(reply, Err(error.clone())),
            Self::Imported(reply, _) => Self::Imported(reply, Err(error.clone())),
        }
    }

    /// Sends this answer together with the others; gives the others back if the receiver is gone.
    fn send(self, others: Answers) -> Result<(), Answers> {
        match self {
            Self::Recorded(reply, answer) => send(reply, answer, others),
            Self::Deleted(reply, answer) => send(reply, answer, others),
            Self::Healthy(reply, answer) => send(reply, answer, others),
            Self::Committed(reply, answer) => send(reply, answer, others),
            Self::History(reply, answer) => send(reply, answer, others),
            Self::Comparison(reply, answer) => send(reply, answer, others),
            Self::Imported(reply, answer) => send(reply, answer, others),
        }
    }
}

fn send<T>(reply: Reply<T>, answer: Result<T, StoreError>, others: Answers) -> Result<(), Answers> {
    reply.send(Answered { answer, _others: others }).map_err(|unsent| unsent._others)
}

/// Answers that are sent when they are dropped, at the latest.
pub(super) struct Answers(Vec<Answer>);

impl Answers {
    pub(super) fn new(answers: Vec<Answer>) -> Self {
        Self(answers)
    }

    /// Answers the first request that still waits; its receiver sends the others.
    pub(super) fn send(mut self) {
        while let Some(first) = self.0.pop() {
            let others = Self(std::mem::take(&mut self.0));
            match first.send(others) {
                Ok(()) => return,
                Err(mut others) => self.0 = std::mem::take(&mut others.0),
            }
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for answer in self.0.drain(..) {
            // The receiver may be gone; ignore the error.
            let _ = answer.send(Self(Vec::new()));
        }
    }
}

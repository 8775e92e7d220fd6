//! Answering all who waited for one commit, with one wake-up from the writer's thread.
//!
//! Waking a task from a thread outside the runtime is a system call, and the woken worker may
//! take the processor from the writer. So the writer answers the first who waits and hands it the
//! other answers, too; dropping those sends them on, from inside the runtime, where it is cheap.

use tokio::sync::oneshot;

use crate::{Refusal, StoreError};

/// Where one answer goes to.
pub(super) type Reply<T> = oneshot::Sender<Answered<T>>;

/// An answer, and the answers to others that go out when it is taken.
pub(super) struct Answered<T> {
    pub(super) answer: Result<T, StoreError>,
    _others: Answers,
}

/// An answer that waits for its commit.
pub(super) enum Answer {
    Recorded(Reply<Vec<Result<(), Refusal>>>, Result<Vec<Result<(), Refusal>>, StoreError>),
    Deleted(Reply<bool>, Result<bool, StoreError>),
    Healthy(Reply<()>, Result<(), StoreError>),
}

impl Answer {
    /// The same, as a failure.
    pub(super) fn failed(self, error: &StoreError) -> Self {
        match self {
            Self::Recorded(reply, _) => Self::Recorded(reply, Err(error.clone())),
            Self::Deleted(reply, _) => Self::Deleted(reply, Err(error.clone())),
            Self::Healthy(reply, _) => Self::Healthy(reply, Err(error.clone())),
        }
    }

    /// Answers with the others in tow; gives these back if nobody waits any more.
    fn send(self, others: Answers) -> Result<(), Answers> {
        match self {
            Self::Recorded(reply, answer) => send(reply, answer, others),
            Self::Deleted(reply, answer) => send(reply, answer, others),
            Self::Healthy(reply, answer) => send(reply, answer, others),
        }
    }
}

fn send<T>(reply: Reply<T>, answer: Result<T, StoreError>, others: Answers) -> Result<(), Answers> {
    reply.send(Answered { answer, _others: others }).map_err(|unsent| unsent._others)
}

/// Answers that go out at the latest when they are dropped.
pub(super) struct Answers(Vec<Answer>);

impl Answers {
    pub(super) fn new(answers: Vec<Answer>) -> Self {
        Self(answers)
    }

    /// Answers the first who still waits, who sends the others on.
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
            // Who does not wait any more does not mind.
            let _ = answer.send(Self(Vec::new()));
        }
    }
}

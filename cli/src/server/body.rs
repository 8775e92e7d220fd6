//! Reads the body of a request. A body has a minimum rate, and all bodies share a limited memory.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use abtest_api::MAX_BODY_BYTES;
use bytes::{Buf, BufMut, Bytes};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::Refusal;

/// The time that every body has, in addition to the time for its bytes.
const GRACE: Duration = Duration::from_secs(10);

/// The minimum rate of a body after that time, in bytes per second.
const SLOWEST: u64 = 16 * 1024;

/// The size of a part of a body, in bytes. The first part of each body is not counted, because the number
/// of connections limits it.
const STEP: usize = 16 * 1024;

/// Bytes that are read of a body that is too large. A client that is still sending would not see an
/// earlier answer.
const PATIENCE_BYTES: usize = 8 * MAX_BODY_BYTES;

/// The memory that all bodies share.
pub(super) struct BodyMemory {
    steps: Arc<Semaphore>,
    grace: Duration,
}

/// A body. Dropping it gives its memory back.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    pub(super) memory: Vec<OwnedSemaphorePermit>,
}

impl BodyMemory {
    /// A memory of this many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let steps = (bytes / STEP).min(Semaphore::MAX_PERMITS);
        Self { steps: Arc::new(Semaphore::new(steps)), grace: GRACE }
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// When it is too large or too slow, when it breaks off, or when the memory is in use.
    pub(super) async fn receive<B: Body>(&self, body: B) -> Result<Received, Refusal> {
        let mut body = pin!(body);
        let start = Instant::now();
        let mut parts = Parts::default();
        let mut refusal = None;
        let mut length = 0;
        loop {
            // A refused body has no parts, so it gets no more time.
            let deadline = start + self.time_for(parts.length);
            let Ok(frame) = timeout_at(deadline, body.frame()).await else {
                return Err(refusal.unwrap_or(Refusal::SlowBody));
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|_| Refusal::BrokenBody)?;
            let Ok(data) = frame.into_data() else { continue };
            length += data.remaining();
            if length > MAX_BODY_BYTES {
                refusal = Some(Refusal::LargeBody);
            }
            if length > PATIENCE_BYTES {
                break;
            }
            if refusal.is_none() && !parts.put(data, &self.steps) {
                refusal = Some(Refusal::BodyMemory);
            }
            if refusal.is_some() {
                // The rest is read and thrown away, so that the client sees the answer.
                parts = Parts::default();
            }
        }
        match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(parts.join()),
        }
    }

    /// The time that a body has after this many of its bytes arrived.
    fn time_for(&self, bytes: usize) -> Duration {
        self.grace + Duration::from_millis(bytes as u64 * 1_000 / SLOWEST)
    }
}

/// The bytes of a body that arrived, in parts of one size. The allocator can use a part again for another
/// body. One growing buffer would leave free blocks of many sizes.
#[derive(Default)]
struct Parts {
    parts: Vec<Vec<u8>>,
    length: usize,
    memory: Vec<OwnedSemaphorePermit>,
}

impl Parts {
    /// Adds data, if there is memory for it.
    fn put(&mut self, mut data: impl Buf, steps: &Arc<Semaphore>) -> bool {
        while data.has_remaining() {
            if self.parts.last().is_none_or(|last| last.len() == STEP) {
                if !self.parts.is_empty() {
                    let Ok(step) = Arc::clone(steps).try_acquire_owned() else { return false };
                    self.memory.push(step);
                }
                // The first part of a small body is as small as the body.
                let is_first = self.parts.is_empty();
                let capacity = if is_first { data.remaining().min(STEP) } else { STEP };
                self.parts.push(Vec::with_capacity(capacity));
            }
            let Some(last) = self.parts.last_mut() else { return false };
            let taken = data.remaining().min(STEP - last.len());
            last.reserve_exact(taken);
            last.put(data.copy_to_bytes(taken));
            self.length += taken;
        }
        true
    }

    /// The body in one piece.
    fn join(self) -> Received {
        let Self { mut parts, length, memory } = self;
        let bytes = match parts.len() {
            0 => Bytes::new(),
            1 => parts.remove(0).into(),
            _ => {
                let mut whole = Vec::with_capacity(length);
                // Each part is freed as soon as it is copied.
                parts.into_iter().for_each(|part| whole.extend_from_slice(&part));
                whole.into()
            }
        };
        Received { bytes, memory }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::StreamExt as _;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn body(bytes: usize) -> Full<Bytes> {
        Full::new(vec![7; bytes].into())
    }

    fn piece(bytes: &'static [u8]) -> Result<Frame<Bytes>, Infallible> {
        Ok(Frame::data(Bytes::from_static(bytes)))
    }

    async fn refusal(memory: &BodyMemory, body: impl Body) -> Option<Refusal> {
        memory.receive(body).await.err()
    }

    #[tokio::test]
    async fn bodies_share_their_memory_and_give_it_back() {
        let memory = BodyMemory::new(2 * MAX_BODY_BYTES);
        let first = memory.receive(body(MAX_BODY_BYTES)).await.unwrap();
        let second = memory.receive(body(MAX_BODY_BYTES)).await.unwrap();
        assert_eq!((first.bytes.len(), second.bytes.len()), (MAX_BODY_BYTES, MAX_BODY_BYTES));
        assert_eq!(refusal(&memory, body(MAX_BODY_BYTES)).await, Some(Refusal::BodyMemory));
        // Small bodies always fit.
        assert_eq!(memory.receive(body(STEP)).await.unwrap().bytes.len(), STEP);
        drop(first);
        assert_eq!(refusal(&memory, body(MAX_BODY_BYTES)).await, None);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_and_takes_no_memory() {
        let memory = BodyMemory::new(MAX_BODY_BYTES);
        for bytes in [MAX_BODY_BYTES + 1, PATIENCE_BYTES + 1] {
            assert_eq!(refusal(&memory, body(bytes)).await, Some(Refusal::LargeBody));
        }
        let pieces = (0..5).map(|_| piece(&[7; MAX_BODY_BYTES / 4]));
        let pieces = StreamBody::new(futures_util::stream::iter(pieces));
        assert_eq!(refusal(&memory, pieces).await, Some(Refusal::LargeBody));
        assert!(memory.receive(body(MAX_BODY_BYTES)).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_that_stalls_is_refused() {
        let pieces = futures_util::stream::iter([piece(b"{")]);
        let stalled = StreamBody::new(pieces.chain(futures_util::stream::pending()));
        let memory = BodyMemory { grace: Duration::ZERO, ..BodyMemory::new(0) };
        assert_eq!(refusal(&memory, stalled).await, Some(Refusal::SlowBody));
    }

    #[tokio::test]
    async fn a_body_is_read_as_it_was_sent() {
        let memory = BodyMemory::new(MAX_BODY_BYTES);
        for length in [0, 1, STEP - 1, STEP, STEP + 1, 5 * STEP + 17, MAX_BODY_BYTES] {
            let sent: Vec<u8> = (0..length).map(|position| (position % 251) as u8).collect();
            for size in [97, STEP, 3 * STEP + 5] {
                let pieces: Vec<_> = sent
                    .chunks(size)
                    .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece))))
                    .collect();
                let body = StreamBody::new(futures_util::stream::iter(pieces));
                assert!(memory.receive(body).await.unwrap().bytes == sent, "{length} by {size}");
            }
        }
    }

    #[test]
    fn a_body_gets_more_time_with_what_has_come() {
        let memory = BodyMemory::new(0);
        assert_eq!(memory.time_for(0), GRACE);
        assert_eq!(memory.time_for(MAX_BODY_BYTES), GRACE + Duration::from_secs(64));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_refused() {
        let pieces = [Ok(Frame::data(Bytes::from_static(b"{"))), Err("gone")];
        let broken = StreamBody::new(futures_util::stream::iter(pieces));
        assert_eq!(refusal(&BodyMemory::new(0), broken).await, Some(Refusal::BrokenBody));
    }
}

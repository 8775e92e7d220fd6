//! Counts the open connections. If there are too many, the one that has been idle longest is closed, so
//! idle connections never keep new ones out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::Refusal;
use super::address::AddressBlock;
use super::limits::Limits;

/// A connection that receives a body for longer than this can be closed to make room.
const PATIENCE_WITH_BODIES: Duration = Duration::from_secs(1);

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits for a request, or for the client to read an answer.
    Waiting,
    /// It receives the body of a request.
    Receiving,
    /// Its request is being answered.
    Answering,
    /// It sends events to its client, without end.
    Streaming,
}

/// The open connections.
pub(super) struct Connections {
    limits: Limits,
    start: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    states: HashMap<u64, Arc<State>>,
    of_address: HashMap<AddressBlock, usize>,
}

/// The state of a connection.
struct State {
    address: Option<AddressBlock>,
    phase: AtomicU8,
    /// When the phase began, in milliseconds since `Connections::start`.
    since: AtomicU64,
    is_closed: AtomicBool,
    task: OnceLock<AbortHandle>,
}

/// A counted connection. It is no longer counted when this is dropped.
pub(super) struct Admitted {
    connections: Arc<Connections>,
    number: u64,
    state: Arc<State>,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, start: Instant::now(), open: Mutex::default() }
    }

    /// Counts a new connection. The limit per address does not apply to `None`, a trusted proxy. If there
    /// are too many connections, an idle one is closed.
    ///
    /// # Errors
    /// When there are too many connections and all of them are busy.
    pub(super) fn admit(
        self: &Arc<Self>,
        address: Option<AddressBlock>,
    ) -> Result<Admitted, Refusal> {
        let now = self.now();
        let mut open = self.lock();
        let of_address = address.and_then(|address| open.of_address.get(&address)).copied();
        if of_address.unwrap_or(0) >= self.limits.connections_per_address
            && !open.close_idlest(now, |state| state.address == address)
        {
            return Err(Refusal::ConnectionsOfAddress);
        }
        if open.states.len() >= self.limits.connections && !open.close_idlest(now, |_| true) {
            return Err(Refusal::Connections);
        }
        let state = Arc::new(State {
            address,
            phase: AtomicU8::new(Phase::Waiting as u8),
            since: AtomicU64::new(now),
            is_closed: AtomicBool::new(false),
            task: OnceLock::new(),
        });
        let number = open.next;
        open.next += 1;
        open.states.insert(number, Arc::clone(&state));
        if let Some(address) = address {
            *open.of_address.entry(address).or_default() += 1;
        }
        Ok(Admitted { connections: Arc::clone(self), number, state })
    }

    /// Closes the connections in some phases, and returns their number.
    pub(super) fn close(&self, phases: impl Fn(Phase) -> bool) -> usize {
        let open = self.lock();
        let closing = open.states.values().filter(|state| phases(state.phase()));
        closing.map(|state| state.close()).count()
    }

    /// Closes the connections whose client has not read an answer for too long. hyper closes idle
    /// connections earlier.
    pub(super) fn close_unread(&self, timeout: Duration) {
        let now = self.now();
        for state in self.lock().states.values() {
            if state.phase() == Phase::Waiting && state.lasts(now) > timeout {
                state.close();
            }
        }
    }

    fn now(&self) -> u64 {
        // 2^64 milliseconds are 585 million years.
        self.start.elapsed().as_millis() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes the connection that has waited longest. If no connection waits, closes the one whose body
    /// takes longest, and otherwise the one that has streamed longest. Returns whether there was one.
    fn close_idlest(&mut self, now: u64, may_be: impl Fn(&State) -> bool) -> bool {
        let candidates = self.states.iter().filter(|(_, state)| may_be(state));
        let idle = candidates.filter_map(|(number, state)| {
            let since = state.since.load(Ordering::Relaxed);
            let is_slow = state.lasts(now) > PATIENCE_WITH_BODIES;
            match state.phase() {
                Phase::Waiting => Some(((0, since), *number)),
                Phase::Receiving if is_slow => Some(((1, since), *number)),
                // Its client connects again.
                Phase::Streaming => Some(((2, since), *number)),
                Phase::Receiving | Phase::Answering => None,
            }
        });
        let Some((_, number)) = idle.min() else { return false };
        if let Some(state) = self.remove(number) {
            state.close();
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<Arc<State>> {
        let state = self.states.remove(&number)?;
        if let Some(address) = state.address
            && let Some(count) = self.of_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&address);
            }
        }
        Some(state)
    }
}

impl State {
    /// Ends the connection, even during a request.
    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    /// How long the phase has lasted.
    fn lasts(&self, now: u64) -> Duration {
        Duration::from_millis(now.saturating_sub(self.since.load(Ordering::Relaxed)))
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            phase if phase == Phase::Receiving as u8 => Phase::Receiving,
            phase if phase == Phase::Answering as u8 => Phase::Answering,
            phase if phase == Phase::Streaming as u8 => Phase::Streaming,
            _ => Phase::Waiting,
        }
    }
}

impl Admitted {
    /// Stores the current phase.
    pub(super) fn enter(&self, phase: Phase) {
        self.state.phase.store(phase as u8, Ordering::Relaxed);
        self.state.since.store(self.connections.now(), Ordering::Relaxed);
    }

    /// A way to tell which task serves the connection, before the next connection is admitted.
    pub(super) fn served_by(&self) -> impl FnOnce(AbortHandle) + use<> {
        let state = Arc::clone(&self.state);
        // Nothing else sets it.
        move |task| drop(state.task.set(task))
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn connections(connections: usize, connections_per_address: usize) -> Arc<Connections> {
        let limits = Limits { connections, connections_per_address, ..Limits::SMALL };
        Arc::new(Connections::new(limits))
    }

    fn address(last: u8) -> Option<AddressBlock> {
        Some(IpAddr::from([192, 0, 2, last]).into())
    }

    fn is_closed(admitted: &Admitted) -> bool {
        admitted.state.is_closed.load(Ordering::Relaxed)
    }

    fn since(admitted: &Admitted, milliseconds: u64) {
        admitted.state.since.store(milliseconds, Ordering::Relaxed);
    }

    #[test]
    fn the_connection_that_waits_longest_makes_room() {
        let connections = connections(3, 3);
        let admitted = [1, 2, 3].map(|last| connections.admit(address(last)).unwrap());
        for (admitted, milliseconds) in admitted.iter().zip([20, 10, 30]) {
            since(admitted, milliseconds);
        }
        let new = connections.admit(address(4)).unwrap();
        new.enter(Phase::Answering);
        assert_eq!(admitted.each_ref().map(is_closed), [false, true, false]);
        // It is not counted any more, before it has closed and after.
        drop(admitted);
        assert_eq!(connections.lock().states.len(), 1);
        assert_eq!(connections.lock().of_address.len(), 1);
    }

    #[test]
    fn a_request_in_flight_makes_no_room() {
        let connections = connections(2, 2);
        let busy = [1, 2].map(|last| connections.admit(address(last)).unwrap());
        busy[0].enter(Phase::Answering);
        busy[1].enter(Phase::Receiving);
        assert_eq!(connections.admit(address(3)).err(), Some(Refusal::Connections));
        drop(busy);
        assert!(connections.admit(address(3)).is_ok());
    }

    #[test]
    fn a_stream_makes_room_last_and_is_never_closed_for_being_silent() {
        let connections = connections(2, 2);
        let [stream, waiting] = [1, 2].map(|last| connections.admit(address(last)).unwrap());
        stream.enter(Phase::Streaming);
        since(&stream, 0);
        connections.close_unread(Duration::ZERO);
        assert!(!is_closed(&stream));
        let third = connections.admit(address(3)).unwrap();
        assert_eq!((is_closed(&stream), is_closed(&waiting)), (false, true));
        third.enter(Phase::Answering);
        let _fourth = connections.admit(address(4)).unwrap();
        assert!(is_closed(&stream));
    }

    #[test]
    fn one_address_cannot_take_the_place_of_the_others() {
        let connections = connections(10, 2);
        let other = connections.admit(address(9)).unwrap();
        since(&other, 0);
        let first = [1, 1].map(|last| connections.admit(address(last)).unwrap());
        let _third = connections.admit(address(1)).unwrap();
        assert_eq!(first.iter().filter(|one| is_closed(one)).count(), 1);
        assert!(!is_closed(&other));
        first.iter().chain([&_third]).for_each(|one| one.enter(Phase::Answering));
        assert_eq!(connections.admit(address(1)).err(), Some(Refusal::ConnectionsOfAddress));
        // A trusted proxy may open any number.
        let of_proxy: Vec<_> = (0..5).map(|_| connections.admit(None).unwrap()).collect();
        assert!(!of_proxy.iter().any(is_closed));
    }

    #[test]
    fn a_client_that_does_not_read_its_answer_is_not_waited_for() {
        let connections = connections(3, 3);
        let [waiting, receiving, answering] =
            [1, 2, 3].map(|last| connections.admit(address(last)).unwrap());
        receiving.enter(Phase::Receiving);
        answering.enter(Phase::Answering);
        connections.close_unread(Duration::from_secs(60));
        assert!(!is_closed(&waiting));
        std::thread::sleep(Duration::from_millis(2));
        connections.close_unread(Duration::ZERO);
        assert_eq!([&waiting, &receiving, &answering].map(is_closed), [true, false, false]);
    }

    #[tokio::test]
    async fn a_closed_connection_ends_its_task() {
        let connections = connections(1, 1);
        let admitted = connections.admit(address(1)).unwrap();
        let served_by = admitted.served_by();
        let task = tokio::spawn(async move {
            let _admitted = admitted;
            std::future::pending::<()>().await;
        });
        served_by(task.abort_handle());
        let _other = connections.admit(address(2)).unwrap();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    #[test]
    fn a_stop_closes_what_waits_for_clients_first() {
        let connections = connections(3, 3);
        let [waiting, receiving, answering] =
            [1, 2, 3].map(|last| connections.admit(address(last)).unwrap());
        receiving.enter(Phase::Receiving);
        answering.enter(Phase::Answering);
        assert_eq!(connections.close(|phase| phase != Phase::Answering), 2);
        assert!(is_closed(&waiting) && is_closed(&receiving));
        assert!(!is_closed(&answering));
    }
}

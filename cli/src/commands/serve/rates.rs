//! Limits the requests and the wrong keys of each address, in a fixed amount of memory.

use std::hash::{BuildHasher, RandomState};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::{AtomicU64, Ordering};

use abtest_config::ServeSettings;
use governor::clock::{Clock, MonotonicClock};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};

use crate::server::address::{AddressBlock, ClientAddress};

/// The rates of `serve`.
pub(super) struct Rates {
    /// Of requests without a key.
    pub(super) requests: AddressRate,
    /// Of wrong keys.
    pub(super) wrong_keys: AddressRate,
    /// Of wrong keys that pages of other sites send. They have a rate of their own, so that a hostile page
    /// cannot keep its reader from using the right key here.
    pub(super) wrong_keys_of_other_sites: AddressRate,
}

impl Rates {
    pub(super) fn new(settings: &ServeSettings) -> Self {
        let per_second = NonZeroU32::new(settings.requests_per_second);
        let per_minute = NonZeroU32::new(settings.wrong_keys_per_minute);
        let requests = |rate: NonZeroU32| {
            Quota::per_second(rate).allow_burst(rate.saturating_mul(SECONDS_AT_ONCE))
        };
        Self {
            requests: AddressRate::new(per_second.map(requests)),
            wrong_keys: AddressRate::new(per_minute.map(Quota::per_minute)),
            wrong_keys_of_other_sites: AddressRate::new(per_minute.map(Quota::per_minute)),
        }
    }
}

/// An address may send the requests of this many seconds at once.
const SECONDS_AT_ONCE: NonZeroU32 = const { NonZeroU32::new(10).unwrap() };

/// The time until the next request is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// Whole seconds, at least 1.
    pub(super) seconds: u64,
}

/// A rate for each address.
pub(super) struct AddressRate {
    limiter: Option<Limiter>,
    hasher: RandomState,
}

struct Limiter {
    limiter: RateLimiter<Probe, Cells, MonotonicClock>,
    burst: NonZeroU32,
}

impl AddressRate {
    fn new(quota: Option<Quota>) -> Self {
        let limiter = |quota: Quota| Limiter {
            limiter: RateLimiter::new(quota, Cells::new(), MonotonicClock),
            burst: quota.burst_size(),
        };
        Self { limiter: quota.map(limiter), hasher: RandomState::new() }
    }

    /// Counts requests of an address.
    ///
    /// # Errors
    /// When the address must wait.
    pub(super) fn spend(&self, client: ClientAddress, requests: NonZeroU32) -> Result<(), Wait> {
        self.probe(client, requests, true)
    }

    /// Checks whether an address may send a request now, without counting one.
    ///
    /// # Errors
    /// When the address must wait.
    pub(super) fn check(&self, client: ClientAddress) -> Result<(), Wait> {
        self.probe(client, NonZeroU32::MIN, false)
    }

    fn probe(&self, client: ClientAddress, count: NonZeroU32, spends: bool) -> Result<(), Wait> {
        let (Some(Limiter { limiter, burst }), Some(address)) = (&self.limiter, client.0) else {
            return Ok(());
        };
        let probe = Probe { cell: self.cell(address), spends };
        // A burst is the most that can be allowed at once, so a larger request counts as a burst.
        match limiter.check_key_n(&probe, count.min(*burst)) {
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(limiter.clock().now());
                let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(Wait { seconds: whole.max(1) })
            }
        }
    }

    fn cell(&self, address: AddressBlock) -> usize {
        self.hasher.hash_one(address) as usize % CELLS
    }
}

/// The number of cells. Two addresses share a cell with a probability of 1 in 65,536. The hash has a
/// random key, so an attacker cannot choose an address that shares a cell with another.
const CELLS: usize = 65_536;

/// The state of each cell: 512 KiB in all.
struct Cells(Box<[AtomicU64]>);

/// A question about a cell.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Probe {
    cell: usize,
    spends: bool,
}

impl Cells {
    fn new() -> Self {
        Self((0..CELLS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl StateStore for Cells {
    type Key = Probe;

    fn measure_and_replace<T, F, E>(&self, probe: &Probe, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let cell = &self.0[probe.cell];
        let mut state = cell.load(Ordering::Acquire);
        loop {
            let (outcome, next) = decide(NonZeroU64::new(state).map(|nanos| nanos.get().into()))?;
            if !probe.spends {
                return Ok(outcome);
            }
            let swap = (Ordering::AcqRel, Ordering::Acquire);
            match cell.compare_exchange_weak(state, next.into(), swap.0, swap.1) {
                Ok(_) => return Ok(outcome),
                Err(changed) => state = changed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;

    fn client(address: &str) -> ClientAddress {
        ClientAddress(Some(address.parse::<IpAddr>().unwrap().into()))
    }

    /// One request per hour, and `burst` at once: no test takes that long.
    fn rate(burst: u32) -> AddressRate {
        let quota = Quota::with_period(Duration::from_secs(3_600)).unwrap();
        AddressRate::new(Some(quota.allow_burst(NonZeroU32::new(burst).unwrap())))
    }

    fn spend(rate: &AddressRate, address: &str) -> bool {
        rate.spend(client(address), NonZeroU32::MIN).is_ok()
    }

    #[test]
    fn an_address_has_its_own_rate() {
        let rate = rate(2);
        let sent = [0; 3].map(|_| spend(&rate, "192.0.2.1"));
        assert_eq!(sent, [true, true, false]);
        assert!(spend(&rate, "192.0.2.2"));
        let Err(wait) = rate.check(client("192.0.2.1")) else { panic!("it may send") };
        assert!((3_500..=3_600).contains(&wait.seconds), "{wait:?}");
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_have_one_rate() {
        let rate = rate(1);
        assert!(spend(&rate, "2001:db8::1"));
        assert!(!spend(&rate, "2001:db8::ffff:1"));
        assert!(spend(&rate, "2001:db8:0:1::1"));
        assert!(spend(&rate, "192.0.2.1") && !spend(&rate, "::ffff:192.0.2.1"));
    }

    #[test]
    fn a_check_takes_nothing_and_a_large_request_takes_all() {
        let rate = rate(5);
        let client = client("192.0.2.1");
        for _ in 0..10 {
            assert_eq!(rate.check(client), Ok(()));
        }
        let large = NonZeroU32::new(1_000).unwrap();
        assert_eq!(rate.spend(client, large), Ok(()));
        assert!(rate.check(client).is_err());
    }

    #[test]
    fn a_trusted_proxy_and_a_rate_of_nothing_have_no_limit() {
        let rate = rate(1);
        for _ in 0..5 {
            assert_eq!(rate.spend(ClientAddress(None), NonZeroU32::MIN), Ok(()));
        }
        let none = AddressRate::new(None);
        assert!((0..5).all(|_| spend(&none, "192.0.2.1")));
    }
}

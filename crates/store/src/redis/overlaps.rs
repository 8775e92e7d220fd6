//! Compares the uuids of HyperLogLogs. The estimate of a union is larger than the estimate of one of its
//! parts exactly if the other part has uuids that change it. So if all uuids of a goal take part, the two
//! estimates are equal, without an error.

use abtest_model::{Counting, Experiment, Goal, Namespace, Variant};
use redis::pipe;

use super::RedisStore;
use super::keys::NamespaceKeys;
use super::read::{counters, named, query};
use crate::StoreError;
use crate::overlaps::{MOST_COUNTERS, Overlaps, Share, Strangers};

/// The relative standard error of a HyperLogLog.
const ERROR: f64 = 0.0081;

impl RedisStore {
    /// Two round trips. `None` for an exact experiment: each of its counters hashes with a seed of its
    /// own, so their marks cannot be compared.
    pub(super) async fn compared(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
    ) -> Result<Option<Overlaps>, StoreError> {
        let (connection, keys) = (&self.server.connection, NamespaceKeys::new(namespace));
        let found = counters(connection, &keys, &[named(experiment)], false).await?;
        let Some(found) = found.into_iter().next() else { return Ok(None) };
        if found.counting() == Counting::Exact {
            return Ok(None);
        }
        let (mut participants, mut goals): (Vec<Compared>, Vec<Compared>) =
            found.estimated.into_iter().partition(|((goal, _), _)| goal.is_participation());
        participants.truncate(MOST_COUNTERS);
        goals.truncate(MOST_COUNTERS);
        let keys_of = |variant: &Variant| {
            let own = participants.iter().find(|((_, own), _)| own == variant);
            own.map(|(_, keys)| keys.clone()).unwrap_or_default()
        };
        let mut read = pipe();
        for ((_, variant), keys) in &goals {
            let participants = keys_of(variant);
            // The union comes first: whoever takes part in between makes the difference smaller.
            read.pfcount([&keys[..], &participants].concat());
            match participants.is_empty() {
                true => read.cmd("ECHO").arg(0),
                false => read.pfcount(participants),
            };
            read.pfcount(keys);
        }
        for (_, keys) in &participants {
            read.pfcount(keys);
        }
        let all: Vec<String> = participants.iter().flat_map(|(_, keys)| keys.clone()).collect();
        if !all.is_empty() {
            read.pfcount(all);
        }
        let mut numbers = query::<u64>(connection, read).await?.into_iter();
        let mut next = || numbers.next().unwrap_or(0);
        let mut overlaps = Overlaps::default();
        for ((goal, variant), _) in goals {
            let (union, participants, looked_at) = (next(), next(), next());
            let found = union.saturating_sub(participants).min(looked_at);
            let share = Share { looked_at, found, error: 0.0 };
            overlaps.strangers.push(Strangers { goal, variant, share });
        }
        if participants.len() > 1 {
            let parts: Vec<u64> = participants.iter().map(|_| next()).collect();
            let (sum, union) = (parts.iter().sum::<u64>(), next());
            let squares = parts.iter().chain([&union]).map(|one| (*one as f64 * ERROR).powi(2));
            let (found, error) = (sum.saturating_sub(union), squares.sum::<f64>().sqrt());
            overlaps.in_several = Some(Share { looked_at: sum, found, error });
        }
        Ok(Some(overlaps))
    }
}

/// A counter with its keys.
type Compared = ((Goal, Variant), Vec<String>);

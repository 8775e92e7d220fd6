//! How much a folder holds. Every commit writes it with its changes, so a folder that holds something
//! else when it is opened was damaged.

/// What a folder holds after a commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// How many commits there were.
    pub(super) commits: u64,
    /// Counters.
    pub(super) counters: u64,
    /// The sum of all counts.
    pub(super) uuids: u64,
    /// The id that the next counter gets.
    pub(super) next_id: u64,
    /// Documents, and the tombstones of deleted ones.
    pub(super) documents: u64,
    /// Entries of the documents' histories.
    pub(super) entries: u64,
    /// A sum over the states of all counters and the versions of all documents and namespaces, in any
    /// order. It notices an old state that came back.
    pub(super) digest: u64,
}

impl Totals {
    /// How many bytes they take.
    pub(super) const BYTES: usize = 7 * 8;

    /// The numbers, big-endian.
    pub(super) fn encode(&self) -> [u8; Self::BYTES] {
        let Self { commits, counters, uuids, next_id, documents, entries, digest } = *self;
        let numbers = [commits, counters, uuids, next_id, documents, entries, digest];
        let mut bytes = [0; Self::BYTES];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// Reads the numbers.
    pub(super) fn decode(bytes: &[u8; Self::BYTES]) -> Self {
        let (numbers, _) = bytes.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|number| u64::from_be_bytes(*number));
        let mut next = || numbers.next().unwrap_or_default();
        Self {
            commits: next(),
            counters: next(),
            uuids: next(),
            next_id: next(),
            documents: next(),
            entries: next(),
            digest: next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_read_as_they_were_written() {
        let totals = Totals {
            commits: 1,
            counters: 2,
            uuids: 3,
            next_id: 4,
            documents: 5,
            entries: 6,
            digest: u64::MAX,
        };
        assert_eq!(Totals::decode(&totals.encode()), totals);
    }
}

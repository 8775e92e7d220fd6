//! Ranges of buckets and slots on a ring of 10,000.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The size of the ring: buckets of a hash, and slots of traffic.
pub const BUCKETS: u16 = 10_000;

/// A half-open range of buckets: `from` belongs to it, `to` does not. In JSON `[from, to]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    from: u16,
    to: u16,
}

impl Range {
    /// The range of all buckets.
    pub const ALL: Self = Self { from: 0, to: BUCKETS };

    /// A range that is not empty and ends at 10,000 at most.
    #[must_use]
    pub fn new(from: u16, to: u16) -> Option<Self> {
        (from < to && to <= BUCKETS).then_some(Self { from, to })
    }

    /// The first bucket.
    #[must_use]
    pub fn from(self) -> u16 {
        self.from
    }

    /// The bucket after the last.
    #[must_use]
    pub fn to(self) -> u16 {
        self.to
    }

    /// The number of buckets, at least 1.
    #[must_use]
    pub fn size(self) -> u16 {
        self.to - self.from
    }

    /// Whether the bucket belongs to the range.
    #[must_use]
    #[inline]
    pub fn contains(self, bucket: u16) -> bool {
        self.from <= bucket && bucket < self.to
    }
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.from, self.to].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [from, to] = <[u16; 2]>::deserialize(deserializer)?;
        Self::new(from, to).ok_or_else(|| {
            de::Error::custom(format!("[{from}, {to}] is not a range: use 0 <= from < to <= 10000"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_half_open_and_not_empty() {
        let range = Range::new(5, 7).unwrap();
        assert_eq!([4, 5, 6, 7].map(|bucket| range.contains(bucket)), [false, true, true, false]);
        assert_eq!(serde_json::to_string(&range).unwrap(), "[5,7]");
        for text in ["[5,5]", "[7,5]", "[0,10001]", "[-1,4]", "[1]"] {
            assert!(serde_json::from_str::<Range>(text).is_err(), "{text}");
        }
    }
}

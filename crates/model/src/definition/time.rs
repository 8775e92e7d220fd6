//! Points in time, as documents store them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: RFC 3339 outside, UTC milliseconds inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(jiff::Timestamp);

/// A text that is not a time in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a time in RFC 3339, for example 2026-12-01T09:00:00Z")]
pub struct NotATime;

impl Time {
    /// The time that many milliseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// When it lies outside the years -9999 to 9999.
    pub fn from_millis(millis: i64) -> Result<Self, NotATime> {
        jiff::Timestamp::from_millisecond(millis).map(Self).map_err(|_| NotATime)
    }

    /// Now, by this machine's clock.
    #[must_use]
    pub fn now() -> Self {
        let now = jiff::Timestamp::now();
        Self(jiff::Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now))
    }

    /// The time as people read it, to the minute: "3 May 2026, 09:00 UTC".
    #[must_use]
    pub fn in_words(self) -> String {
        self.0.strftime("%-d %B %Y, %H:%M UTC").to_string()
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }
}

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let time: jiff::Timestamp = text.parse().map_err(|_| NotATime)?;
        Self::from_millis(time.as_millisecond())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_kept_in_utc_milliseconds() {
        let time: Time = "2026-12-01T10:00:00.1239+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-12-01T09:00:00.123Z");
        assert_eq!(Time::from_millis(time.as_millis()), Ok(time));
        let round: Time = "2026-12-01T09:00:00Z".parse().unwrap();
        assert_eq!(round.to_string(), "2026-12-01T09:00:00Z");
        assert_eq!(round.in_words(), "1 December 2026, 09:00 UTC");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "tomorrow", "2026-12-01", "2026-12-01T09:00:00", "2026-13-01T09:00:00Z"] {
            assert_eq!(text.parse::<Time>(), Err(NotATime), "{text}");
        }
    }
}

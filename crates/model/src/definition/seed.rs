//! Ids, salts and the names of new definitions.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::input::MAX_NAME_BYTES;

/// Longest id or salt, in bytes.
pub const MAX_SEED_BYTES: usize = 64;

/// An id or a salt: what a hash is seeded with. It matches `[A-Za-z0-9_-]{1,64}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Seed(Box<str>);

/// A text that is not an id or a salt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 64 of the characters A-Z, a-z, 0-9, _ and -")]
pub struct NotASeed;

impl Seed {
    /// The generated form: 8 hex digits of a random number.
    #[must_use]
    pub fn generated(random: u32) -> Self {
        Self(format!("{random:08x}").into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Seed {
    type Err = NotASeed;

    fn from_str(text: &str) -> Result<Self, NotASeed> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=MAX_SEED_BYTES).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(NotASeed)
        }
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Borrow<str> for Seed {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The name of a new definition, namespace or layer. It needs no escapes in a URL path.
///
/// Counted events may carry other names; [`crate::Experiment`] has that wider rule. Experiments
/// that already count under such a name may be adopted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct NewName(Box<str>);

/// A text that cannot name a new definition, namespace or layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotANewName {
    /// Empty or too long.
    #[error("must have 1 to {MAX_NAME_BYTES} bytes of UTF-8")]
    Length,
    /// A character that a URL path or a terminal would change.
    #[error("must not contain / \\ ? # % or control characters")]
    Character,
    /// A path that URL parsers remove.
    #[error("must not be . or ..")]
    Dots,
    /// A space that readers cannot see.
    #[error("must not begin or end with a space")]
    Space,
}

impl NewName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NewName {
    type Err = NotANewName;

    fn from_str(text: &str) -> Result<Self, NotANewName> {
        let refused = |c: char| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%');
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            Err(NotANewName::Length)
        } else if text.contains(refused) {
            Err(NotANewName::Character)
        } else if text == "." || text == ".." {
            Err(NotANewName::Dots)
        } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
            Err(NotANewName::Space)
        } else {
            Ok(Self(text.into()))
        }
    }
}

impl fmt::Display for NewName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Borrow<str> for NewName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for NewName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_only_letters_digits_underscores_and_hyphens() {
        for text in ["a", "5f2b9c01", "A_b-9", &"x".repeat(64)] {
            assert_eq!(text.parse::<Seed>().unwrap().as_str(), text);
        }
        for text in ["", "a:b", "ä", "a b", &"x".repeat(65)] {
            assert_eq!(text.parse::<Seed>(), Err(NotASeed), "{text}");
        }
        assert_eq!(Seed::generated(0xbeef).as_str(), "0000beef");
    }

    #[test]
    fn a_new_name_can_stand_in_a_url_path() {
        for text in ["button", "Knopf größer", "a:b", "日本", "...", &"x".repeat(200)] {
            assert_eq!(text.parse::<NewName>().unwrap().as_str(), text);
        }
        let refused = [
            ("", NotANewName::Length),
            ("a/b", NotANewName::Character),
            ("50%", NotANewName::Character),
            ("a\nb", NotANewName::Character),
            (".", NotANewName::Dots),
            ("..", NotANewName::Dots),
            (" a", NotANewName::Space),
            ("a\u{a0}", NotANewName::Space),
        ];
        for (text, error) in refused {
            assert_eq!(text.parse::<NewName>(), Err(error), "{text:?}");
        }
        assert_eq!("é".repeat(101).parse::<NewName>(), Err(NotANewName::Length));
    }
}

//! Names that passed the rule: 1 to 200 bytes of UTF-8 without control characters.
//!
//! Any other character is allowed: colons, percent signs, slashes and emoji included.
//!
//! ```
//! use abtest_model::{Experiment, InputError};
//!
//! let experiment = Experiment::new("50% off: now?")?;
//! assert_eq!(experiment.as_str(), "50% off: now?");
//! assert!(matches!(Experiment::new(""), Err(InputError::Empty { parameter: "experiment" })));
//! # Ok::<(), InputError>(())
//! ```

use std::borrow::Borrow;
use std::fmt;

use serde::Serialize;

use crate::input::{InputError, MAX_NAME_BYTES};

/// Defines a validated name: its type, its documentation, and the parameter that errors name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $parameter:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// The parameter under which this name is sent.
            pub const PARAMETER: &'static str = $parameter;

            /// Takes a text that keeps the rule.
            ///
            /// # Errors
            /// When it is empty, longer than [`MAX_NAME_BYTES`] or has a control character.
            pub fn new(text: impl AsRef<str> + Into<Box<str>>) -> Result<Self, InputError> {
                check(Self::PARAMETER, text.as_ref())?;
                Ok(Self(text.into()))
            }

            /// The name as it was sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// A set of experiments that are read together: a site, or a stage of it.
    Namespace, "namespace"
}

name! {
    /// An experiment's name.
    Experiment, "experiment"
}

name! {
    /// The name of one of the alternatives that visitors are split over.
    Variant, "variant"
}

name! {
    /// What a visitor did: a goal's name, or [`Goal::PARTICIPATE`].
    Goal, "event"
}

name! {
    /// What makes an event countable once: a counter counts the same uuid once, however late it comes again.
    /// Browsers send a random version 4, or a hash of the user; any text that keeps the rule does.
    Uuid, "uuid"
}

name! {
    /// What makes an event with a value add it once, for example the number of an order. The same id
    /// never adds twice to a goal, from whichever unit it comes and however late.
    EventId, "id"
}

impl Namespace {
    /// The namespace of an event that names none, as in Gimel.
    pub const DEFAULT: &'static str = "alephbet";
}

impl Default for Namespace {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl Goal {
    /// The pseudo-goal that counts a variant's trials.
    pub const PARTICIPATE: &'static str = "participate";

    /// Whether this is the pseudo-goal that counts trials.
    pub fn is_participation(&self) -> bool {
        &*self.0 == Self::PARTICIPATE
    }
}

/// Checks that a text is a name. `parameter` is the one that the error names.
///
/// # Errors
/// When the text is empty, longer than [`MAX_NAME_BYTES`] or has a control character.
pub fn check(parameter: &'static str, text: &str) -> Result<(), InputError> {
    let length = text.len();
    if length == 0 {
        return Err(InputError::Empty { parameter });
    }
    if length > MAX_NAME_BYTES {
        return Err(InputError::TooLong { parameter, length, limit: MAX_NAME_BYTES });
    }
    match text.char_indices().find(|(_, character)| character.is_control()) {
        Some((position, _)) => Err(InputError::ControlCharacter { parameter, length, position }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_character_but_a_control_character_is_allowed() {
        for text in ["a", "a:b", "100%", "a/b?c#d", "👩‍👩‍👧", " ", "<img src=x onerror=alert(1)>"]
        {
            assert_eq!(Experiment::new(text).unwrap().as_str(), text);
        }
        for text in ["\0", "a\nb", "\u{7f}", "\u{85}"] {
            assert!(matches!(Experiment::new(text), Err(InputError::ControlCharacter { .. })));
        }
    }

    #[test]
    fn the_limit_is_in_bytes_not_characters() {
        assert!(Variant::new("é".repeat(100)).is_ok());
        assert_eq!(
            Variant::new("é".repeat(100) + "x"),
            Err(InputError::TooLong { parameter: "variant", length: 201, limit: 200 })
        );
    }

    #[test]
    fn only_the_exact_word_is_participation() {
        assert!(Goal::new("participate").unwrap().is_participation());
        assert!(!Goal::new("Participate").unwrap().is_participation());
    }
}

//! What can be wrong with a value that a caller sent.

use crate::allocations::AllocationNumber;
use crate::amount::Amount;

/// Longest name or uuid, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 200;

/// A value that breaks a rule. Each variant knows the parameter, the rule and, where there is a
/// value, its length in bytes; the value itself is never repeated, as it may be hostile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A required parameter is absent.
    #[error("parameter `{parameter}` is missing; send it")]
    Missing {
        /// The parameter.
        parameter: &'static str,
    },
    /// A parameter has no characters.
    #[error("parameter `{parameter}` is empty; it takes 1 to {MAX_NAME_BYTES} bytes")]
    Empty {
        /// The parameter.
        parameter: &'static str,
    },
    /// A parameter is longer than the limit.
    #[error("parameter `{parameter}` is {length} bytes long; it takes 1 to {limit} bytes")]
    TooLong {
        /// The parameter.
        parameter: &'static str,
        /// Bytes received.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A parameter holds a control character (Unicode category Cc).
    #[error(
        "parameter `{parameter}` ({length} bytes) has a control character at byte {position}; \
         any other character is allowed"
    )]
    ControlCharacter {
        /// The parameter.
        parameter: &'static str,
        /// Bytes received.
        length: usize,
        /// Offset of the first control character.
        position: usize,
    },
    /// A parameter's bytes are not UTF-8.
    #[error("parameter `{parameter}` ({length} bytes) is not UTF-8; percent-encode UTF-8 bytes")]
    NotUtf8 {
        /// The parameter.
        parameter: String,
        /// Bytes received, after percent-decoding.
        length: usize,
    },
    /// A parameter is given more than once, so that its value is in doubt.
    #[error("parameter `{parameter}` is given more than once; send it once")]
    Repeated {
        /// The parameter.
        parameter: &'static str,
    },
    /// A JSON member has another type than a string.
    #[error("member `{parameter}` is {found}; it must be a string")]
    NotAString {
        /// The member.
        parameter: &'static str,
        /// The JSON type found, with its article.
        found: &'static str,
    },
    /// The allocation is not the number of one.
    #[error(
        "`allocation` must be the number of an allocation, from 1 to 4294967295, as a JSON number or \
         as digits in the query string; send the number that the assignment had"
    )]
    NotAnAllocation,
    /// The value is not a decimal number that can be added.
    #[error(
        "`value` must be a decimal number such as 19.99 or -5, without an exponent, with at most 4 \
         decimals and at most 100000000000 in size; send it as a JSON number or as a string"
    )]
    NotAnAmount,
    /// The value has more decimals than its goal.
    #[error(
        "`value` has {found} decimals and the goal keeps {allowed}; round it, or raise `decimals` of the \
         goal in the definition of the experiment"
    )]
    TooManyDecimals {
        /// Decimals of the value.
        found: u8,
        /// Decimals of the goal.
        allowed: u8,
    },
    /// A JSON event has a member that is not known.
    #[error(
        "member `{parameter}` is unknown; an event has experiment, variant, event, uuid and \
         optionally namespace, allocation, value and id"
    )]
    Unknown {
        /// The member, cut to a printable length.
        parameter: String,
        /// Bytes of the member's name.
        length: usize,
    },
    /// A parameter is neither `true` nor `false`.
    #[error("parameter `{parameter}` is neither true nor false; send one of them")]
    NotABoolean {
        /// The parameter.
        parameter: &'static str,
        /// Bytes received.
        length: usize,
    },
    /// The query string has a parameter that the endpoint does not know.
    #[error("parameter `{parameter}` is unknown; this endpoint takes {}", list(.known))]
    UnknownParameter {
        /// The parameter, cut to a printable length.
        parameter: String,
        /// Bytes of the parameter's name.
        length: usize,
        /// The parameters that the endpoint knows.
        known: &'static [&'static str],
    },
    /// An element of the array is not a JSON object.
    #[error("an event must be a JSON object, not {found}")]
    NotAnObject {
        /// The JSON type found, with its article.
        found: &'static str,
    },
    /// A `%` in the query string is not followed by two hexadecimal digits (RFC 3986, 2.1).
    #[error(
        "malformed percent-encoding at byte {position} of the query string; \
         write a literal % as %25"
    )]
    MalformedPercent {
        /// Offset of the `%`.
        position: usize,
    },
}

impl InputError {
    /// The parameter or member that is wrong, where one can be named.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Missing { parameter }
            | Self::Empty { parameter }
            | Self::TooLong { parameter, .. }
            | Self::ControlCharacter { parameter, .. }
            | Self::Repeated { parameter }
            | Self::NotABoolean { parameter, .. }
            | Self::NotAString { parameter, .. } => Some(parameter),
            Self::NotAnAllocation => Some(AllocationNumber::PARAMETER),
            Self::NotAnAmount | Self::TooManyDecimals { .. } => Some(Amount::PARAMETER),
            Self::NotUtf8 { parameter, .. } => Some(parameter),
            Self::Unknown { parameter, .. } | Self::UnknownParameter { parameter, .. } => {
                Some(parameter)
            }
            Self::NotAnObject { .. } | Self::MalformedPercent { .. } => None,
        }
    }

    /// The rule that was broken, as a stable word for programs.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "required",
            Self::Empty { .. } => "not-empty",
            Self::TooLong { .. } => "length",
            Self::ControlCharacter { .. } => "no-control-characters",
            Self::NotUtf8 { .. } => "utf-8",
            Self::Repeated { .. } => "once",
            Self::NotAString { .. } => "string",
            Self::NotABoolean { .. } => "boolean",
            Self::NotAnAllocation => "allocation-number",
            Self::NotAnAmount => "decimal-number",
            Self::TooManyDecimals { .. } => "decimals",
            Self::Unknown { .. } => "known-member",
            Self::UnknownParameter { .. } => "known-parameter",
            Self::NotAnObject { .. } => "object",
            Self::MalformedPercent { .. } => "percent-encoding",
        }
    }

    /// The length of the value in bytes, where there is a value.
    pub fn length(&self) -> Option<usize> {
        match self {
            Self::Empty { .. } => Some(0),
            Self::TooLong { length, .. }
            | Self::ControlCharacter { length, .. }
            | Self::NotUtf8 { length, .. }
            | Self::Unknown { length, .. }
            | Self::NotABoolean { length, .. }
            | Self::UnknownParameter { length, .. } => Some(*length),
            _ => None,
        }
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "no parameters".to_owned() } else { names.join(", ") }
}

/// `text` cut to at most 40 characters without control characters, for naming an unknown
/// parameter in an error.
pub(crate) fn printable(text: &str) -> String {
    let mut cut: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

//! The key that opens the operator's endpoints.

use crate::secret::Secret;

/// An API key: at least [`MIN_CHARACTERS`](Self::MIN_CHARACTERS) characters that fit into a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey(Secret);

/// Why a text cannot be an API key. The text itself is left out, because it is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// It can be guessed.
    #[error(
        "the API key has {characters} characters; use at least {}, for example what \
         `openssl rand -hex 16` prints",
        ApiKey::MIN_CHARACTERS
    )]
    Short {
        /// Its characters.
        characters: usize,
    },
    /// It has a character that a header cannot carry.
    #[error(
        "the API key has a control character at byte {position}; write it on one line, without tabs"
    )]
    ControlCharacter {
        /// The offset of the first one.
        position: usize,
    },
    /// It has a space at an end, which HTTP removes on the way.
    #[error("the API key begins or ends with a space; remove the space")]
    Space,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Every GET.
    Read,
    /// Every call.
    Edit,
}

impl Role {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
        }
    }

    /// The role that a request with this method needs.
    pub fn needed(method: &str) -> Self {
        if matches!(method, "GET" | "HEAD") { Self::Read } else { Self::Edit }
    }
}

impl ApiKey {
    /// How the value of a deployment's read key begins. `abtest key --role read` creates such keys,
    /// and API Gateway hands on only keys that exist.
    pub const READ_PREFIX: &str = "abtest_read_";

    /// The role of a key that a gateway checked.
    pub fn role_behind_gateway(value: &str) -> Role {
        if value.starts_with(Self::READ_PREFIX) { Role::Read } else { Role::Edit }
    }

    /// The fewest characters: 16 random letters and digits take longer to guess than anyone has.
    pub const MIN_CHARACTERS: usize = 16;

    /// Checks a key.
    ///
    /// # Errors
    /// When it is too short, or when a header cannot carry it.
    pub fn new(text: &str) -> Result<Self, ApiKeyError> {
        if let Some(position) = text.find(char::is_control) {
            return Err(ApiKeyError::ControlCharacter { position });
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(ApiKeyError::Space);
        }
        match text.chars().count() {
            characters if characters < Self::MIN_CHARACTERS => {
                Err(ApiKeyError::Short { characters })
            }
            _ => Ok(Self(Secret::new(text))),
        }
    }

    /// The key itself, for the one place that sends or prints it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_enough_and_fits_into_a_header() {
        for good in ["0123456789abcdef", "with a space in it", "schlüsselwörtlich"] {
            assert_eq!(ApiKey::new(good).unwrap().expose(), good);
        }
        for (bad, error) in [
            ("", ApiKeyError::Short { characters: 0 }),
            ("0123456789abcde", ApiKeyError::Short { characters: 15 }),
            // 15 characters, but 18 bytes.
            ("schlüsselwörter", ApiKeyError::Short { characters: 15 }),
            ("0123456789\nabcdef", ApiKeyError::ControlCharacter { position: 10 }),
            ("0123456789abcdef\u{7f}", ApiKeyError::ControlCharacter { position: 16 }),
            (" 0123456789abcdef", ApiKeyError::Space),
        ] {
            assert_eq!(ApiKey::new(bad), Err(error));
        }
        let error = ApiKey::new("hunter2").unwrap_err().to_string();
        assert!(error.contains("7 characters") && !error.contains("hunter2"), "{error}");
        assert!(!format!("{:?}", ApiKey::new("0123456789abcdef")).contains("0123"));
    }
}

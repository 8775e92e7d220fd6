//! Compares a secret with a guess in constant time.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 digest of a secret. All digests have the same length, so a comparison takes the same time
/// for every guess. The secret itself is not kept.
#[derive(Clone)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of `secret`.
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether `guess` is the secret.
    pub fn matches(&self, guess: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(guess).0).into()
    }
}

impl std::fmt::Debug for SecretDigest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretDigest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_secret_matches_itself_and_nothing_else(
            secret in any::<Vec<u8>>(),
            guess in any::<Vec<u8>>(),
        ) {
            let digest = SecretDigest::of(&secret);
            prop_assert!(digest.matches(&secret));
            prop_assert_eq!(digest.matches(&guess), guess == secret);
        }
    }
}

//! Session tokens, access tokens and invites: 256 random bits, given out once and kept as their SHA-256. A fast
//! hash is right here, since nobody can guess 256 bits.

use sha2::{Digest, Sha256};
use std::fmt;

/// What an access token begins with, so that scanners find one that leaked.
const TOKEN_PREFIX: &str = "tlk_";

/// A secret that is about to be given out. Shown by nothing but [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// For a session or an invite.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// For an access token.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn random_token() -> Result<Self, getrandom::Error> {
        Ok(Self(format!("{TOKEN_PREFIX}{}", Self::random()?.0)))
    }

    /// The text to give out.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

/// What is stored of a secret that came back.
#[must_use]
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_different_each_time_and_not_shown_by_accident() {
        let (one, other) = (Secret::random().expect("random"), Secret::random().expect("random"));
        assert_eq!(one.reveal().len(), 64);
        assert_ne!(one, other);
        assert_eq!(one.hash(), hash(one.reveal()));
        assert!(!format!("{one:?}").contains(one.reveal()));
        assert!(Secret::random_token().expect("random").reveal().starts_with("tlk_"));
    }
}

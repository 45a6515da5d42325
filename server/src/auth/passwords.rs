//! Hashing of passwords: Argon2id with the parameters that OWASP's Password Storage Cheat Sheet names first
//! (19 MiB, two passes, one lane). Each hash keeps a core busy for tens of milliseconds, so it runs on a
//! blocking thread, only as many at once as there are cores, and only so many wait.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes that may wait. At two cores and 30 ms each the last one waits a second.
const WAITING: usize = 64;
/// Memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// What is compared when there is no account: of the cost above, and the hash of no password. It stands here, since
/// one that is made when it is first needed would tell by the time it takes.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password could not be hashed or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many are waiting.
    #[error("too many logins at once")]
    Busy,
    /// The hasher failed, or the stored hash is none.
    #[error("the password could not be hashed")]
    Failed,
}

/// The hasher. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { running: Arc::new(Semaphore::new(cores)), waiting: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Passwords {
    /// The PHC string of a password.
    ///
    /// # Errors
    /// As [`PasswordError`] says.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.run(move || hash(&password)).await
    }

    /// Whether a password is the one that was hashed. Without a hash (no such account) it takes the same time
    /// and is never right.
    ///
    /// # Errors
    /// As [`PasswordError`] says.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, PasswordError> {
        let (password, stored) = (password.to_owned(), stored.map(str::to_owned));
        self.run(move || {
            let parsed = PasswordHash::new(stored.as_deref().unwrap_or(NOBODYS)).map_err(|_| PasswordError::Failed)?;
            Ok(hasher()?.verify_password(password.as_bytes(), &parsed).is_ok() && stored.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = self.waiting.try_acquire().map_err(|_| PasswordError::Busy)?;
        let permit = self.running.clone().acquire_owned().await.map_err(|_| PasswordError::Failed)?;
        let done = tokio::task::spawn_blocking(move || {
            // The permit goes with the work: a caller who leaves does not make room for another hash.
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| PasswordError::Failed)?
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|_| PasswordError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let hash = hasher()?.hash_password(password.as_bytes()).map_err(|_| PasswordError::Failed)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_is_right_and_nothing_else() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse").await.expect("hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(passwords.verify("correct horse", Some(&stored)).await, Ok(true));
        assert_eq!(passwords.verify("wrong horse", Some(&stored)).await, Ok(false));
        assert_eq!(passwords.verify("nobody", None).await, Ok(false));
    }

    #[test]
    fn a_name_that_does_not_exist_costs_what_one_that_does_costs() {
        let stored = hash("correct horse").expect("hash");
        let (stored, nobodys) =
            (PasswordHash::new(&stored).expect("a hash"), PasswordHash::new(NOBODYS).expect("a hash"));
        assert_eq!((nobodys.algorithm, nobodys.version), (stored.algorithm, stored.version));
        assert_eq!(nobodys.params, stored.params);
        let lengths = |hash: &PasswordHash| (hash.salt.map(|salt| salt.len()), hash.hash.map(|hash| hash.len()));
        assert_eq!(lengths(&nobodys), lengths(&stored));
    }

    #[tokio::test]
    async fn beyond_the_bound_one_is_told_to_come_later() {
        let passwords = Passwords::default();
        let all = futures_util::future::join_all((0..WAITING * 2).map(|_| passwords.verify("x", None))).await;
        assert!(all.contains(&Err(PasswordError::Busy)));
        assert!(all.contains(&Ok(false)));
    }
}

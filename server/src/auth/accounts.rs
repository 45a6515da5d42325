//! Registering, logging in and out, changing a password. What is refused comes back as a [`Refusal`], ready to be shown.

use super::passwords::{PasswordError, Passwords};
use super::secrets::{self, Secret};
use super::throttle::Throttle;
use crate::connection::requests::explain;
use crate::node::Node;
use crate::store::{Account, Identity, NewAccount, NewSession, StoreError};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use trunkline_app::backend::{Doors, Refusal, Registration, Viewer};
use trunkline_protocol::text::is_name;
use trunkline_protocol::{ErrorCode, Millis, SessionId, UserId, limits};

/// Longest login name, in characters.
const NAME_CHARS: usize = 32;
/// How long an invite is good, and for how many accounts.
const INVITE: (Duration, u32) = (Duration::from_secs(7 * 24 * 60 * 60), 10);
/// Longest device description kept, in characters.
const DEVICE_CHARS: usize = 200;

/// The doors of the house.
pub struct Accounts {
    node: Arc<Node>,
    passwords: Passwords,
    throttle: Throttle,
    registration: Registration,
    lifetime: Duration,
}

/// Where a login comes from.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The client's address.
    pub address: IpAddr,
    /// What the browser calls itself.
    pub agent: &'a str,
    /// The session that the browser had before, if any: it ends, so that a login always has a new token.
    pub former: Option<&'a Viewer>,
}

impl Accounts {
    /// Accounts of a node's store.
    #[must_use]
    pub fn new(node: Arc<Node>, registration: Registration, lifetime: Duration) -> Self {
        Self { node, passwords: Passwords::default(), throttle: Throttle::default(), registration, lifetime }
    }

    /// Who may register, and whether an account exists yet.
    pub async fn doors(&self) -> Result<Doors, Refusal> {
        let first = !self.node.store.has_accounts().await.map_err(refusal)?;
        Ok(Doors { registration: if first { Registration::Open } else { self.registration }, first })
    }

    /// Who may register once there is an account.
    #[must_use]
    pub const fn registration(&self) -> Registration {
        self.registration
    }

    /// Whether an invite is good.
    pub async fn invite_is_valid(&self, invite: &str) -> Result<bool, Refusal> {
        self.node.store.invite_is_valid(&secrets::hash(invite), self.node.now()).await.map_err(refusal)
    }

    /// Makes an account and logs it in; the session's secret.
    pub async fn register(
        &self,
        origin: &Origin<'_>,
        name: &str,
        display_name: &str,
        password: &str,
        invite: Option<&str>,
    ) -> Result<Secret, Refusal> {
        let name = login_name(name)?;
        let display_name = if display_name.trim().is_empty() { name.clone() } else { shown_name(display_name)? };
        check_password(password)?;
        let doors = self.doors().await?;
        let invite = match (doors.registration, invite) {
            (Registration::Open, _) => None,
            (Registration::Invite, Some(invite)) if self.invite_is_valid(invite).await? => Some(secrets::hash(invite)),
            (Registration::Invite, _) => {
                return Err(Refusal::new(ErrorCode::Forbidden, "You need a valid invite link to make an account."));
            }
            (Registration::Closed, _) => {
                return Err(Refusal::new(ErrorCode::Forbidden, "No new accounts can be made here."));
            }
        };
        self.throttle.register(origin.address, Instant::now()).map_err(too_many)?;
        let password = self.passwords.hash(password).await.map_err(busy)?;
        // Hashing took its time: whether this is the first account is for the store to say.
        let first_only = doors.first && self.registration != Registration::Open;
        let at = self.node.now();
        let account = NewAccount { name, display_name, password, at, invite, first_only };
        let account = self.node.store.create_account(account).await.map_err(refusal)?;
        tracing::info!(user.id = %account.user.id, user.admin = account.admin, "an account was made");
        self.open_session(origin, account.user.id).await
    }

    /// Logs in; the session's secret. The same answer after the same work for a wrong name and a wrong password.
    pub async fn log_in(&self, origin: &Origin<'_>, name: &str, password: &str) -> Result<Secret, Refusal> {
        let name = name.trim().to_lowercase();
        let name: String = name.chars().take(NAME_CHARS).collect();
        self.attempt(&name, origin.address)?;
        let account = self.node.store.account(&name).await.map_err(refusal)?;
        let account = self.verified(account, password).await?;
        let Some(account) = account else {
            tracing::info!(client.address = %origin.address, "a login failed");
            return Err(Refusal::new(ErrorCode::Unauthorized, "The name or the password is wrong."));
        };
        self.throttle.succeeded(&name, origin.address);
        self.open_session(origin, account.user.id).await
    }

    /// Ends a session.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), Refusal> {
        let ended = self.node.store.end_session(user, session, self.node.now()).await.map_err(refusal)?;
        if ended {
            self.node.ended(&[crate::store::Credential::Session(session)]);
        }
        Ok(())
    }

    /// Ends all sessions of a user but one.
    pub async fn end_others(&self, user: UserId, keep: SessionId) -> Result<(), Refusal> {
        let ended = self.node.store.end_sessions(user, Some(keep), self.node.now()).await.map_err(refusal)?;
        self.node.ended(&ended);
        Ok(())
    }

    /// Changes a password, which ends all sessions and access tokens: whoever got hold of one is out. The secret of
    /// the session that goes on here.
    pub async fn change_password(
        &self,
        viewer: &Viewer,
        origin: &Origin<'_>,
        current: &str,
        new: &str,
    ) -> Result<Secret, Refusal> {
        check_password(new)?;
        self.attempt(&viewer.user.name, origin.address)?;
        let account = self.node.store.account(&viewer.user.name).await.map_err(refusal)?;
        if self.verified(account, current).await?.is_none() {
            return Err(Refusal::new(ErrorCode::Unauthorized, "The current password is wrong."));
        }
        self.throttle.succeeded(&viewer.user.name, origin.address);
        let password = self.passwords.hash(new).await.map_err(busy)?;
        let user = viewer.user.id;
        let ended = self.node.store.set_password(user, &password, self.node.now()).await.map_err(refusal)?;
        self.node.ended(&ended);
        self.open_session(origin, user).await
    }

    /// Whose session this secret opens, if it is still good.
    pub async fn identify_session(&self, secret: &str) -> Result<Option<Identity>, StoreError> {
        self.node.store.session(&secrets::hash(secret), self.node.now()).await
    }

    /// Whose access token this is, if it is still good.
    pub async fn identify_token(&self, secret: &str) -> Result<Option<Identity>, StoreError> {
        self.node.store.token(&secrets::hash(secret), self.node.now()).await
    }

    /// Makes an access token; its secret is known to nobody else.
    pub async fn create_token(&self, user: UserId, label: &str) -> Result<Secret, Refusal> {
        let label = shown_name(label)?;
        let secret = Secret::random_token().map_err(|_| no_randomness())?;
        self.node.store.create_token(user, &label, secret.hash(), self.node.now()).await.map_err(refusal)?;
        Ok(secret)
    }

    /// Makes an invite.
    pub async fn create_invite(&self, by: UserId) -> Result<Secret, Refusal> {
        let secret = Secret::random().map_err(|_| no_randomness())?;
        let (lasts, uses) = INVITE;
        let expires = self.node.now() + millis(lasts);
        self.node.store.create_invite(by, secret.hash(), uses, expires).await.map_err(refusal)?;
        Ok(secret)
    }

    /// How long a login lasts.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    async fn verified(&self, account: Option<Account>, password: &str) -> Result<Option<Account>, Refusal> {
        let account = account.filter(|account| !account.disabled);
        let stored = account.as_ref().map(|account| account.password.as_str());
        let right = self.passwords.verify(password, stored).await.map_err(busy)?;
        Ok(account.filter(|_| right))
    }

    async fn open_session(&self, origin: &Origin<'_>, user: UserId) -> Result<Secret, Refusal> {
        if let Some(former) = origin.former {
            self.end_session(former.user.id, former.session).await?;
        }
        let secret = Secret::random().map_err(|_| no_randomness())?;
        let at = self.node.now();
        let device = origin.agent.chars().take(DEVICE_CHARS).collect();
        let expires = at + millis(self.lifetime);
        let session = NewSession { id: SessionId::random(), user, token: secret.hash(), device, at, expires };
        self.node.store.create_session(session).await.map_err(refusal)?;
        Ok(secret)
    }

    fn attempt(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        self.throttle.attempt(name, address, Instant::now()).map_err(too_many)
    }
}

/// A store's error as it may be shown.
pub fn refusal(error: StoreError) -> Refusal {
    let (code, message) = explain(&error);
    Refusal { code, message }
}

/// A name to be shown, trimmed.
///
/// # Errors
/// [`ErrorCode::Invalid`] with a sentence.
pub fn shown_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if !is_name(name) {
        let most = limits::NAME_CHARS;
        return Err(Refusal::new(ErrorCode::Invalid, format!("A name needs 1 to {most} characters, all in one line.")));
    }
    Ok(name.to_owned())
}

fn login_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim().to_lowercase();
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._-".contains(letter);
    let starts_well = name.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    if !(2..=NAME_CHARS).contains(&name.len()) || !starts_well || !name.chars().all(fits) {
        let message = format!(
            "A login name has 2 to {NAME_CHARS} letters a to z, digits, dots, dashes or underscores, \
             and begins with a letter or digit."
        );
        return Err(Refusal::new(ErrorCode::Invalid, message));
    }
    Ok(name)
}

fn check_password(password: &str) -> Result<(), Refusal> {
    let (least, most) = (limits::PASSWORD_MIN_CHARS, limits::PASSWORD_MAX_BYTES);
    if password.chars().count() < least {
        return Err(Refusal::new(ErrorCode::Invalid, format!("A password needs at least {least} characters.")));
    }
    if password.len() > most {
        return Err(Refusal::new(ErrorCode::Invalid, format!("A password can have at most {most} bytes.")));
    }
    Ok(())
}

fn busy(error: PasswordError) -> Refusal {
    match error {
        PasswordError::Busy => Refusal::new(ErrorCode::Busy, "Many people log in right now. Please try again."),
        PasswordError::Failed => Refusal::new(ErrorCode::StoreUnavailable, "The password could not be checked."),
    }
}

fn too_many(wait: Duration) -> Refusal {
    let seconds = wait.as_secs().max(1);
    Refusal::new(ErrorCode::RateLimited, format!("Too many tries. Please wait {seconds} s and try again."))
}

fn no_randomness() -> Refusal {
    Refusal::new(ErrorCode::StoreUnavailable, "The server could not make a secret. Please try again.")
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names_are_lower_case_and_plain() {
        assert_eq!(login_name(" Ann.B-1 ").expect("a name"), "ann.b-1");
        for bad in ["", "a", "-ann", "ann b", "änn", "ann/../x", &"a".repeat(33)] {
            assert!(login_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn shown_names_keep_every_script_but_no_control_character() {
        assert_eq!(shown_name("  Ånn 王 ").expect("a name"), "Ånn 王");
        for bad in ["", "   ", "a\nb", &"x".repeat(65)] {
            assert!(shown_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_have_a_least_and_a_most_length() {
        assert!(check_password("1234567").is_err());
        assert!(check_password("12345678").is_ok());
        assert!(check_password(&"x".repeat(257)).is_err());
    }
}

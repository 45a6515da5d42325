//! The way of one process to the store: every question and every answer may come to nothing.

use super::{Stores, Trouble};
use crate::history::Event;
use crate::lock;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use trunkline_protocol::{
    Change, Conversation, ConversationId, Epoch, Millis, Position, Presence, Seq, SessionId, User, UserId,
};
use trunkline_server::search::{Found, Search};
use trunkline_server::store::sqlite::SqliteStore;
use trunkline_server::store::{
    Account, AccountRow, Amendment, Append, AppendError, Appended, Credential, CursorState, Durability, Followed,
    Identity, Membership, NewAccount, NewSession, Range, Resume, SessionRow, Store, StoreError, TokenRow,
};

/// How long a question waits that nobody answers, as for PostgreSQL.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

/// The way of one process to the store.
pub struct SimStore {
    pub(super) stores: Arc<Stores>,
    pub(super) slot: usize,
    /// The history that the process began with.
    pub(super) opened: Epoch,
    pub(super) works: watch::Sender<bool>,
}

fn unavailable(operation: &'static str, why: &'static str) -> StoreError {
    StoreError::Unavailable { operation, source: why.into() }
}

impl SimStore {
    /// The question's way. An error if it does not arrive.
    async fn reach(&self, operation: &'static str) -> Result<Arc<SqliteStore>, StoreError> {
        let wait = {
            let mut state = lock(&self.stores.state);
            let most = if let Trouble::Slow(most) = state.trouble { most } else { 4 };
            state.random.below(most)
        };
        sleep(Duration::from_millis(wait)).await;
        let (store, trouble) = {
            let state = lock(&self.stores.state);
            // As with PostgreSQL, whose connections all broke then.
            if state.epoch != self.opened {
                return Err(StoreError::AnotherHistory);
            }
            (state.store.clone(), state.trouble)
        };
        match trouble {
            Trouble::Refuses => Err(unavailable(operation, "the store is down")),
            Trouble::Hangs => {
                sleep(GIVEN_UP_AFTER).await;
                Err(unavailable(operation, "the store does not answer"))
            }
            Trouble::None | Trouble::LosesAnswers(_) | Trouble::Slow(_) => Ok(store),
        }
    }

    /// The answer's way.
    async fn back(&self, operation: &'static str) -> Result<(), StoreError> {
        let (lost, wait) = {
            let mut state = lock(&self.stores.state);
            let lost = if let Trouble::LosesAnswers(percent) = state.trouble { percent } else { 0 };
            (state.random.chance(lost), state.random.below(5))
        };
        sleep(Duration::from_millis(wait)).await;
        if lost { Err(unavailable(operation, "the connection broke")) } else { Ok(()) }
    }

    /// Whether this process is to die before it hears of its commit.
    fn dies(&self) -> bool {
        let mut state = lock(&self.stores.state);
        let dies = state.kills == Some(self.slot);
        if dies {
            state.kills = None;
            let kill = state.kill.clone();
            drop(state);
            kill(self.slot);
        }
        dies
    }

    fn note_changes(&self, changes: &[Change]) {
        for change in changes {
            self.stores.history.note(Event::Written { change: change.clone() });
        }
    }
}

macro_rules! seam {
    ({ $($noted:tt)* } $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for SimStore {
            $($noted)*

            $(async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                let store = self.reach(stringify!($name)).await?;
                let answer = store.$name($($arg),*).await;
                self.back(stringify!($name)).await?;
                answer
            })*
        }
    };
}

seam! {
    {
        fn kind(&self) -> &'static str {
            "simulated"
        }

        fn durability(&self) -> Durability {
            Durability::Fsync
        }

        fn writable(&self) -> watch::Receiver<bool> {
            self.works.subscribe()
        }

        async fn append(&self, batch: Vec<Append>) -> Result<Vec<Result<Appended, AppendError>>, StoreError> {
            let store = self.reach("append").await?;
            let answers = store.append(batch.clone()).await?;
            for (append, answer) in batch.iter().zip(&answers) {
                if let Ok(Appended { seq, fresh: true, .. }) = *answer {
                    let (key, conversation, author) = (append.key, append.conversation, append.author);
                    let text = append.text.clone();
                    let credential = append.credential;
                    self.stores.history.note(Event::Appended { slot: self.slot, key, conversation, seq, author, text, credential });
                }
            }
            if self.dies() {
                std::future::pending::<()>().await;
            }
            self.back("append").await?;
            Ok(answers)
        }

        async fn create_group(
            &self,
            owner: UserId,
            name: &str,
            members: &[UserId],
            at: Millis,
        ) -> Result<(ConversationId, Vec<Change>), StoreError> {
            let store = self.reach("create a group").await?;
            let (conversation, changes) = store.create_group(owner, name, members, at).await?;
            self.note_changes(&changes);
            self.back("create a group").await?;
            Ok((conversation, changes))
        }

        async fn amend(
            &self,
            actor: UserId,
            conversation: ConversationId,
            amendment: Amendment,
            at: Millis,
        ) -> Result<Vec<Change>, StoreError> {
            let store = self.reach("amend").await?;
            let changes = store.amend(actor, conversation, amendment, at).await?;
            self.note_changes(&changes);
            if self.dies() {
                std::future::pending::<()>().await;
            }
            self.back("amend").await?;
            Ok(changes)
        }

        async fn end_session(&self, user: UserId, session: SessionId, at: Millis) -> Result<bool, StoreError> {
            let store = self.reach("end a session").await?;
            let ended = store.end_session(user, session, at).await?;
            if ended {
                self.stores.note_ended(&[Credential::Session(session)]);
            }
            self.back("end a session").await?;
            Ok(ended)
        }

        async fn end_sessions(
            &self,
            user: UserId,
            keep: Option<SessionId>,
            at: Millis,
        ) -> Result<Vec<Credential>, StoreError> {
            let store = self.reach("end sessions").await?;
            let ended = store.end_sessions(user, keep, at).await?;
            self.stores.note_ended(&ended);
            self.back("end sessions").await?;
            Ok(ended)
        }
    }

    fn epoch() -> Epoch;
    fn probe() -> ();
    fn follow(position: Option<Position>) -> Followed;
    fn range(reader: UserId, conversation: ConversationId, from: Seq, to: Seq) -> Range;
    fn changes(conversation: ConversationId, from: Seq, to: Seq) -> Vec<Change>;
    fn resume(user: UserId, since: Option<Position>) -> Resume;
    fn membership(conversation: ConversationId) -> Membership;
    fn advance(user: UserId, conversation: ConversationId, delivered: Seq, read: Seq) -> CursorState;
    fn direct(user: UserId, peer: UserId, at: Millis) -> (ConversationId, bool);
    fn conversations(user: UserId) -> Vec<Conversation>;
    fn conversation(user: UserId, conversation: ConversationId) -> Conversation;
    fn search(user: UserId, search: Search) -> Found;
    fn index() -> ();
    fn create_account(account: NewAccount) -> Account;
    fn has_accounts() -> bool;
    fn account(name: &str) -> Option<Account>;
    fn user(user: UserId) -> Option<User>;
    fn user_named(name: &str) -> Option<User>;
    fn directory(query: &str, limit: u32) -> Vec<User>;
    fn set_display_name(user: UserId, display_name: &str) -> ();
    fn set_password(user: UserId, password: &str, at: Millis) -> Vec<Credential>;
    fn accounts(query: &str, limit: u32, now: Millis) -> Vec<AccountRow>;
    fn set_disabled(user: UserId, disabled: bool, at: Millis) -> Vec<Credential>;
    fn set_last_seen(users: &[UserId], at: Millis) -> ();
    fn last_seen(users: &[UserId]) -> Vec<Presence>;
    fn create_session(session: NewSession) -> ();
    fn session(token: &[u8; 32], now: Millis) -> Option<Identity>;
    fn is_valid(credential: Credential, now: Millis) -> bool;
    fn sessions(user: UserId, now: Millis) -> Vec<SessionRow>;
    fn create_token(user: UserId, label: &str, token: [u8; 32], at: Millis) -> u64;
    fn token(token: &[u8; 32], now: Millis) -> Option<Identity>;
    fn tokens(user: UserId) -> Vec<TokenRow>;
    fn revoke_token(user: UserId, token: u64) -> bool;
    fn create_invite(by: UserId, invite: [u8; 32], uses: u32, expires: Millis) -> ();
    fn invite_is_valid(invite: &[u8; 32], now: Millis) -> bool;
}

//! The trait: each method is handed to the writer or to the readers.

use async_trait::async_trait;
use tokio::sync::watch;
use trunkline_protocol::{
    Change, Conversation, ConversationId, Epoch, Millis, Position, Presence, Seq, SessionId, User, UserId,
};

use super::cursors::Move;
use super::uses::Use;
use super::{PostgresStore, conversations, groups, invites, log, people, search, sessions, tokens};
use crate::search::{Found, Search};
use crate::store::{
    Account, AccountRow, Amendment, Append, AppendError, Appended, Credential, CursorState, Durability, Followed,
    Identity, Membership, NewAccount, NewSession, Range, Resume, SessionRow, Store, StoreError, TokenRow,
};

/// Names the operation that a fault was part of.
macro_rules! during {
    ($operation:literal, $work:expr) => {
        $work.await.map_err(|fault| fault.during($operation))
    };
}

#[async_trait]
impl Store for PostgresStore {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn durability(&self) -> Durability {
        self.durability
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        during!("read the epoch", conversations::epoch(&self.readers))
    }

    fn writable(&self) -> watch::Receiver<bool> {
        self.writer.works()
    }

    async fn probe(&self) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO commits (position) SELECT next_position() RETURNING position";
        during!("write anything", self.writer.query(SQL, &[])).map(drop)
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Result<Appended, AppendError>>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.writer.append(batch).await
    }

    async fn follow(&self, position: Option<Position>) -> Result<Followed, StoreError> {
        during!("follow the log", log::follow(&self.readers, position))
    }

    async fn range(
        &self,
        reader: UserId,
        conversation: ConversationId,
        from: Seq,
        to: Seq,
    ) -> Result<Range, StoreError> {
        during!("read a range", log::range(&self.readers, reader, conversation, from, to))
    }

    async fn changes(&self, conversation: ConversationId, from: Seq, to: Seq) -> Result<Vec<Change>, StoreError> {
        during!("read changes", log::changes(&self.readers, conversation, from, to))
    }

    async fn resume(&self, user: UserId, since: Option<Position>) -> Result<Resume, StoreError> {
        during!("read what a device needs", conversations::resume(&self.readers, user, since))
    }

    async fn membership(&self, conversation: ConversationId) -> Result<Membership, StoreError> {
        during!("read a membership", conversations::membership(&self.readers, conversation))
    }

    async fn advance(
        &self,
        user: UserId,
        conversation: ConversationId,
        delivered: Seq,
        read: Seq,
    ) -> Result<CursorState, StoreError> {
        self.writer.advance(Move { user, conversation, delivered, read }).await
    }

    async fn direct(&self, user: UserId, peer: UserId, at: Millis) -> Result<(ConversationId, bool), StoreError> {
        let work = conversations::direct(&self.readers, &self.writer, user, peer, at);
        during!("open a direct conversation", work)
    }

    async fn create_group(
        &self,
        owner: UserId,
        name: &str,
        members: &[UserId],
        at: Millis,
    ) -> Result<(ConversationId, Vec<Change>), StoreError> {
        during!("create a group", groups::create(&self.readers, &self.writer, owner, name, members, at))
    }

    async fn amend(
        &self,
        actor: UserId,
        conversation: ConversationId,
        amendment: Amendment,
        at: Millis,
    ) -> Result<Vec<Change>, StoreError> {
        let work = groups::amend(&self.readers, &self.writer, actor, conversation, amendment, at);
        during!("amend a group", work)
    }

    async fn conversations(&self, user: UserId) -> Result<Vec<Conversation>, StoreError> {
        during!("read conversations", conversations::conversations(&self.readers, user))
    }

    async fn conversation(&self, user: UserId, conversation: ConversationId) -> Result<Conversation, StoreError> {
        during!("read a conversation", conversations::conversation(&self.readers, user, conversation))
    }

    async fn search(&self, user: UserId, search: Search) -> Result<Found, StoreError> {
        during!("search messages", search::search(&self.readers, user, &search))
    }

    async fn index(&self) -> Result<(), StoreError> {
        self.indexer.run().await
    }

    async fn create_account(&self, account: NewAccount) -> Result<Account, StoreError> {
        during!("create an account", people::create(&self.writer, account))
    }

    async fn has_accounts(&self) -> Result<bool, StoreError> {
        during!("look for accounts", people::has_any(&self.readers))
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        during!("read an account", people::account(&self.readers, name))
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        during!("read a user", people::user(&self.readers, user))
    }

    async fn user_named(&self, name: &str) -> Result<Option<User>, StoreError> {
        during!("read a user", people::user_named(&self.readers, name))
    }

    async fn directory(&self, query: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        during!("search the directory", people::directory(&self.readers, query, limit))
    }

    async fn set_display_name(&self, user: UserId, display_name: &str) -> Result<(), StoreError> {
        during!("change a display name", people::set_display_name(&self.writer, user, display_name))
    }

    async fn set_password(&self, user: UserId, password: &str, at: Millis) -> Result<Vec<Credential>, StoreError> {
        during!("change a password", people::set_password(&self.writer, user, password, at))
    }

    async fn accounts(&self, query: &str, limit: u32, now: Millis) -> Result<Vec<AccountRow>, StoreError> {
        during!("list accounts", people::accounts(&self.readers, query, limit, now))
    }

    async fn set_disabled(&self, user: UserId, disabled: bool, at: Millis) -> Result<Vec<Credential>, StoreError> {
        during!("disable or enable an account", people::set_disabled(&self.writer, user, disabled, at))
    }

    async fn set_last_seen(&self, users: &[UserId], at: Millis) -> Result<(), StoreError> {
        during!("note who was seen", people::set_last_seen(&self.writer, users, at))
    }

    async fn last_seen(&self, users: &[UserId]) -> Result<Vec<Presence>, StoreError> {
        during!("read who was seen", people::last_seen(&self.readers, users))
    }

    async fn create_session(&self, session: NewSession) -> Result<(), StoreError> {
        during!("create a session", sessions::create(&self.writer, &session))
    }

    async fn session(&self, token: &[u8; 32], now: Millis) -> Result<Option<Identity>, StoreError> {
        let found = during!("read a session", sessions::find(&self.readers, token, now))?;
        if found.as_ref().is_some_and(|found| found.note) {
            self.writer.note(Use { by_token: false, secret: *token, at: now });
        }
        Ok(found.map(|found| found.identity))
    }

    async fn is_valid(&self, credential: Credential, now: Millis) -> Result<bool, StoreError> {
        during!("check a credential", sessions::is_valid(&self.readers, credential, now))
    }

    async fn sessions(&self, user: UserId, now: Millis) -> Result<Vec<SessionRow>, StoreError> {
        during!("read sessions", sessions::list(&self.readers, user, now))
    }

    async fn end_session(&self, user: UserId, session: SessionId, at: Millis) -> Result<bool, StoreError> {
        during!("end a session", sessions::end(&self.writer, user, session, at))
    }

    async fn end_sessions(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        at: Millis,
    ) -> Result<Vec<Credential>, StoreError> {
        during!("end sessions", sessions::end_all(&self.writer, user, keep, at))
    }

    async fn create_token(&self, user: UserId, label: &str, token: [u8; 32], at: Millis) -> Result<u64, StoreError> {
        during!("create a token", tokens::create(&self.writer, user, label, &token, at))
    }

    async fn token(&self, token: &[u8; 32], now: Millis) -> Result<Option<Identity>, StoreError> {
        let found = during!("read a token", tokens::find(&self.readers, token, now))?;
        if found.as_ref().is_some_and(|found| found.note) {
            self.writer.note(Use { by_token: true, secret: *token, at: now });
        }
        Ok(found.map(|found| found.identity))
    }

    async fn tokens(&self, user: UserId) -> Result<Vec<TokenRow>, StoreError> {
        during!("read tokens", tokens::list(&self.readers, user))
    }

    async fn revoke_token(&self, user: UserId, token: u64) -> Result<bool, StoreError> {
        during!("revoke a token", tokens::revoke(&self.writer, user, token))
    }

    async fn create_invite(&self, by: UserId, invite: [u8; 32], uses: u32, expires: Millis) -> Result<(), StoreError> {
        during!("create an invite", invites::create(&self.writer, by, &invite, uses, expires))
    }

    async fn invite_is_valid(&self, invite: &[u8; 32], now: Millis) -> Result<bool, StoreError> {
        during!("check an invite", invites::is_valid(&self.readers, invite, now))
    }
}

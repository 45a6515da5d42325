//! The trait: each method is handed to the writer or to a reader.

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::watch;
use trunkline_protocol::{
    Change, Conversation, ConversationId, Epoch, Millis, Position, Presence, Seq, SessionId, User, UserId,
};

use super::writer::Write;
use super::{
    SqliteStore, append, conversations, cursors, groups, indexer, invites, log, people, search, sessions, tokens,
};
use crate::search::{Found, Search};
use crate::store::{
    Account, AccountRow, Amendment, Append, AppendError, Appended, Credential, CursorState, Durability, Followed,
    Identity, Membership, NewAccount, NewSession, Range, Resume, SessionRow, Store, StoreError, TokenRow,
};

#[async_trait]
impl Store for SqliteStore {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    fn durability(&self) -> Durability {
        self.durability
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.readers.read("read the epoch", conversations::epoch).await
    }

    fn writable(&self) -> watch::Receiver<bool> {
        self.writer.works()
    }

    async fn probe(&self) -> Result<(), StoreError> {
        // SQLite writes no page that stays as it was, so the position has to move.
        let work = |write: &Write<'_>| {
            write.position();
            Ok(())
        };
        self.writer.write("write anything", work).await
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Result<Appended, AppendError>>, StoreError> {
        self.writer.write("append messages", move |write| append::append(write, &batch)).await
    }

    async fn follow(&self, position: Option<Position>) -> Result<Followed, StoreError> {
        self.readers.read("follow the log", move |read| log::follow(read, position)).await
    }

    async fn range(
        &self,
        reader: UserId,
        conversation: ConversationId,
        from: Seq,
        to: Seq,
    ) -> Result<Range, StoreError> {
        self.readers.read("read a range", move |read| log::range(read, reader, conversation, from, to)).await
    }

    async fn changes(&self, conversation: ConversationId, from: Seq, to: Seq) -> Result<Vec<Change>, StoreError> {
        self.readers.read("read changes", move |read| log::changes(read, conversation, from, to)).await
    }

    async fn resume(&self, user: UserId, since: Option<Position>) -> Result<Resume, StoreError> {
        self.readers.read("read what a device needs", move |read| conversations::resume(read, user, since)).await
    }

    async fn membership(&self, conversation: ConversationId) -> Result<Membership, StoreError> {
        self.readers.read("read a membership", move |read| conversations::membership(read, conversation)).await
    }

    async fn advance(
        &self,
        user: UserId,
        conversation: ConversationId,
        delivered: Seq,
        read: Seq,
    ) -> Result<CursorState, StoreError> {
        let work = move |write: &Write<'_>| cursors::advance(write, user, conversation, delivered, read);
        self.writer.write("move a cursor", work).await
    }

    async fn direct(&self, user: UserId, peer: UserId, at: Millis) -> Result<(ConversationId, bool), StoreError> {
        let work = move |write: &Write<'_>| conversations::direct(write, user, peer, at);
        self.writer.write("open a direct conversation", work).await
    }

    async fn create_group(
        &self,
        owner: UserId,
        name: &str,
        members: &[UserId],
        at: Millis,
    ) -> Result<(ConversationId, Vec<Change>), StoreError> {
        let (name, members) = (name.to_owned(), members.to_owned());
        let work = move |write: &Write<'_>| groups::create(write, owner, &name, &members, at);
        self.writer.write("create a group", work).await
    }

    async fn amend(
        &self,
        actor: UserId,
        conversation: ConversationId,
        amendment: Amendment,
        at: Millis,
    ) -> Result<Vec<Change>, StoreError> {
        let work = move |write: &Write<'_>| groups::amend(write, actor, conversation, amendment, at);
        self.writer.write("amend a group", work).await
    }

    async fn conversations(&self, user: UserId) -> Result<Vec<Conversation>, StoreError> {
        self.readers.read("read conversations", move |read| conversations::conversations(read, user)).await
    }

    async fn conversation(&self, user: UserId, conversation: ConversationId) -> Result<Conversation, StoreError> {
        let work = move |read: &Connection| conversations::conversation(read, user, conversation);
        self.readers.read("read a conversation", work).await
    }

    async fn search(&self, user: UserId, search: Search) -> Result<Found, StoreError> {
        self.readers.read("search messages", move |read| search::search(read, user, &search)).await
    }

    async fn index(&self) -> Result<(), StoreError> {
        match &self.indexer {
            Some(indexer) => indexer.run().await,
            None => indexer::catch_up(&self.readers, &self.writer).await,
        }
    }

    async fn create_account(&self, account: NewAccount) -> Result<Account, StoreError> {
        self.writer.write("create an account", move |write| people::create(write, account)).await
    }

    async fn has_accounts(&self) -> Result<bool, StoreError> {
        self.readers.read("look for accounts", people::has_any).await
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let name = name.to_owned();
        self.readers.read("read an account", move |read| people::account(read, &name)).await
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.readers.read("read a user", move |read| people::user(read, user)).await
    }

    async fn user_named(&self, name: &str) -> Result<Option<User>, StoreError> {
        let name = name.to_owned();
        self.readers.read("read a user", move |read| people::user_named(read, &name)).await
    }

    async fn directory(&self, query: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        let query = query.to_owned();
        self.readers.read("search the directory", move |read| people::directory(read, &query, limit)).await
    }

    async fn set_display_name(&self, user: UserId, display_name: &str) -> Result<(), StoreError> {
        let display_name = display_name.to_owned();
        let work = move |write: &Write<'_>| people::set_display_name(write, user, &display_name);
        self.writer.write("change a display name", work).await
    }

    async fn set_password(&self, user: UserId, password: &str, at: Millis) -> Result<Vec<Credential>, StoreError> {
        let password = password.to_owned();
        let work = move |write: &Write<'_>| people::set_password(write, user, &password, at);
        self.writer.write("change a password", work).await
    }

    async fn accounts(&self, query: &str, limit: u32, now: Millis) -> Result<Vec<AccountRow>, StoreError> {
        let query = query.to_owned();
        self.readers.read("list accounts", move |read| people::accounts(read, &query, limit, now)).await
    }

    async fn set_disabled(&self, user: UserId, disabled: bool, at: Millis) -> Result<Vec<Credential>, StoreError> {
        let work = move |write: &Write<'_>| people::set_disabled(write, user, disabled, at);
        self.writer.write("disable or enable an account", work).await
    }

    async fn set_last_seen(&self, users: &[UserId], at: Millis) -> Result<(), StoreError> {
        let users = users.to_owned();
        self.writer.write("note who was seen", move |write| people::set_last_seen(write, &users, at)).await
    }

    async fn last_seen(&self, users: &[UserId]) -> Result<Vec<Presence>, StoreError> {
        let users = users.to_owned();
        self.readers.read("read who was seen", move |read| people::last_seen(read, &users)).await
    }

    async fn create_session(&self, session: NewSession) -> Result<(), StoreError> {
        self.writer.write("create a session", move |write| sessions::create(write, &session)).await
    }

    async fn session(&self, token: &[u8; 32], now: Millis) -> Result<Option<Identity>, StoreError> {
        let token = *token;
        let found = self.readers.read("read a session", move |read| sessions::find(read, &token, now)).await?;
        if found.as_ref().is_some_and(|found| found.note) {
            self.writer.note("note a session's use", move |write| sessions::note_use(write, &token, now));
        }
        Ok(found.map(|found| found.identity))
    }

    async fn is_valid(&self, credential: Credential, now: Millis) -> Result<bool, StoreError> {
        self.readers.read("check a credential", move |read| sessions::is_valid(read, credential, now)).await
    }

    async fn sessions(&self, user: UserId, now: Millis) -> Result<Vec<SessionRow>, StoreError> {
        self.readers.read("read sessions", move |read| sessions::list(read, user, now)).await
    }

    async fn end_session(&self, user: UserId, session: SessionId, at: Millis) -> Result<bool, StoreError> {
        self.writer.write("end a session", move |write| sessions::end(write, user, session, at)).await
    }

    async fn end_sessions(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        at: Millis,
    ) -> Result<Vec<Credential>, StoreError> {
        self.writer.write("end sessions", move |write| sessions::end_all(write, user, keep, at)).await
    }

    async fn create_token(&self, user: UserId, label: &str, token: [u8; 32], at: Millis) -> Result<u64, StoreError> {
        let label = label.to_owned();
        self.writer.write("create a token", move |write| tokens::create(write, user, &label, &token, at)).await
    }

    async fn token(&self, token: &[u8; 32], now: Millis) -> Result<Option<Identity>, StoreError> {
        let token = *token;
        let found = self.readers.read("read a token", move |read| tokens::find(read, &token, now)).await?;
        if found.as_ref().is_some_and(|found| found.note) {
            self.writer.note("note a token's use", move |write| tokens::note_use(write, &token, now));
        }
        Ok(found.map(|found| found.identity))
    }

    async fn tokens(&self, user: UserId) -> Result<Vec<TokenRow>, StoreError> {
        self.readers.read("read tokens", move |read| tokens::list(read, user)).await
    }

    async fn revoke_token(&self, user: UserId, token: u64) -> Result<bool, StoreError> {
        self.writer.write("revoke a token", move |write| tokens::revoke(write, user, token)).await
    }

    async fn create_invite(&self, by: UserId, invite: [u8; 32], uses: u32, expires: Millis) -> Result<(), StoreError> {
        let work = move |write: &Write<'_>| invites::create(write, by, &invite, uses, expires);
        self.writer.write("create an invite", work).await
    }

    async fn invite_is_valid(&self, invite: &[u8; 32], now: Millis) -> Result<bool, StoreError> {
        let invite = *invite;
        self.readers.read("check an invite", move |read| invites::is_valid(read, &invite, now)).await
    }
}

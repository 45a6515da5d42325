//! The server's side of [`super`]: the trait that it implements, and who calls.

use super::admin::Admin;
use super::delivery::{Delivery, SentMessages};
use super::{ChatSnapshot, Doors, GroupAmendment, Person, Refusal, Settings, Viewer};
use async_trait::async_trait;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use trunkline_protocol::{Change, Conversation, ConversationId, ErrorCode, Millis, Seq, SessionId, User, UserId};

/// How the pages reach the server: provided as a context, and as an extension of every request.
pub type SharedBackend = Arc<dyn Backend>;

/// Who sent an HTTP request. The server puts it into the request's extensions after checking the cookie.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who is logged in, if anyone.
    pub viewer: Option<Viewer>,
    /// The client's address, behind trusted proxies too.
    pub address: IpAddr,
    /// What the browser calls itself (the `User-Agent` header).
    pub agent: String,
}

impl Caller {
    /// Who is logged in.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] if nobody is.
    pub fn require(&self) -> Result<&Viewer, Refusal> {
        self.viewer.as_ref().ok_or_else(|| Refusal::new(ErrorCode::Unauthorized, "Please log in."))
    }
}

/// A `Set-Cookie` header's value.
pub type SetCookie = String;

/// A part of a log by itself, far from its end.
#[derive(Clone, Debug)]
pub struct Passage {
    /// Who looks.
    pub viewer: Viewer,
    /// Whose log.
    pub conversation: Conversation,
    /// The change that was asked for.
    pub at: Seq,
    /// Ascending and dense, some before it and some after.
    pub changes: Vec<Change>,
    /// The change to ask for to see what stands before these, if there is something.
    pub earlier: Option<Seq>,
    /// The change to ask for to see what stands after these.
    pub later: Seq,
}

/// Messages that were found, newest first.
#[derive(Clone, Debug, Default)]
pub struct FoundPage {
    /// They. There may be more although there are few of them, or none.
    pub hits: Vec<FoundMessage>,
    /// Names the next page; `None` if there is none.
    pub next: Option<String>,
}

/// A message that was found.
#[derive(Clone, Debug)]
pub struct FoundMessage {
    /// Where it is.
    pub conversation: ConversationId,
    /// What that is called for the reader.
    pub name: String,
    /// Its place there.
    pub seq: Seq,
    /// When it was stored.
    pub at: Millis,
    /// Who wrote it.
    pub author: Option<User>,
    /// Its text.
    pub text: String,
    /// What of the text was searched for: ranges of bytes, ascending, apart, on whole characters.
    pub highlights: Vec<Range<usize>>,
}

/// What the pages need of the server. Every error is a [`Refusal`] that may be shown to the user.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Who may register, and whether an account exists yet.
    async fn doors(&self) -> Result<Doors, Refusal>;

    /// Whether an invite's secret (from its link) is good.
    async fn invite_is_valid(&self, invite: &str) -> Result<bool, Refusal>;

    /// Makes an account and logs it in.
    async fn register(
        &self,
        caller: &Caller,
        name: &str,
        display_name: &str,
        password: &str,
        invite: Option<&str>,
    ) -> Result<SetCookie, Refusal>;

    /// Logs in. The same answer, after the same time, for a wrong name and a wrong password.
    async fn log_in(&self, caller: &Caller, name: &str, password: &str) -> Result<SetCookie, Refusal>;

    /// Logs out; the cookie that clears.
    async fn log_out(&self, caller: &Caller) -> Result<SetCookie, Refusal>;

    /// The chat page, with the newest part of `open`. With `at` that part reaches back beyond this change, if it is near
    /// enough; else see [`Backend::passage`].
    async fn chat(
        &self,
        caller: &Caller,
        open: Option<ConversationId>,
        at: Option<Seq>,
    ) -> Result<ChatSnapshot, Refusal>;

    /// A part of a log around a change that is too far from the newest one to be shown in the chat; `None` if it is near
    /// enough, or the conversation is not the caller's.
    async fn passage(&self, caller: &Caller, conversation: ConversationId, at: Seq)
    -> Result<Option<Passage>, Refusal>;

    /// Messages that the caller finds: everywhere, or in one conversation. `before` is [`FoundPage::next`] of another page.
    /// `Invalid` for what can not be searched for.
    async fn search(
        &self,
        caller: &Caller,
        query: &str,
        conversation: Option<ConversationId>,
        before: Option<&str>,
    ) -> Result<FoundPage, Refusal>;

    /// People whose name contains `query`; empty for everyone. At most 50.
    async fn directory(&self, caller: &Caller, query: &str) -> Result<Vec<Person>, Refusal>;

    /// The direct conversation with a user; made if need be.
    async fn direct(&self, caller: &Caller, peer: UserId) -> Result<ConversationId, Refusal>;

    /// A new group, owned by the caller.
    async fn create_group(&self, caller: &Caller, name: &str, members: &[UserId]) -> Result<ConversationId, Refusal>;

    /// Changes a group.
    async fn amend(&self, caller: &Caller, conversation: ConversationId, change: GroupAmendment)
    -> Result<(), Refusal>;

    /// The settings page.
    async fn settings(&self, caller: &Caller) -> Result<Settings, Refusal>;

    /// Changes the shown name.
    async fn set_display_name(&self, caller: &Caller, display_name: &str) -> Result<(), Refusal>;

    /// Changes the password and ends all sessions and access tokens; the cookie of the session that goes on here.
    async fn change_password(&self, caller: &Caller, current: &str, new: &str) -> Result<SetCookie, Refusal>;

    /// Ends one of the caller's sessions.
    async fn end_session(&self, caller: &Caller, session: SessionId) -> Result<(), Refusal>;

    /// Ends all of the caller's sessions but this one.
    async fn end_other_sessions(&self, caller: &Caller) -> Result<(), Refusal>;

    /// Makes an access token; the secret is shown this once.
    async fn create_token(&self, caller: &Caller, label: &str) -> Result<String, Refusal>;

    /// Revokes one of the caller's access tokens.
    async fn revoke_token(&self, caller: &Caller, token: u64) -> Result<(), Refusal>;

    /// Makes an invite link's path with its secret, good for one week and ten accounts; administrators only.
    async fn create_invite(&self, caller: &Caller) -> Result<String, Refusal>;

    /// The way of a message: for who sent it, and for administrators.
    async fn delivery(&self, caller: &Caller, conversation: ConversationId, seq: Seq) -> Result<Delivery, Refusal>;

    /// The caller's own messages among the newest of a conversation.
    async fn sent_messages(&self, caller: &Caller, conversation: ConversationId) -> Result<SentMessages, Refusal>;

    /// The administrators' page, with the accounts whose name contains `query`. [`ErrorCode::Forbidden`] for others.
    async fn admin(&self, caller: &Caller, query: &str) -> Result<Admin, Refusal>;

    /// Disables an account, or enables it again; administrators only, and never their own.
    async fn set_disabled(&self, caller: &Caller, user: UserId, disabled: bool) -> Result<(), Refusal>;

    /// Ends all sessions of somebody; administrators only.
    async fn end_sessions_of(&self, caller: &Caller, user: UserId) -> Result<(), Refusal>;

    /// The OpenAPI document of the HTTP API, as JSON.
    fn openapi(&self) -> String;
}

//! The server's side of [`super`]: the trait that it implements, and who calls.

use super::admin::Admin;
use super::delivery::{Delivery, SentMessages};
use super::{ChatSnapshot, Doors, GroupAmendment, Person, Refusal, Settings, Viewer};
use async_trait::async_trait;
use std::net::IpAddr;
use std::sync::Arc;
use trunkline_protocol::{ConversationId, ErrorCode, Seq, SessionId, UserId};

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

    /// The chat page, with the newest part of `open`.
    async fn chat(&self, caller: &Caller, open: Option<ConversationId>) -> Result<ChatSnapshot, Refusal>;

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

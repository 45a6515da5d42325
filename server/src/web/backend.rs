//! What the pages need, from the node and the accounts.

use super::state::AppState;
use super::{admin, delivery, device, passage, search, session};
use crate::auth::accounts::{Origin, refusal, shown_name};
use crate::store::Amendment;
use async_trait::async_trait;
use std::collections::BTreeSet;
use trunkline_app::backend::admin::Admin;
use trunkline_app::backend::delivery::{Delivery, SentMessages};
use trunkline_app::backend::service::{Backend, Caller, FoundPage, Passage, SetCookie};
use trunkline_app::backend::{
    ChatSnapshot, Doors, GroupAmendment, Person, Refusal, Registration, SessionInfo, Settings, TokenInfo,
};
use trunkline_protocol::{ConversationId, ConversationKind, ErrorCode, Seq, SessionId, UserId, limits};

/// People in one answer of the directory.
const DIRECTORY: u32 = 50;

/// See the module.
pub struct PageBackend {
    state: AppState,
}

impl PageBackend {
    /// Counts a new conversation or a change to one against the caller's rate.
    fn admit_amendment(&self, me: UserId) -> Result<(), Refusal> {
        let sentence = "You are changing conversations faster than this server takes; please try again in a moment.";
        self.state.node.admit_amendment(me).map_err(|_| Refusal::new(ErrorCode::RateLimited, sentence))
    }

    /// For the pages of this site.
    #[must_use]
    pub const fn new(state: AppState) -> Self {
        Self { state }
    }

    fn cookie(&self, secret: &crate::auth::secrets::Secret) -> SetCookie {
        session::set_cookie(&self.state.config, secret.reveal(), self.state.accounts.lifetime())
    }
}

fn origin(caller: &Caller) -> Origin<'_> {
    Origin { address: caller.address, agent: &caller.agent, former: caller.viewer.as_ref() }
}

#[async_trait]
impl Backend for PageBackend {
    async fn doors(&self) -> Result<Doors, Refusal> {
        self.state.accounts.doors().await
    }

    async fn invite_is_valid(&self, invite: &str) -> Result<bool, Refusal> {
        self.state.accounts.invite_is_valid(invite).await
    }

    async fn register(
        &self,
        caller: &Caller,
        name: &str,
        display_name: &str,
        password: &str,
        invite: Option<&str>,
    ) -> Result<SetCookie, Refusal> {
        let secret = self.state.accounts.register(&origin(caller), name, display_name, password, invite).await?;
        Ok(self.cookie(&secret))
    }

    async fn log_in(&self, caller: &Caller, name: &str, password: &str) -> Result<SetCookie, Refusal> {
        let secret = self.state.accounts.log_in(&origin(caller), name, password).await?;
        Ok(self.cookie(&secret))
    }

    async fn log_out(&self, caller: &Caller) -> Result<SetCookie, Refusal> {
        if let Some(viewer) = &caller.viewer {
            self.state.accounts.end_session(viewer.user.id, viewer.session).await?;
        }
        Ok(session::clear_cookie(&self.state.config))
    }

    async fn chat(
        &self,
        caller: &Caller,
        open: Option<ConversationId>,
        at: Option<Seq>,
    ) -> Result<ChatSnapshot, Refusal> {
        let viewer = caller.require()?.clone();
        let me = viewer.user.id;
        let resume = self.state.node.store.resume(me, None).await.map_err(refusal)?;
        let mut conversations = resume.conversations;
        conversations
            .sort_by_key(|known| std::cmp::Reverse((known.last_message.as_ref().map(|message| message.at), known.id)));
        let open = match conversations.iter().find(|known| Some(known.id) == open) {
            Some(conversation) => Some((passage::open(&self.state, me, conversation, at).await?, conversation)),
            None => None,
        };
        let mut interesting: BTreeSet<UserId> = BTreeSet::new();
        for conversation in &conversations {
            let is_open = open.as_ref().is_some_and(|(open, _)| open.id == conversation.id);
            if is_open || conversation.kind == ConversationKind::Direct {
                interesting.extend(conversation.members.iter().map(|member| member.user.id));
            }
        }
        interesting.remove(&me);
        let interesting: Vec<_> = interesting.into_iter().take(limits::WATCHED_USERS).collect();
        Ok(ChatSnapshot {
            presence: self.state.node.presence(&interesting).await,
            open: open.map(|(open, _)| open),
            viewer,
            epoch: resume.epoch,
            position: resume.position,
            conversations,
            degraded: *self.state.node.degraded().borrow(),
        })
    }

    async fn passage(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        at: Seq,
    ) -> Result<Option<Passage>, Refusal> {
        passage::load(&self.state, caller.require()?, conversation, at).await
    }

    async fn search(
        &self,
        caller: &Caller,
        query: &str,
        conversation: Option<ConversationId>,
        before: Option<&str>,
    ) -> Result<FoundPage, Refusal> {
        search::page(&self.state, caller.require()?.user.id, query, conversation, before).await
    }

    async fn directory(&self, caller: &Caller, query: &str) -> Result<Vec<Person>, Refusal> {
        caller.require()?;
        let query: String = query.trim().chars().take(limits::NAME_CHARS).collect();
        let users = self.state.node.store.directory(&query, DIRECTORY).await.map_err(refusal)?;
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let presences = self.state.node.presence(&ids).await;
        Ok(users.into_iter().zip(presences).map(|(user, presence)| Person { user, presence }).collect())
    }

    async fn direct(&self, caller: &Caller, peer: UserId) -> Result<ConversationId, Refusal> {
        let me = caller.require()?.user.id;
        self.admit_amendment(me)?;
        self.state.node.open_direct(me, peer).await.map_err(refusal)
    }

    async fn create_group(&self, caller: &Caller, name: &str, members: &[UserId]) -> Result<ConversationId, Refusal> {
        let me = caller.require()?.user.id;
        let name = shown_name(name)?;
        self.admit_amendment(me)?;
        self.state.node.create_group(me, &name, members).await.map_err(refusal)
    }

    async fn amend(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        change: GroupAmendment,
    ) -> Result<(), Refusal> {
        let me = caller.require()?.user.id;
        let amendment = match change {
            GroupAmendment::AddMembers { members } => Amendment::AddMembers(members),
            GroupAmendment::RemoveMember { member } => Amendment::RemoveMember(member),
            GroupAmendment::Rename { name } => Amendment::Rename(shown_name(&name)?),
            GroupAmendment::ChangeOwner { owner } => Amendment::ChangeOwner(owner),
        };
        self.admit_amendment(me)?;
        self.state.node.amend(me, conversation, amendment).await.map_err(refusal)
    }

    async fn settings(&self, caller: &Caller) -> Result<Settings, Refusal> {
        let viewer = caller.require()?.clone();
        let store = &self.state.node.store;
        let sessions = store.sessions(viewer.user.id, crate::clock::now()).await.map_err(refusal)?;
        let tokens = store.tokens(viewer.user.id).await.map_err(refusal)?;
        let sessions = sessions.into_iter().map(|row| SessionInfo {
            id: row.id,
            device: device::describe(&row.device),
            created: row.created,
            last_used: row.last_used,
            current: row.id == viewer.session,
        });
        let tokens = tokens.into_iter().map(|row| TokenInfo {
            id: row.id,
            label: row.label,
            created: row.created,
            last_used: row.last_used,
        });
        Ok(Settings {
            sessions: sessions.collect(),
            tokens: tokens.collect(),
            registration: self.state.accounts.registration(),
            viewer,
        })
    }

    async fn set_display_name(&self, caller: &Caller, display_name: &str) -> Result<(), Refusal> {
        let me = caller.require()?.user.id;
        let name = shown_name(display_name)?;
        self.admit_amendment(me)?;
        self.state.node.rename(me, &name).await.map_err(refusal)
    }

    async fn change_password(&self, caller: &Caller, current: &str, new: &str) -> Result<SetCookie, Refusal> {
        let viewer = caller.require()?;
        let secret = self.state.accounts.change_password(viewer, &origin(caller), current, new).await?;
        Ok(self.cookie(&secret))
    }

    async fn end_session(&self, caller: &Caller, session: SessionId) -> Result<(), Refusal> {
        let me = caller.require()?.user.id;
        self.state.accounts.end_session(me, session).await
    }

    async fn end_other_sessions(&self, caller: &Caller) -> Result<(), Refusal> {
        let viewer = caller.require()?;
        self.state.accounts.end_others(viewer.user.id, viewer.session).await
    }

    async fn create_token(&self, caller: &Caller, label: &str) -> Result<String, Refusal> {
        let me = caller.require()?.user.id;
        Ok(self.state.accounts.create_token(me, label).await?.reveal().to_owned())
    }

    async fn revoke_token(&self, caller: &Caller, token: u64) -> Result<(), Refusal> {
        let me = caller.require()?.user.id;
        let revoked = self.state.node.store.revoke_token(me, token).await.map_err(refusal)?;
        if revoked {
            self.state.node.ended(&[crate::store::Credential::Token(token)]);
        }
        Ok(())
    }

    async fn create_invite(&self, caller: &Caller) -> Result<String, Refusal> {
        let viewer = caller.require()?;
        if !viewer.admin {
            return Err(Refusal::new(ErrorCode::Forbidden, "Only administrators can invite people."));
        }
        if self.state.accounts.registration() == Registration::Closed {
            return Err(Refusal::new(ErrorCode::Forbidden, "No new accounts can be made here."));
        }
        let secret = self.state.accounts.create_invite(viewer.user.id).await?;
        Ok(format!("/register?invite={}", secret.reveal()))
    }

    async fn delivery(&self, caller: &Caller, conversation: ConversationId, seq: Seq) -> Result<Delivery, Refusal> {
        let viewer = caller.require()?;
        delivery::load(&self.state, viewer.user.id, viewer.admin, (conversation, seq)).await
    }

    async fn sent_messages(&self, caller: &Caller, conversation: ConversationId) -> Result<SentMessages, Refusal> {
        delivery::sent(&self.state, caller.require()?.user.id, conversation).await
    }

    async fn admin(&self, caller: &Caller, query: &str) -> Result<Admin, Refusal> {
        admin::load(&self.state, caller.require()?, query).await
    }

    async fn set_disabled(&self, caller: &Caller, user: UserId, disabled: bool) -> Result<(), Refusal> {
        admin::set_disabled(&self.state, caller.require()?, user, disabled).await
    }

    async fn end_sessions_of(&self, caller: &Caller, user: UserId) -> Result<(), Refusal> {
        admin::end_sessions(&self.state, caller.require()?, user).await
    }

    fn openapi(&self) -> String {
        super::api::document()
    }
}

//! Everything on the settings page.
//!
//! Each function answers with the page as it is afterwards, and what was done: with scripts the page is brought up to
//! date by the answer itself; without, what was done travels to the reloaded page in a flash.
#![expect(missing_docs, reason = "the macro makes a struct of each function's arguments, which can not be documented")]

use crate::backend::{Refusal, Settings};
use crate::functions::form::{Answer, FormRefusal};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trunkline_protocol::SessionId;

/// What was done last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// The display name was changed.
    Named,
    /// The password was changed.
    PasswordChanged,
    /// One session was ended.
    SessionEnded,
    /// All other sessions were ended.
    OthersEnded,
    /// An access token was made.
    TokenMade {
        /// The token; it can not be shown again.
        secret: String,
    },
    /// An access token was revoked.
    TokenRevoked,
    /// An invite link was made.
    InviteMade {
        /// The link; it can not be shown again.
        link: String,
    },
}

/// What the settings page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsPage {
    /// The settings.
    pub settings: Settings,
    /// What was done last, if it was just now.
    pub done: Option<Done>,
}

/// The settings page. Who is not logged in is sent to the login page, and gets `None`.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if the store does not answer.
#[server(prefix = "/api/fn", endpoint = "load_settings")]
pub async fn load_settings() -> Result<Option<SettingsPage>, Refusal> {
    use crate::functions::{answer, backend, caller, flash};
    use crate::return_path::ReturnPath;

    let caller = caller()?;
    if caller.viewer.is_none() {
        answer::go(&ReturnPath::or_home("/settings").after("/login"));
        return Ok(None);
    }
    let settings = backend()?.settings(&caller).await?;
    Ok(Some(SettingsPage { settings, done: flash::take() }))
}

/// Changes the shown name.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Invalid`] for a name that is empty or too long.
#[server(prefix = "/api/fn", endpoint = "set_display_name")]
pub async fn set_display_name(#[server(default)] display_name: String) -> Result<Answer<SettingsPage>, FormRefusal> {
    use crate::functions::form::Check;

    let done = async || {
        let (backend, caller) = parties()?;
        Check::default().display_name(&display_name).finish()?;
        backend.set_display_name(&caller, display_name.trim()).await?;
        Ok(Done::Named)
    };
    respond(<SetDisplayName as leptos::server_fn::ServerFn>::PATH, "profile", done().await).await
}

/// Changes the password and ends all other sessions.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Unauthorized`] or [`trunkline_protocol::ErrorCode::Forbidden`] for a wrong current
/// password, and [`trunkline_protocol::ErrorCode::Invalid`] for a new one that is too short or too long.
#[server(prefix = "/api/fn", endpoint = "change_password")]
pub async fn change_password(current: String, new: String) -> Result<Answer<SettingsPage>, FormRefusal> {
    use crate::functions::form::{Check, Field};
    use trunkline_protocol::ErrorCode;

    let done = async || {
        let (backend, caller) = parties()?;
        Check::default().given(Field::CurrentPassword, &current).new_password(Field::NewPassword, &new).finish()?;
        backend.change_password(&caller, &current, &new).await.map_err(|refusal| match refusal.code {
            ErrorCode::Unauthorized | ErrorCode::Forbidden => FormRefusal::at(Field::CurrentPassword, refusal),
            ErrorCode::Invalid => FormRefusal::at(Field::NewPassword, refusal),
            _ => refusal.into(),
        })?;
        Ok(Done::PasswordChanged)
    };
    respond(<ChangePassword as leptos::server_fn::ServerFn>::PATH, "password", done().await).await
}

/// Ends one of the caller's sessions.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if it could not be ended.
#[server(prefix = "/api/fn", endpoint = "end_session")]
pub async fn end_session(session: SessionId) -> Result<Answer<SettingsPage>, FormRefusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        backend.end_session(&caller, session).await?;
        Ok(Done::SessionEnded)
    };
    respond(<EndSession as leptos::server_fn::ServerFn>::PATH, "sessions", done().await).await
}

/// Ends all of the caller's sessions but this one.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if they could not be ended.
#[server(prefix = "/api/fn", endpoint = "end_other_sessions")]
pub async fn end_other_sessions() -> Result<Answer<SettingsPage>, FormRefusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        backend.end_other_sessions(&caller).await?;
        Ok(Done::OthersEnded)
    };
    respond(<EndOtherSessions as leptos::server_fn::ServerFn>::PATH, "sessions", done().await).await
}

/// Makes an access token.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Invalid`] for a label that is empty or too long.
#[server(prefix = "/api/fn", endpoint = "create_token")]
pub async fn create_token(#[server(default)] label: String) -> Result<Answer<SettingsPage>, FormRefusal> {
    use crate::functions::form::Check;

    let done = async || {
        let (backend, caller) = parties()?;
        Check::default().label(&label).finish()?;
        Ok(Done::TokenMade { secret: backend.create_token(&caller, label.trim()).await? })
    };
    respond(<CreateToken as leptos::server_fn::ServerFn>::PATH, "tokens", done().await).await
}

/// Revokes one of the caller's access tokens.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if it could not be revoked.
#[server(prefix = "/api/fn", endpoint = "revoke_token")]
pub async fn revoke_token(token: u64) -> Result<Answer<SettingsPage>, FormRefusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        backend.revoke_token(&caller, token).await?;
        Ok(Done::TokenRevoked)
    };
    respond(<RevokeToken as leptos::server_fn::ServerFn>::PATH, "tokens", done().await).await
}

/// Makes an invite link.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Forbidden`] if the caller is no administrator.
#[server(prefix = "/api/fn", endpoint = "create_invite")]
pub async fn create_invite() -> Result<Answer<SettingsPage>, FormRefusal> {
    use crate::functions::answer;

    let done = async || {
        let (backend, caller) = parties()?;
        let path = backend.create_invite(&caller).await?;
        Ok(Done::InviteMade { link: format!("{}{path}", answer::origin()) })
    };
    respond(<CreateInvite as leptos::server_fn::ServerFn>::PATH, "invites", done().await).await
}

/// The server and who asks, if they are logged in.
#[cfg(feature = "ssr")]
fn parties() -> Answer<(crate::backend::service::SharedBackend, crate::backend::service::Caller)> {
    let caller = crate::functions::caller()?;
    caller.require()?;
    Ok((crate::functions::backend()?, caller))
}

/// Answers with the page as it is after what was done.
#[cfg(feature = "ssr")]
async fn respond(
    function: &'static str,
    anchor: &'static str,
    done: Answer<Done>,
) -> Result<Answer<SettingsPage>, FormRefusal> {
    let way = crate::functions::answer::Way { function, page: "/settings", anchor };
    let page = async |done| {
        let (backend, caller) = parties()?;
        Ok(SettingsPage { settings: backend.settings(&caller).await?, done: Some(done) })
    };
    match done {
        Ok(done) => match page(done).await {
            Ok(page) => {
                let note = page.done.clone();
                way.done(page, &note)
            }
            Err(refusal) => way.refused(refusal, None::<&Done>),
        },
        Err(refusal) => way.refused(refusal, None::<&Done>),
    }
}

//! Everything on the settings page.
//!
//! Each function sends the browser back to the page, with a note of what was done or why it was not.
#![expect(missing_docs, reason = "the macro makes a struct of each function's arguments, which can not be documented")]

use crate::backend::Refusal;
#[cfg(feature = "ssr")]
use crate::functions::{
    answer::{self, Way},
    form::{Check, Field, Problems, Refused, Typed},
};
use leptos::prelude::*;
#[cfg(feature = "ssr")]
use leptos::server_fn::ServerFn;
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
    /// An account was disabled, by an administrator.
    AccountDisabled,
    /// An account was enabled, by an administrator.
    AccountEnabled,
    /// Somebody's sessions were ended, by an administrator.
    SessionsEnded,
}

/// What the settings page shows.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsPage {
    /// The settings.
    pub settings: crate::backend::Settings,
    /// What was done last, if it was just now.
    pub done: Option<Done>,
    /// The form that was refused just now, if one was.
    pub refused: Refused,
}

/// The settings page. Who is not logged in is sent to the login page, and gets `None`.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if the store does not answer.
#[cfg(feature = "ssr")]
pub async fn load_settings() -> Result<Option<SettingsPage>, Refusal> {
    use crate::functions::{backend, caller, flash};
    use crate::return_path::ReturnPath;

    let caller = caller()?;
    if caller.viewer.is_none() {
        answer::go(&ReturnPath::or_home("/settings").after("/login"));
        return Ok(None);
    }
    let settings = backend()?.settings(&caller).await?;
    let (done, refused) = flash::take();
    Ok(Some(SettingsPage { settings, done, refused }))
}

/// Changes the shown name.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "set_display_name")]
pub async fn set_display_name(#[server(default)] display_name: String) -> Result<(), Refusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        Check::default().display_name(&display_name).finish()?;
        backend.set_display_name(&caller, display_name.trim()).await?;
        Ok::<_, Problems>(Done::Named)
    };
    respond(SetDisplayName::PATH, "profile", done().await, Typed { display_name, ..Typed::default() });
    Ok(())
}

/// Changes the password, and ends all other sessions and all access tokens.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "change_password")]
pub async fn change_password(
    #[server(default)] current: String,
    #[server(default)] new: String,
) -> Result<(), Refusal> {
    use trunkline_protocol::ErrorCode;

    let done = async || {
        let (backend, caller) = parties()?;
        Check::default().given(Field::CurrentPassword, &current).new_password(Field::NewPassword, &new).finish()?;
        let changed = backend.change_password(&caller, &current, &new).await;
        let cookie = changed.map_err(|refusal| match refusal.code {
            ErrorCode::Unauthorized | ErrorCode::Forbidden => Problems::at(Field::CurrentPassword, refusal),
            ErrorCode::Invalid => Problems::at(Field::NewPassword, refusal),
            _ => refusal.into(),
        })?;
        answer::add_header(leptos::server_fn::http_export::header::SET_COOKIE, &cookie);
        Ok::<_, Problems>(Done::PasswordChanged)
    };
    respond(ChangePassword::PATH, "password", done().await, Typed::default());
    Ok(())
}

/// Ends one of the caller's sessions.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "end_session")]
pub async fn end_session(session: SessionId) -> Result<(), Refusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        backend.end_session(&caller, session).await?;
        Ok::<_, Problems>(Done::SessionEnded)
    };
    respond(EndSession::PATH, "sessions", done().await, Typed::default());
    Ok(())
}

/// Ends all of the caller's sessions but this one.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "end_other_sessions")]
pub async fn end_other_sessions() -> Result<(), Refusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        backend.end_other_sessions(&caller).await?;
        Ok::<_, Problems>(Done::OthersEnded)
    };
    respond(EndOtherSessions::PATH, "sessions", done().await, Typed::default());
    Ok(())
}

/// Makes an access token.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "create_token")]
pub async fn create_token(#[server(default)] label: String) -> Result<(), Refusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        Check::default().label(&label).finish()?;
        Ok::<_, Problems>(Done::TokenMade { secret: backend.create_token(&caller, label.trim()).await? })
    };
    respond(CreateToken::PATH, "tokens", done().await, Typed { label, ..Typed::default() });
    Ok(())
}

/// Revokes one of the caller's access tokens.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "revoke_token")]
pub async fn revoke_token(token: u64) -> Result<(), Refusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        backend.revoke_token(&caller, token).await?;
        Ok::<_, Problems>(Done::TokenRevoked)
    };
    respond(RevokeToken::PATH, "tokens", done().await, Typed::default());
    Ok(())
}

/// Makes an invite link.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "create_invite")]
pub async fn create_invite() -> Result<(), Refusal> {
    let done = async || {
        let (backend, caller) = parties()?;
        let path = backend.create_invite(&caller).await?;
        Ok::<_, Problems>(Done::InviteMade { link: format!("{}{path}", answer::origin()) })
    };
    respond(CreateInvite::PATH, "invites", done().await, Typed::default());
    Ok(())
}

/// The server and who asks, if they are logged in.
#[cfg(feature = "ssr")]
fn parties() -> Result<(crate::backend::service::SharedBackend, crate::backend::service::Caller), Refusal> {
    let caller = crate::functions::caller()?;
    caller.require()?;
    Ok((crate::functions::backend()?, caller))
}

/// Sends the browser back to the part of the page that holds the form.
#[cfg(feature = "ssr")]
fn respond(form: &'static str, anchor: &'static str, done: Result<Done, Problems>, typed: Typed) {
    let way = Way { form, page: "/settings", anchor };
    match done {
        Ok(done) => way.done(done),
        Err(problems) => way.refused(problems, typed),
    }
}

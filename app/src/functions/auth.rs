//! Logging in and out, and new accounts.
//!
//! All of them are POSTs: a password never stands in an address. With scripts the answer says where to go and the page
//! goes there as a fresh document, so that nothing of one login is left for the next; without, it is a redirection.
#![expect(missing_docs, reason = "the macro makes a struct of each function's arguments, which can not be documented")]

use crate::backend::{Doors, Refusal};
use crate::functions::form::{Answer, FormRefusal};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What was typed before a form was refused, without the password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// The name.
    pub name: String,
    /// The name on screen; empty on the login form.
    pub display_name: String,
}

/// What the login and register pages show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrance {
    /// Who may register.
    pub doors: Doors,
    /// Whether the invite in the address is good; `None` if there is none.
    pub invited: Option<bool>,
    /// What to fill in again.
    pub typed: Typed,
}

/// The login and register pages. Who is logged in already is sent on to the chat, and gets `None`.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if the store does not answer.
#[server(prefix = "/api/fn", endpoint = "load_entrance")]
pub async fn load_entrance(#[server(default)] invite: String) -> Result<Option<Entrance>, Refusal> {
    use crate::functions::{answer, backend, caller, flash};

    if caller()?.viewer.is_some() {
        answer::go("/");
        return Ok(None);
    }
    let backend = backend()?;
    let doors = backend.doors().await?;
    let invited = if invite.is_empty() { None } else { Some(backend.invite_is_valid(&invite).await?) };
    Ok(Some(Entrance { doors, invited, typed: flash::take().unwrap_or_default() }))
}

/// Logs in; the path to go to.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Unauthorized`] for a wrong name or password, and
/// [`trunkline_protocol::ErrorCode::RateLimited`] after too many tries.
#[server(prefix = "/api/fn", endpoint = "log_in")]
pub async fn log_in(
    name: String,
    password: String,
    #[server(default)] next: String,
) -> Result<Answer<String>, FormRefusal> {
    use crate::functions::answer::Way;
    use crate::functions::form::{Check, Field};
    use crate::functions::{backend, caller};
    use crate::return_path::ReturnPath;
    use leptos::server_fn::ServerFn;

    let next = ReturnPath::or_home(&next);
    let enter = async || {
        Check::default().name(&name).given(Field::Password, &password).finish()?;
        Ok::<_, FormRefusal>(backend()?.log_in(&caller()?, name.trim(), &password).await?)
    };
    match enter().await {
        Ok(cookie) => Ok(Ok(entered(&cookie, &next))),
        Err(refusal) => Way { function: LogIn::PATH, page: &next.after("/login"), anchor: "" }
            .refused(refusal, Some(&Typed { name, display_name: String::new() })),
    }
}

/// Makes an account and logs it in; the path to go to.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Forbidden`] if this person may not register,
/// [`trunkline_protocol::ErrorCode::NameTaken`], or [`trunkline_protocol::ErrorCode::Invalid`].
#[server(prefix = "/api/fn", endpoint = "register")]
pub async fn register(
    name: String,
    #[server(default)] display_name: String,
    password: String,
    #[server(default)] invite: String,
    #[server(default)] next: String,
) -> Result<Answer<String>, FormRefusal> {
    use crate::functions::answer::Way;
    use crate::functions::form::{Check, Field};
    use crate::functions::{backend, caller};
    use crate::return_path::ReturnPath;
    use leptos::server_fn::ServerFn;
    use leptos_router::location::Url;
    use trunkline_protocol::ErrorCode;

    let next = ReturnPath::or_home(&next);
    let shown = if display_name.trim().is_empty() { name.trim() } else { display_name.trim() };
    let enter = async || {
        let check = Check::default().name(&name);
        let check = if name.trim().is_empty() { check } else { check.display_name(shown) };
        check.new_password(Field::Password, &password).finish()?;
        let invite = Some(invite.as_str()).filter(|invite| !invite.is_empty());
        let made = backend()?.register(&caller()?, name.trim(), shown, &password, invite).await;
        // Everything else was checked above, so what is invalid now is the name.
        made.map_err(|refusal| match refusal.code {
            ErrorCode::NameTaken | ErrorCode::Invalid => FormRefusal::at(Field::Name, refusal),
            _ => refusal.into(),
        })
    };
    match enter().await {
        Ok(cookie) => Ok(Ok(entered(&cookie, &next))),
        Err(refusal) => {
            let page = if invite.is_empty() {
                "/register".to_owned()
            } else {
                format!("/register?invite={}", Url::escape(&invite))
            };
            Way { function: Register::PATH, page: &next.after(&page), anchor: "" }
                .refused(refusal, Some(&Typed { name, display_name }))
        }
    }
}

/// Logs out; the path to go to.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if the session could not be ended.
#[server(prefix = "/api/fn", endpoint = "log_out")]
pub async fn log_out() -> Result<Answer<String>, FormRefusal> {
    use crate::functions::answer::Way;
    use crate::functions::{backend, caller};
    use crate::return_path::ReturnPath;
    use leptos::server_fn::ServerFn;

    let leave = async || Ok::<_, FormRefusal>(backend()?.log_out(&caller()?).await?);
    match leave().await {
        Ok(cookie) => Ok(Ok(entered(&cookie, &ReturnPath::or_home("/login")))),
        Err(refusal) => Way { function: LogOut::PATH, page: "/settings", anchor: "" }.refused(refusal, None::<&Typed>),
    }
}

/// Sets the session's cookie, and sends a plain form on.
#[cfg(feature = "ssr")]
fn entered(cookie: &str, next: &crate::return_path::ReturnPath) -> String {
    use crate::functions::answer;

    answer::add_header(leptos::server_fn::http_export::header::SET_COOKIE, cookie);
    if answer::is_plain() {
        answer::go(next.as_str());
    }
    next.to_string()
}

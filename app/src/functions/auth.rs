//! Logging in and out, and new accounts.
//!
//! All of them are POSTs: a password never stands in an address. Each answers with a redirection.
#![expect(missing_docs, reason = "the macro makes a struct of each function's arguments, which can not be documented")]

use crate::backend::Refusal;
#[cfg(feature = "ssr")]
use crate::functions::{
    answer::{self, Way},
    backend, caller,
    form::{Check, Field, Problems, Refused, Typed},
};
#[cfg(feature = "ssr")]
use crate::return_path::ReturnPath;
use leptos::prelude::*;
#[cfg(feature = "ssr")]
use leptos::server_fn::ServerFn;

/// What the login and register pages show.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// Who may register.
    pub doors: crate::backend::Doors,
    /// Whether the invite in the address is good; `None` if there is none.
    pub invited: Option<bool>,
    /// The form that was refused just now, if one was.
    pub refused: Refused,
}

/// The login and register pages. Who is logged in already is sent on to `next`, and gets `None`.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::StoreUnavailable`] if the store does not answer.
#[cfg(feature = "ssr")]
pub async fn load_entrance(invite: String, next: ReturnPath) -> Result<Option<Entrance>, Refusal> {
    if caller()?.viewer.is_some() {
        answer::go(next.as_str());
        return Ok(None);
    }
    let backend = backend()?;
    let doors = backend.doors().await?;
    let invited = if invite.is_empty() { None } else { Some(backend.invite_is_valid(&invite).await?) };
    let (_, refused) = crate::functions::flash::take();
    Ok(Some(Entrance { doors, invited, refused }))
}

/// Logs in, and goes on to `next`.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "log_in")]
pub async fn log_in(
    #[server(default)] name: String,
    #[server(default)] password: String,
    #[server(default)] next: String,
) -> Result<(), Refusal> {
    let next = ReturnPath::or_home(&next);
    let enter = async || {
        Check::default().name(&name).given(Field::Password, &password).finish()?;
        Ok::<_, Problems>(backend()?.log_in(&caller()?, name.trim(), &password).await?)
    };
    match enter().await {
        Ok(cookie) => entered(&cookie, &next),
        Err(problems) => Way { form: LogIn::PATH, page: &next.after("/login"), anchor: "" }
            .refused(problems, Typed { name, ..Typed::default() }),
    }
    Ok(())
}

/// Makes an account, logs it in, and goes on to `next`.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "register")]
pub async fn register(
    #[server(default)] name: String,
    #[server(default)] display_name: String,
    #[server(default)] password: String,
    #[server(default)] invite: String,
    #[server(default)] next: String,
) -> Result<(), Refusal> {
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
            ErrorCode::NameTaken | ErrorCode::Invalid => Problems::at(Field::Name, refusal),
            _ => refusal.into(),
        })
    };
    match enter().await {
        Ok(cookie) => entered(&cookie, &next),
        Err(problems) => {
            let page = if invite.is_empty() {
                "/register".to_owned()
            } else {
                format!("/register?invite={}", Url::escape(&invite))
            };
            Way { form: Register::PATH, page: &next.after(&page), anchor: "" }
                .refused(problems, Typed { name, display_name, ..Typed::default() });
        }
    }
    Ok(())
}

/// Logs out, and goes to the login page.
///
/// # Errors
/// None of its own: what is refused is said by the settings page.
#[server(prefix = "/api/fn", endpoint = "log_out")]
pub async fn log_out() -> Result<(), Refusal> {
    let leave = async || Ok::<_, Refusal>(backend()?.log_out(&caller()?).await?);
    match leave().await {
        Ok(cookie) => entered(&cookie, &ReturnPath::or_home("/login")),
        Err(refusal) => {
            Way { form: LogOut::PATH, page: "/settings", anchor: "leave" }.refused(refusal.into(), Typed::default())
        }
    }
    Ok(())
}

/// Sets the session's cookie, and sends the browser on.
#[cfg(feature = "ssr")]
fn entered(cookie: &str, next: &ReturnPath) {
    answer::add_header(leptos::server_fn::http_export::header::SET_COOKIE, cookie);
    answer::go(next.as_str());
}

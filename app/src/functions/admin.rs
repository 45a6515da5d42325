//! Everything on the administrators' page. Like the settings', each form is answered with a redirection back to the page.
#![expect(missing_docs, reason = "the macro makes a struct of each function's arguments, which can not be documented")]

use super::answer::{self, Way};
use super::form::{Problems, Refused, Typed};
use super::settings::Done;
use super::{backend, caller, flash};
use crate::backend::Refusal;
use crate::backend::admin::Admin;
use crate::return_path::ReturnPath;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::location::Url;
use trunkline_protocol::UserId;

/// Where the page is.
pub const PATH: &str = "/admin";

/// What the administrators' page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminPage {
    /// The site.
    pub admin: Admin,
    /// What was done last, if it was just now.
    pub done: Option<Done>,
    /// The form that was refused just now, if one was.
    pub refused: Refused,
}

/// The administrators' page. Who is not logged in is sent to the login page, and gets `None`.
///
/// # Errors
/// [`trunkline_protocol::ErrorCode::Forbidden`] for who is no administrator.
pub async fn load_admin(query: String) -> Result<Option<AdminPage>, Refusal> {
    let caller = caller()?;
    if caller.viewer.is_none() {
        answer::go(&ReturnPath::or_home(PATH).after("/login"));
        return Ok(None);
    }
    let admin = backend()?.admin(&caller, &query).await?;
    let (done, refused) = flash::take();
    Ok(Some(AdminPage { admin, done, refused }))
}

/// Whether the request comes from an administrator.
#[must_use]
pub fn is_admin() -> bool {
    caller().is_ok_and(|caller| caller.viewer.is_some_and(|viewer| viewer.admin))
}

/// Disables an account.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "disable_account")]
pub async fn disable_account(user: UserId, #[server(default)] query: String) -> Result<(), Refusal> {
    let done = async || {
        backend()?.set_disabled(&caller()?, user, true).await?;
        Ok::<_, Problems>(Done::AccountDisabled)
    };
    respond(DisableAccount::PATH, &query, done().await);
    Ok(())
}

/// Enables an account again.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "enable_account")]
pub async fn enable_account(user: UserId, #[server(default)] query: String) -> Result<(), Refusal> {
    let done = async || {
        backend()?.set_disabled(&caller()?, user, false).await?;
        Ok::<_, Problems>(Done::AccountEnabled)
    };
    respond(EnableAccount::PATH, &query, done().await);
    Ok(())
}

/// Ends all sessions of somebody.
///
/// # Errors
/// None of its own: what is refused is said by the page.
#[server(prefix = "/api/fn", endpoint = "end_sessions_of")]
pub async fn end_sessions_of(user: UserId, #[server(default)] query: String) -> Result<(), Refusal> {
    let done = async || {
        backend()?.end_sessions_of(&caller()?, user).await?;
        Ok::<_, Problems>(Done::SessionsEnded)
    };
    respond(EndSessionsOf::PATH, &query, done().await);
    Ok(())
}

/// Sends the browser back to the accounts that it was looking at.
fn respond(form: &'static str, query: &str, done: Result<Done, Problems>) {
    let page = if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?q={}", Url::escape(query)) };
    let way = Way { form, page: &page, anchor: "users" };
    match done {
        Ok(done) => way.done(done),
        Err(problems) => way.refused(problems, Typed::default()),
    }
}

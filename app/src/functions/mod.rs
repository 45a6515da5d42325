//! What the pages ask of the server, over HTTP where the browser asks.
//!
//! Each finds the `Backend` and the caller by `backend` and `caller`, passes the
//! question on, and answers with its result or a [`Refusal`]. They decide nothing themselves.
//!
//! # Layout
//!
//! - [`auth`]: logging in and out, and new accounts
//! - [`chat`]: the chat page, the directory, and groups
//! - [`settings`]: everything on the settings page
//! - `admin`, `delivery`: the administrators' page, and those about a message's way, on the server only
//! - [`form`]: what is wrong with a form, and what its fields must hold
//! - `answer`, `flash`: the redirection that answers a form, and the note that goes with it

#[cfg(feature = "ssr")]
pub mod admin;
#[cfg(feature = "ssr")]
pub(crate) mod answer;
pub mod auth;
pub mod chat;
#[cfg(feature = "ssr")]
pub mod delivery;
#[cfg(feature = "ssr")]
pub(crate) mod flash;
pub mod form;
#[cfg(feature = "ssr")]
mod request;
pub mod settings;

use crate::backend::Refusal;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
#[cfg(feature = "ssr")]
pub(crate) use request::{backend, caller};
use trunkline_protocol::ErrorCode;

impl FromServerFnError for Refusal {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            // On the server, what could not be read is the caller's; in the browser, it is an answer that did not come.
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Serialization(_) => {
                misunderstood()
            }
            ServerFnErrorErr::Deserialization(_) if cfg!(feature = "ssr") => misunderstood(),
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Deserialization(_) | ServerFnErrorErr::Response(_) => {
                Self::new(ErrorCode::Busy, "The server could not be reached. Please try again.")
            }
            _ => Self::new(ErrorCode::StoreUnavailable, "Something went wrong on the server. Please try again."),
        }
    }
}

fn misunderstood() -> Refusal {
    Refusal::new(ErrorCode::BadFrame, "The server did not understand the request. Please reload the page.")
}

//! What a server function knows of its request.

use crate::backend::Refusal;
use crate::backend::service::{Caller, SharedBackend};
use leptos::prelude::use_context;
use leptos::server_fn::http_export::request::Parts;
use trunkline_protocol::ErrorCode;

/// The server behind the pages.
///
/// # Errors
/// [`ErrorCode::StoreUnavailable`] if the server was put together without one.
pub(crate) fn backend() -> Result<SharedBackend, Refusal> {
    use_context().ok_or_else(missing)
}

/// Who sent the request, logged in or not.
///
/// # Errors
/// [`ErrorCode::StoreUnavailable`] if the server was put together without the layer that finds it out.
pub(crate) fn caller() -> Result<Caller, Refusal> {
    use_context::<Parts>().and_then(|parts| parts.extensions.get().cloned()).ok_or_else(missing)
}

fn missing() -> Refusal {
    Refusal::new(ErrorCode::StoreUnavailable, "The server is not set up completely.")
}

//! What handlers take from a request. Whatever can not be taken is a [`Problem`].

use super::problem::Problem;
use crate::store::Identity;
use crate::web::session::Known;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use trunkline_protocol::{ErrorCode, UserId};

/// Who calls, by session or access token; nobody else gets past this.
pub(super) struct Authenticated(pub(super) Identity);

impl Authenticated {
    /// The caller's id.
    pub(super) const fn id(&self) -> UserId {
        self.0.user.id
    }
}

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Known>() {
            Some(Known(Some(identity))) => Ok(Self(identity.clone())),
            _ => {
                let detail = "Log in, or send a valid access token: Authorization: Bearer ….";
                Err(Problem::new(ErrorCode::Unauthorized, detail))
            }
        }
    }
}

/// Values of the path.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Path(value) = axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

/// Values after the question mark.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Query(value) = axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

/// A JSON object as the body. Fields that nobody knows are ignored.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, bytes) = read(request, state).await?;
        let value = parse(parts, &bytes, state).await?;
        if first(&bytes) == Some(b'{') { Ok(Self(value)) } else { Err(no_object()) }
    }
}

/// The same for a body that may be left out, or be `null`.
pub(super) struct Optional<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for Optional<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, bytes) = read(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let value: Option<T> = parse(parts, &bytes, state).await?;
        match value {
            Some(_) if first(&bytes) != Some(b'{') => Err(no_object()),
            value => Ok(Self(value.unwrap_or_default())),
        }
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<(Parts, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await?;
    Ok((parts, bytes))
}

async fn parse<S: Send + Sync, T: DeserializeOwned>(parts: Parts, bytes: &Bytes, state: &S) -> Result<T, Problem> {
    let axum::Json(value) = axum::Json::from_request(Request::from_parts(parts, bytes.clone().into()), state).await?;
    Ok(value)
}

/// What a body begins with.
fn first(bytes: &Bytes) -> Option<u8> {
    bytes.trim_ascii_start().first().copied()
}

/// A list would be read as an object's fields in the order in which they are declared, which is nobody's business.
fn no_object() -> Problem {
    Problem::invalid("The body has to be a JSON object.")
}

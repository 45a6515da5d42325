//! What is answered when something is refused: one shape for all of it, `application/problem+json` (RFC 9457).

use crate::connection::requests::explain;
use crate::node::appender::Refused;
use crate::store::StoreError;
use crate::text::sentence;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;
use trunkline_app::backend::Refusal;
use trunkline_protocol::ErrorCode;
use utoipa::ToSchema;

/// The media type of every refusal.
pub const CONTENT_TYPE: &str = "application/problem+json";
/// When to try again where nobody knows better.
const RETRY: Duration = Duration::from_secs(1);

/// Why a request was refused: a code of the protocol, or something that only HTTP knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The same codes as on the WebSocket.
    Code(ErrorCode),
    /// No route has this path.
    NotFound,
    /// The route does not have this method.
    MethodNotAllowed,
    /// The body is above [`trunkline_protocol::limits::FRAME_BYTES`].
    TooLarge,
    /// The body is not said to be JSON.
    UnsupportedMediaType,
    /// A page of another site sent this.
    CrossSite,
    /// A defect of this server.
    Internal,
}

impl From<ErrorCode> for Reason {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl Reason {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 23] = [
        Self::Code(ErrorCode::BadFrame),
        Self::Code(ErrorCode::UnknownFrame),
        Self::Code(ErrorCode::EmptyMessage),
        Self::Code(ErrorCode::MessageTooLong),
        Self::Code(ErrorCode::UnknownConversation),
        Self::Code(ErrorCode::NotAMember),
        Self::Code(ErrorCode::KeyConflict),
        Self::Code(ErrorCode::UnknownUser),
        Self::Code(ErrorCode::CursorBeyondHead),
        Self::Code(ErrorCode::RateLimited),
        Self::Code(ErrorCode::Busy),
        Self::Code(ErrorCode::StoreUnavailable),
        Self::Code(ErrorCode::Unauthorized),
        Self::Code(ErrorCode::Forbidden),
        Self::Code(ErrorCode::Invalid),
        Self::Code(ErrorCode::NameTaken),
        Self::Code(ErrorCode::Unknown),
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::CrossSite,
        Self::Internal,
    ];

    /// The status and the title: the one place that says so.
    #[must_use]
    pub const fn describe(self) -> (StatusCode, &'static str) {
        match self {
            Self::Code(ErrorCode::BadFrame) => (StatusCode::BAD_REQUEST, "The body is not JSON"),
            Self::Code(ErrorCode::UnknownFrame) => (StatusCode::BAD_REQUEST, "Unknown type of frame"),
            Self::Code(ErrorCode::EmptyMessage) => (StatusCode::UNPROCESSABLE_ENTITY, "The message is empty"),
            Self::Code(ErrorCode::MessageTooLong) => (StatusCode::UNPROCESSABLE_ENTITY, "The message is too long"),
            Self::Code(ErrorCode::UnknownConversation) => (StatusCode::NOT_FOUND, "Unknown conversation"),
            Self::Code(ErrorCode::NotAMember) => (StatusCode::FORBIDDEN, "Not a member of the conversation"),
            Self::Code(ErrorCode::KeyConflict) => (StatusCode::CONFLICT, "The key was used for another message"),
            Self::Code(ErrorCode::UnknownUser) => (StatusCode::NOT_FOUND, "Unknown user"),
            Self::Code(ErrorCode::CursorBeyondHead) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The cursor is beyond the conversation's head")
            }
            Self::Code(ErrorCode::RateLimited) => (StatusCode::TOO_MANY_REQUESTS, "Too fast"),
            Self::Code(ErrorCode::Busy) => (StatusCode::SERVICE_UNAVAILABLE, "The node has too much in hand"),
            Self::Code(ErrorCode::StoreUnavailable) => {
                (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer; nothing was changed")
            }
            Self::Code(ErrorCode::Unauthorized) => (StatusCode::UNAUTHORIZED, "Not logged in"),
            Self::Code(ErrorCode::Forbidden) => (StatusCode::FORBIDDEN, "Not allowed"),
            Self::Code(ErrorCode::Invalid) => (StatusCode::UNPROCESSABLE_ENTITY, "A value does not fit its rule"),
            Self::Code(ErrorCode::NameTaken) => (StatusCode::CONFLICT, "The name is taken"),
            Self::Code(ErrorCode::Unknown) => (StatusCode::INTERNAL_SERVER_ERROR, "An error of a later version"),
            Self::NotFound => (StatusCode::NOT_FOUND, "No such route"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "The route does not have this method"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not said to be JSON"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "Sent by a page of another site"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "A defect of this server"),
        }
    }

    /// The code as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code(code) => code.as_str(),
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::CrossSite => "cross_site",
            Self::Internal => "internal",
        }
    }
}

/// A refusal, to be returned with `?` by any handler.
#[derive(Clone, Debug)]
pub struct Problem {
    reason: Reason,
    detail: String,
    retry_after: Option<Duration>,
}

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Where the code is explained: `/api#` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/api#rate_limited")]
    pub kind: String,
    /// What the code means; the same for every occurrence.
    #[schema(example = "Too fast")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 429)]
    pub status: u16,
    /// What happened this time, as a sentence for people.
    #[schema(example = "You are sending faster than this server takes.")]
    pub detail: String,
    /// What a program goes by.
    #[schema(value_type = super::document::Code)]
    pub code: &'static str,
    /// Seconds after which the same request may succeed, unchanged. Absent if trying again does not help. The
    /// header `Retry-After` says the same in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0.1)]
    pub retry_after: Option<f64>,
}

impl Problem {
    /// A refusal with a sentence for people.
    #[must_use]
    pub fn new(reason: impl Into<Reason>, detail: impl Into<String>) -> Self {
        Self { reason: reason.into(), detail: detail.into(), retry_after: None }
    }

    /// [`ErrorCode::Invalid`] with a sentence.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, detail)
    }

    /// When the same request may succeed.
    #[must_use]
    pub const fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    fn body(self) -> (StatusCode, ProblemBody, Option<Duration>) {
        let (status, title) = self.reason.describe();
        let may_pass = matches!(self.reason, Reason::Code(code) if code.is_retryable());
        let wait = self.retry_after.or_else(|| may_pass.then_some(RETRY));
        let code = self.reason.as_str();
        // Whole milliseconds, rounded up, are easier to read, and never too early.
        let retry_after = wait.map(|wait| (wait.as_secs_f64() * 1000.0).ceil() / 1000.0);
        let (kind, detail, status_code) = (format!("/api#{code}"), self.detail, status.as_u16());
        (status, ProblemBody { kind, title, status: status_code, detail, code, retry_after }, wait)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, body, wait) = self.body();
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(wait) = wait {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Trunkline\""));
        }
        response
    }
}

impl From<(ErrorCode, String)> for Problem {
    fn from((code, detail): (ErrorCode, String)) -> Self {
        Self::new(code, detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        explain(&error).into()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self { retry_after: refused.retry_after(), ..Self::new(refused.code(), sentence(&refused.to_string())) }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let most = trunkline_protocol::limits::FRAME_BYTES;
            return Self::new(Reason::TooLarge, format!("A body can have at most {most} bytes."));
        }
        Self::new(ErrorCode::BadFrame, "The body ended too early.")
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let detail = sentence(&rejection.body_text());
        match rejection {
            JsonRejection::JsonDataError(_) => Self::invalid(detail),
            JsonRejection::MissingJsonContentType(_) => {
                Self::new(Reason::UnsupportedMediaType, "Send JSON, with the header Content-Type: application/json.")
            }
            JsonRejection::BytesRejection(rejection) => rejection.into(),
            _ => Self::new(ErrorCode::BadFrame, detail),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::invalid(sentence(&rejection.body_text()))
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(sentence(&rejection.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_status_of_an_error_and_a_title_of_its_own() {
        // The last code's place is their number: a code that is missing in the list shows here.
        assert_eq!(Reason::ALL.len(), ErrorCode::Unknown as usize + 1 + 6);
        let titles: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.describe().1).collect();
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!((titles.len(), codes.len()), (Reason::ALL.len(), Reason::ALL.len()));
        for reason in Reason::ALL {
            let status = reason.describe().0;
            assert!(status.is_client_error() || status.is_server_error(), "{}", reason.as_str());
        }
    }

    #[test]
    fn what_may_pass_later_says_when_and_nothing_else_does() {
        for reason in Reason::ALL {
            let may_pass = matches!(reason, Reason::Code(code) if code.is_retryable());
            let response = Problem::new(reason, "x").into_response();
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), may_pass, "{}", reason.as_str());
        }
        let soon = Problem::new(ErrorCode::RateLimited, "x").after(Duration::from_micros(99_100));
        let (_, body, _) = soon.clone().body();
        assert_eq!(body.retry_after, Some(0.1));
        assert_eq!(soon.into_response().headers()[header::RETRY_AFTER], "1");
    }
}

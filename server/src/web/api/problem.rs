//! What is answered when something is refused: one shape for all of it, `application/problem+json` (RFC 9457).

use super::reason::Reason;
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

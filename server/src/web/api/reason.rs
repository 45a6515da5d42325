//! Why requests are refused: codes, statuses and titles.

use axum::http::StatusCode;
use trunkline_protocol::ErrorCode;

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
    /// The body did not come in time.
    TooSlow,
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
    pub const ALL: [Self; 24] = [
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
        Self::TooSlow,
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
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The request took too long"),
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
            Self::TooSlow => "too_slow",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::CrossSite => "cross_site",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_status_of_an_error_and_a_title_of_its_own() {
        // The last code's place is their number: a code that is missing in the list shows here.
        assert_eq!(Reason::ALL.len(), ErrorCode::Unknown as usize + 1 + 7);
        let titles: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.describe().1).collect();
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!((titles.len(), codes.len()), (Reason::ALL.len(), Reason::ALL.len()));
        for reason in Reason::ALL {
            let status = reason.describe().0;
            assert!(status.is_client_error() || status.is_server_error(), "{}", reason.as_str());
        }
    }
}

//! Error codes and close codes. Each carries its retry rule, so that no client has to guess.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why something was refused. The same codes on the WebSocket and in the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, not text, or a frame that lacks a field.
    BadFrame,
    /// A frame type that this version does not know. It was ignored.
    UnknownFrame,
    /// A message without a visible character.
    EmptyMessage,
    /// A message above [`crate::limits::MESSAGE_CHARS`].
    MessageTooLong,
    /// No conversation has this id.
    UnknownConversation,
    /// The conversation exists, but the caller is not in it.
    NotAMember,
    /// The send key was used before with another body or in another conversation.
    KeyConflict,
    /// No user has this name or id.
    UnknownUser,
    /// A cursor beyond the conversation's head. (A range beyond it is empty.)
    CursorBeyondHead,
    /// Too fast; wait as told.
    RateLimited,
    /// The node has too much in hand; wait as told.
    Busy,
    /// The store does not answer or can not write; nothing was changed.
    StoreUnavailable,
    /// No session, an ended session, or a wrong token.
    Unauthorized,
    /// The session is fine, but this is not allowed to this user.
    Forbidden,
    /// A name, password or other field that does not fit its rule.
    Invalid,
    /// The name belongs to somebody else.
    NameTaken,
    /// A code of a later version.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Busy | Self::StoreUnavailable)
    }

    /// The code as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadFrame => "bad_frame",
            Self::UnknownFrame => "unknown_frame",
            Self::EmptyMessage => "empty_message",
            Self::MessageTooLong => "message_too_long",
            Self::UnknownConversation => "unknown_conversation",
            Self::NotAMember => "not_a_member",
            Self::KeyConflict => "key_conflict",
            Self::UnknownUser => "unknown_user",
            Self::CursorBeyondHead => "cursor_beyond_head",
            Self::RateLimited => "rate_limited",
            Self::Busy => "busy",
            Self::StoreUnavailable => "store_unavailable",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Invalid => "invalid",
            Self::NameTaken => "name_taken",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a node closed a WebSocket. 4000 to 4499: connect again, after a jittered delay. 4500 to 4999: do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The node stops; another one serves.
    Moving = 4000,
    /// More than [`crate::limits::QUEUE_BYTES`] waited for this connection.
    SlowConsumer = 4001,
    /// No hello within [`crate::limits::HELLO_WITHIN`].
    HelloTimeout = 4002,
    /// Nothing heard within [`crate::limits::NODE_SILENCE`].
    Silent = 4003,
    /// The node lost its lease and starts over as a new incarnation.
    NewIncarnation = 4004,
    /// The node could not load what a welcome needs.
    Unavailable = 4005,
    /// More than [`crate::limits::CONNECTIONS_PER_USER`]. Sockets that are dead and not yet known to be count too, so
    /// there may be room later.
    TooManyConnections = 4006,
    /// The session was ended, here or elsewhere.
    SessionEnded = 4500,
    /// The peer does not speak this protocol.
    BadProtocol = 4501,
}

impl CloseCode {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Moving,
        Self::SlowConsumer,
        Self::HelloTimeout,
        Self::Silent,
        Self::NewIncarnation,
        Self::Unavailable,
        Self::TooManyConnections,
        Self::SessionEnded,
        Self::BadProtocol,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self as u16
    }

    /// The rule of the ranges, for codes of any version: may a client connect again by itself?
    #[must_use]
    pub const fn allows_reconnect(code: u16) -> bool {
        !matches!(code, 4500..=4999)
    }

    /// A short reason, for logs and the close frame.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Moving => "the node is stopping",
            Self::SlowConsumer => "reads too slowly",
            Self::HelloTimeout => "no hello in time",
            Self::Silent => "nothing heard",
            Self::NewIncarnation => "the node started over",
            Self::Unavailable => "the store does not answer",
            Self::SessionEnded => "the session was ended",
            Self::BadProtocol => "not this protocol",
            Self::TooManyConnections => "too many connections",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_close_code_says_whether_to_come_back() {
        for code in (0..=u16::MAX).filter(|code| !(4500..=4999).contains(code)) {
            assert!(CloseCode::allows_reconnect(code), "{code}");
        }
        assert!(!(4500..=4999).any(CloseCode::allows_reconnect));
    }

    #[test]
    fn every_close_code_lies_in_a_range_and_fits_a_close_frame() {
        for code in CloseCode::ALL {
            let stays_away = matches!(code, CloseCode::SessionEnded | CloseCode::BadProtocol);
            assert_eq!(CloseCode::allows_reconnect(code.as_u16()), !stays_away, "{code:?}");
            // Private use (RFC 6455, section 7.4.2); 123 bytes is what a control frame leaves for the reason.
            assert!((4000..=4999).contains(&code.as_u16()) && code.reason().len() <= 123);
        }
    }

    #[test]
    fn only_what_may_succeed_unchanged_is_tried_again() {
        let retryable = [ErrorCode::RateLimited, ErrorCode::Busy, ErrorCode::StoreUnavailable];
        assert!(retryable.into_iter().all(ErrorCode::is_retryable));
        for code in [ErrorCode::NotAMember, ErrorCode::KeyConflict, ErrorCode::CursorBeyondHead, ErrorCode::Unknown] {
            assert!(!code.is_retryable(), "{code}");
        }
    }
}

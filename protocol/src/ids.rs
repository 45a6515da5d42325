//! The names of things. Each is its own type, so that a seq can not be passed for a position.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

macro_rules! random {
    ($(#[$doc:meta])* $name:ident = $new:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one, from at least 62 random bits.
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::$new())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

number! {
    /// A user, for ever, and in no other history of the store another one. Below 2^53, so that every JSON reader keeps it
    /// exact.
    UserId
}
number! {
    /// A conversation, for ever, and in no other history of the store another one. Below 2^53.
    ConversationId
}
number! {
    /// Position of a change in its conversation: dense, from 1. 0 stands for "before the first".
    Seq
}
number! {
    /// A commit position of the store: everything at or below it is visible, and nothing will appear
    /// there any more. 0 stands for "from the beginning".
    Position
}

random! {
    /// The identity of a store's history. A new one means that every position from before is void.
    Epoch = new_v4
}
random! {
    /// One incarnation of a node: new at every start.
    NodeId = new_v4
}
random! {
    /// Client-made id of one send; the same key always gives the same result. Any UUID will do. Those of
    /// [`SendKey::random`] begin with the time, so that a store finds the new ones side by side in its index: with random
    /// ones every message writes a page of its own there.
    SendKey = now_v7
}
random! {
    /// One login. It names the session in lists; it is not the token and opens nothing.
    SessionId = new_v4
}

impl Seq {
    /// The position after this one. No log is long enough for the last number, but a peer may name it; it stays itself.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position before this one; 0 stays 0.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

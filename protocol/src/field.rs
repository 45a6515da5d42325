//! How frames and changes are read: their fields side by side, each of them optional, and then what the tag makes of
//! them.
//!
//! What serde derives for an enum with a tag reads everything into a tree of its own first, and has a reader for each
//! variant: in the browser's bundle that is many times the code, and on a node one more copy of every text. Here a
//! field that is not what this version expects fails only what uses it: so an unknown type of a later version may give
//! a number's or text's name to something else. Lists and objects keep their shape for ever.

use crate::codes::ErrorCode;
use crate::ids::{ConversationId, Epoch, Millis, NodeId, Position, SendKey, Seq, UserId};
use serde::de::value::{Error, StrDeserializer};
use serde::de::{IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// A field that the tag needs is not there, or is something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field `{0}` is missing or is not what it should be")]
pub(crate) struct Missing(&'static str);

/// The value of a field that has to be there.
pub(crate) fn need<T>(field: Option<T>, name: &'static str) -> Result<T, Missing> {
    field.ok_or(Missing(name))
}

/// The value of a plain field that has to be there.
pub(crate) fn plain<'a, T: FromScalar<'a>>(field: Scalar<'a>, name: &'static str) -> Result<T, Missing> {
    need(field.get(), name)
}

/// The value of a plain field that may be left out.
pub(crate) fn optional<'a, T: FromScalar<'a>>(field: Scalar<'a>, name: &'static str) -> Result<Option<T>, Missing> {
    if matches!(field, Scalar::Absent) { Ok(None) } else { plain(field, name).map(Some) }
}

/// A number, text, truth or anything else that stands in a field.
#[derive(Clone, Debug, Default)]
pub(crate) enum Scalar<'a> {
    Number(u64),
    Text(Cow<'a, str>),
    Truth(bool),
    /// There, and none of these.
    Other,
    /// Absent, or null.
    #[default]
    Absent,
}

impl<'a> Scalar<'a> {
    /// What it means, if it means that.
    fn get<T: FromScalar<'a>>(self) -> Option<T> {
        T::from_scalar(self)
    }
}

/// What can stand in a plain field.
pub(crate) trait FromScalar<'a>: Sized {
    fn from_scalar(scalar: Scalar<'a>) -> Option<Self>;
}

impl FromScalar<'_> for u64 {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        if let Scalar::Number(number) = scalar { Some(number) } else { None }
    }
}

impl FromScalar<'_> for u32 {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        scalar.get::<u64>()?.try_into().ok()
    }
}

impl FromScalar<'_> for Millis {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        scalar.get::<u64>()?.try_into().ok()
    }
}

impl FromScalar<'_> for bool {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        if let Scalar::Truth(truth) = scalar { Some(truth) } else { None }
    }
}

impl<'a> FromScalar<'a> for Cow<'a, str> {
    fn from_scalar(scalar: Scalar<'a>) -> Option<Self> {
        if let Scalar::Text(text) = scalar { Some(text) } else { None }
    }
}

impl FromScalar<'_> for String {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        scalar.get::<Cow<'_, str>>().map(Cow::into_owned)
    }
}

impl FromScalar<'_> for ErrorCode {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        let text = scalar.get::<Cow<'_, str>>()?;
        let text: StrDeserializer<'_, Error> = text.as_ref().into_deserializer();
        Self::deserialize(text).ok()
    }
}

macro_rules! numbers {
    ($($name:ident)*) => { $(
        impl FromScalar<'_> for $name {
            fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
                scalar.get().map($name)
            }
        }
    )* };
}

macro_rules! randoms {
    ($($name:ident)*) => { $(
        impl FromScalar<'_> for $name {
            fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
                scalar.get::<Cow<'_, str>>()?.parse().ok()
            }
        }
    )* };
}

numbers!(ConversationId Position Seq UserId);
randoms!(Epoch NodeId SendKey);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Scalar::Number(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Other)
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Truth(truth))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Absent)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

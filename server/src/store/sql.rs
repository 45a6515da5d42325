//! Numbers of ours as SQL's, which are signed.

use trunkline_protocol::{ConversationId, Position, Seq, UserId};

/// A number of ours as SQL's.
pub(super) trait Sql {
    /// What is too large stands for nothing that exists, and becomes the largest: clients may name any number.
    fn sql(self) -> i64;
}

macro_rules! sql {
    ($($name:ident),*) => {
        $(impl Sql for $name {
            fn sql(self) -> i64 {
                self.0.sql()
            }
        })*
    };
}

impl Sql for u64 {
    fn sql(self) -> i64 {
        i64::try_from(self).unwrap_or(i64::MAX)
    }
}
sql!(ConversationId, Position, Seq, UserId);

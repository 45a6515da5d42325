//! What goes wrong inside a store, before it is known which operation it was part of.

use super::StoreError;
use std::sync::Arc;
use thiserror::Error;

/// Why a piece of work was not done. Nothing of it is left.
#[derive(Debug)]
pub(in crate::store) enum Fault {
    /// The request can not be met; the engine is fine.
    Refused(StoreError),
    /// The engine failed, or what it holds makes no sense.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl Fault {
    /// The error that the caller of the store gets.
    pub(in crate::store) fn during(self, operation: &'static str) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Failed(source) => StoreError::Unavailable { operation, source },
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Trouble> for Fault {
    fn from(error: Trouble) -> Self {
        Self::Failed(error.into())
    }
}

/// Failures that are not the engine's.
#[derive(Clone, Debug, Error)]
pub(in crate::store) enum Trouble {
    /// A job shares its transaction with others, and that failed as a whole.
    #[error("the transaction failed")]
    Transaction(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Who should have done the work is gone.
    #[error("the store is closed")]
    Closed,
    /// Others were always faster.
    #[error("too many want the same thing at once")]
    Busy,
    /// A defect in this program.
    #[error("the job panicked")]
    Panicked,
    /// Somebody else wrote into the database, or its disk did.
    #[error("the database contradicts itself: {0}")]
    Inconsistent(&'static str),
}
